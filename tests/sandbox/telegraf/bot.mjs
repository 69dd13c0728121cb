// A bot as telegraf's readers write one. Token and address come from the environment.
import { Telegraf, Markup } from "telegraf";

const bot = new Telegraf(process.env.BOT_TOKEN, {
  telegram: { apiRoot: process.env.API_ROOT },
});
const pixel =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==";

bot.start((ctx) =>
  ctx.reply(
    `Welcome, ${ctx.from.first_name} (${ctx.payload})`,
    Markup.inlineKeyboard([Markup.button.callback("Again", "again")]),
  ),
);
bot.action("again", async (ctx) => {
  await ctx.editMessageText("Once more");
  await ctx.answerCbQuery("done");
});
bot.command("card", (ctx) =>
  ctx.replyWithPhoto(
    { source: Buffer.from(pixel, "base64"), filename: "card.png" },
    { caption: "Your card" },
  ),
);
bot.on("message", (ctx) => ctx.react("👍"));

bot.launch();
process.once("SIGTERM", () => bot.stop("SIGTERM"));
