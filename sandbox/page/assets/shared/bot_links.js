// Links to bots of the sandbox are played here: at t.me they would lead to somebody else's bot.

const BOT_LINK = /^https?:\/\/(?:t\.me|telegram\.me)\/(\w+)\/?(?:\?start=([\w-]{1,64}))?$/;

/** Let the chosen person of Telegram open a bot by its link, wherever in `element` that stands. */
export function playBotLinks(element, api) {
  element.addEventListener("click", async (event) => {
    const address = event.target.closest?.("a")?.href ?? "";
    const [, username, payload = ""] = BOT_LINK.exec(address) ?? [];
    const bot = api.store.list("telegram/bots").find((one) => one.username === username);
    if (!bot || !api.telegramPerson) return;
    event.preventDefault();
    api.memory.set("tgchat", `bot:${bot.bot_id}`);
    api.memory.set("side", "telegram");
    await api.act("/telegram/start", { user_id: api.telegramPerson, payload, bot_id: bot.bot_id }).catch(() => {});
    api.store.touch();
  });
}
