// A small bot in each library, with the addresses and the token by which it runs on this sandbox.

import { fill, h, withCode } from "./dom.js";
import { ask } from "./floating.js";

const HTTP = "http";

/** The libraries of a platform: how one gets and starts each, and its program. */
export const PROGRAMS = {
  telegram: [
    { library: "aiogram", file: "my_bot.py", get: "pip install aiogram", start: "python my_bot.py", program: aiogram },
    { library: "telegraf", file: "my_bot.mjs", get: "npm install telegraf", start: "node my_bot.mjs", program: telegraf },
    { library: "grammY", file: "my_bot.mjs", get: "npm install grammy", start: "node my_bot.mjs", program: grammy },
    { library: HTTP, program: telegramHttp },
  ],
  discord: [
    { library: "discord.py", file: "my_bot.py", get: "pip install discord.py", start: "python my_bot.py", program: discordPy },
    { library: "discord.js", file: "my_bot.mjs", get: "npm install discord.js", start: "node my_bot.mjs", program: discordJs },
    { library: HTTP, program: discordHttp },
  ],
};

function aiogram({ telegram_api_base: base }, token) {
  return `import asyncio

from aiogram import Bot, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.filters import Command
from aiogram.types import Message

server = TelegramAPIServer.from_base("${base}")
bot = Bot("${token}", session=AiohttpSession(api=server))
dispatcher = Dispatcher()


@dispatcher.message(Command("hello"))
async def hello(message: Message) -> None:
    await message.answer(f"Hello, {message.from_user.first_name}!")


asyncio.run(dispatcher.start_polling(bot))
`;
}

function telegraf({ telegram_api_base: base }, token) {
  return `import { Telegraf } from "telegraf";

const bot = new Telegraf("${token}", { telegram: { apiRoot: "${base}" } });

bot.command("hello", (context) => context.reply(\`Hello, \${context.from.first_name}!\`));

bot.launch();
`;
}

function grammy({ telegram_api_base: base }, token) {
  return `import { Bot } from "grammy";

const bot = new Bot("${token}", { client: { apiRoot: "${base}" } });

bot.command("hello", (context) => context.reply(\`Hello, \${context.from.first_name}!\`));

bot.start();
`;
}

function telegramHttp({ telegram_api_base: base }, token) {
  return `curl -s ${base}/bot${token}/getMe
curl -s "${base}/bot${token}/getUpdates?timeout=30"
`;
}

function discordPy({ discord_api_base: base, discord_gateway_url: gateway }, token) {
  return `import discord
import yarl
from discord import app_commands

discord.http.Route.BASE = "${base}"
discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL("${gateway}")

client = discord.Client(intents=discord.Intents.default())
tree = app_commands.CommandTree(client)


@tree.command(description="Say hello")
async def hello(interaction: discord.Interaction) -> None:
    await interaction.response.send_message(f"Hello, {interaction.user.display_name}!")


@client.event
async def setup_hook() -> None:
    await tree.sync()


client.run("${token}")
`;
}

function discordJs({ discord_api_base: base }, token) {
  return `import { Client, Events, GatewayIntentBits } from "discord.js";

const rest = { api: "${base.replace(/\/v\d+$/, "")}" };
const client = new Client({ intents: [GatewayIntentBits.Guilds], rest });

client.once(Events.ClientReady, () =>
  client.application.commands.set([{ name: "hello", description: "Say hello" }]));
client.on(Events.InteractionCreate, (interaction) =>
  interaction.reply(\`Hello, \${interaction.member.displayName}!\`));

client.login("${token}");
`;
}

function discordHttp({ discord_api_base: base }, token) {
  return `curl -s ${base}/users/@me -H "Authorization: Bot ${token}"
curl -s ${base}/gateway/bot -H "Authorization: Bot ${token}"
`;
}

/** Tell in a dialog of `pane` how one connects `bot`, of which the token and the username are used. */
export function tellPrograms(pane, platform, bot) {
  const element = h("div", { class: "programs" });
  drawPrograms(element, pane.api, platform, bot);
  ask(pane.element, {
    title: pane.api.say("connectBot"), label: "OK", kind: "wide", fields: [{ kind: "note", content: element }], send: () => {},
  });
}

/** The command by its full name on Telegram: without it, only the bot that wrote last hears it in a group. */
function helloTo(platform, bot) {
  return platform === "telegram" ? `/hello@${bot.username}` : "/hello";
}

/** Draw in `element` how one connects `bot`, by its token and username: libraries to pick from, and a program to copy. */
export function drawPrograms(element, api, platform, bot) {
  const { say, memory, store } = api;
  const addresses = store.get("sandbox", "addresses");
  if (!addresses) return;
  const programs = PROGRAMS[platform];
  const chosen = programs.find((one) => one.library === memory.get(`library-${platform}`)) ?? programs[0];
  const text = chosen.program(addresses, bot.token);
  const pick = (one) => {
    memory.set(`library-${platform}`, one.library);
    drawPrograms(element, api, platform, bot);
    element.querySelector("[aria-pressed=true]").focus();
  };
  const code = h("code", { text });
  const copied = h("span", { class: "hint", role: "status" });
  fill(element,
    h("div", { class: "libraries", role: "group", "aria-label": say("library") }, programs.map((one) =>
      h("button", { type: "button", "aria-pressed": String(one === chosen), text: one.library === HTTP ? say("anyLibrary") : one.library, onclick: () => pick(one) }))),
    chosen.file && h("p", { class: "hint" }, withCode(say("programSteps", { ...chosen, hello: helloTo(platform, bot) }))),
    h("div", { class: "program", tabindex: "0", role: "region", "aria-label": say("program") }, h("pre", {}, code)),
    h("div", { class: "program-buttons" },
      h("button", { type: "button", class: "quiet", text: say("copy"), onclick: async () => { copied.textContent = say((await copyText(text, code)) ? "copiedProgram" : "markedProgram"); } }), copied));
}

/** Copy a text, or mark the element that has it where the browser lets no page copy. Tells which of both. */
export async function copyText(text, element) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    getSelection().selectAllChildren(element);
    return false;
  }
}
