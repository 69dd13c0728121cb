// What the tour sees: who the person at the page is, and what happened since a step began.

import { connectionOf } from "/sandbox/play/shared/connections.js";

export class Scene {
  /** `api` is the launcher's part of the page, `sandbox` that of the chats. */
  constructor(api, sandbox) {
    this.memory = api.memory;
    this.board = api.store;
    this.chats = sandbox.store;
    this.sandbox = sandbox;
  }

  // Who

  get telegramId() {
    return Number(this.sandbox.telegramPerson);
  }

  get discordId() {
    const chosen = this.memory.get("dc");
    if (this.chats.get("discord/members", chosen)) return chosen;
    const people = this.chats.list("discord/members").filter((one) => !one.user.bot);
    const owner = this.chats.get("discord", "guild")?.owner_id;
    return (people.find((one) => one.user.id !== owner) ?? people[0])?.user.id;
  }

  /** Whether the person at the page has chosen whom they are on this side. */
  hasChosen(side) {
    return side === "telegram"
      ? this.chats.get("telegram/users", this.memory.get("tg")) !== undefined
      : this.chats.get("discord/members", this.memory.get("dc")) !== undefined;
  }

  /** The name of the chosen person of Telegram. */
  get name() {
    const user = this.chats.get("telegram/users", this.telegramId);
    return user ? [user.first_name, user.last_name].filter(Boolean).join(" ") : "";
  }

  get #group() {
    return this.chats.list("telegram/chats").find((one) => one.type === "supergroup");
  }

  get #membership() {
    return this.#group?.members.find((one) => one.user_id === this.telegramId);
  }

  get isInGroup() {
    return Boolean(this.#membership?.present);
  }

  /** Open the group, if a private chat is open. */
  openGroup() {
    if (this.memory.get("tgchat") && this.#group) {
      this.memory.set("tgchat", this.#group.id);
      this.chats.touch();
    }
  }

  // What is shown

  /** The tag that the person has in Telegram: the name of their rank. */
  get tag() {
    return this.#membership?.tag || null;
  }

  /** The rank that both sides show: a tag in Telegram, and a role of this name on Discord. */
  get rankOnBoth() {
    const worn = this.chats.get("discord/members", this.discordId)?.roles ?? [];
    const names = worn.map((id) => this.chats.get("discord/roles", id)?.name);
    return names.includes(this.tag) ? this.tag : null;
  }

  // What happened

  /** What is there as a step begins, so that later is told from before. */
  mark() {
    return {
      group: Math.max(0, ...this.#written(`${this.#group?.id}`).map((one) => one.message_id)),
      private: Math.max(0, ...this.#private.map((one) => one.message_id)),
      secret: this.#secrets.map((one) => one.id),
      story: Math.max(0, ...this.board.list("bus/stories").map((one) => one.id)),
      broken: Object.fromEntries(this.board.list("breaks").map((one, index) => [index, one.times])),
      tag: this.tag,
      wasAsked: this.isAsked,
    };
  }

  #written(folder) {
    return this.chats.list(`telegram/messages/${folder}`);
  }

  get #private() {
    return this.#written(`${this.telegramId}:${this.#botId("telegram")}`);
  }

  /** Messages on Discord that the person alone sees. */
  get #secrets() {
    const all = this.chats.list("discord/channels").flatMap((one) => this.chats.list(`discord/messages/${one.id}`));
    return all.filter((one) => one.visible_to === this.discordId);
  }

  /** Whether the person wrote to the group since, and our bot answered. */
  wasAnswered(mark) {
    const news = this.#written(`${this.#group?.id}`).filter((one) => one.message_id > mark.group);
    const asked = news.find((one) => one.from?.id === this.telegramId);
    return Boolean(asked) && news.some((one) => String(one.from?.id) === this.#botId("telegram") && one.message_id > asked.message_id);
  }

  /** Whether the person earned something in Telegram since. */
  hasEarned(mark) {
    return this.tag !== mark.tag || this.#stories.some((one) => one.id > mark.story);
  }

  get #stories() {
    return this.board.list("bus/stories").filter((one) => one.source === "telegram" && one.account === String(this.telegramId));
  }

  /** Milliseconds from the record of the person's newest event to its acknowledgement, or null. */
  get crossingMs() {
    for (const story of this.#stories.sort((one, other) => other.id - one.id)) {
      const at = (kind) => story.steps.find((one) => one.kind === kind)?.at;
      if (at("acknowledged")) return Math.max(1, Math.round(at("acknowledged") - at("recorded")));
    }
    return null;
  }

  /** Whether the bot on Discord answered the person alone since: with a link, or that there is one already. */
  wasToldSecretly(mark) {
    return this.#secrets.some((one) => !mark.secret.includes(one.id));
  }

  /** Whether there is a button that opens the bot in Telegram. */
  get hasLink() {
    return this.#secrets.some((one) => buttonsOf(one).some((button) => button.url?.includes("?start=")));
  }

  /** Whether the person opened the link: only a link is opened with a payload. */
  hasOpenedLink(mark) {
    return this.isAsked || this.#private.some((one) => one.message_id > mark.private && one.text?.startsWith("/start "));
  }

  /** Whether the bot asks on Discord whether the account is the person's. */
  get isAsked() {
    return this.#secrets.some((one) => buttonsOf(one).some((button) => button.custom_id?.startsWith("link.")));
  }

  /** Whether a question that was there is answered. */
  hasConfirmed(mark) {
    mark.wasAsked ||= this.isAsked;
    return mark.wasAsked && !this.isAsked;
  }

  /** The seconds in which something healed that was broken since, or null. */
  healedSince(mark) {
    const all = this.board.list("breaks").map((one, index) => [one, mark.broken[index] ?? 0]);
    return all.find(([one, before]) => one.times > before && one.stage === "healed")?.[0].took_s ?? null;
  }

  // What is away

  isBotAway(platform) {
    const folder = platform === "telegram" ? "telegram/bots" : "discord/bots";
    const bot = this.chats.list(folder).find((one) => String(one.bot_id ?? one.id) === this.#botId(platform));
    return Boolean(bot) && !connectionOf(bot).connected;
  }

  /** The name of a server that is away, or null. */
  get serverAway() {
    const names = { redis: "Redis", postgres: "Postgres" };
    return Object.entries(names).find(([name]) => this.board.get("bus/sources", name)?.away)?.[1] ?? null;
  }

  get canBreak() {
    return this.board.list("breaks").some((one) => one.stage !== "unavailable");
  }

  #botId(platform) {
    return this.board.get("bots/ours", platform)?.bot_id;
  }
}

function buttonsOf(message) {
  return (message.components ?? []).flatMap((row) => row.components ?? []);
}
