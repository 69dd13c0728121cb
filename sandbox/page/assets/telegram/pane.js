// The Telegram side: chats, messages and people, as one of them sees it.

import { playBotLinks } from "../shared/bot_links.js";
import { Composer } from "../shared/composer.js";
import { connectionWords } from "../shared/connections.js";
import { fill, h, keep } from "../shared/dom.js";
import { ask, base64Of, openMenu, toast } from "../shared/floating.js";
import { icon } from "../shared/icons.js";
import { drawPeople, face, Filter, ROWS_MAX, walkable } from "../shared/people.js";
import { Timeline } from "../shared/timeline.js";
import { chatDeeds, messageDeeds, personDeeds } from "./deeds.js";
import { drawMessage, idOf, nameOf, senderOf, serviceText, wordsOf } from "./message.js";

const SCOPES = ["chat_member", "chat_administrators", "chat", "all_chat_administrators", "all_group_chats", "all_private_chats", "default"];

/** Show the Telegram side of `api` in `element`. Returns a function that takes it away. */
export function mountTelegram(element, api) {
  const pane = new TelegramPane(element, api);
  const unlisten = api.store.listen((changed) => pane.draw(changed));
  pane.draw(new Set(["*"]));
  playBotLinks(pane.element, api);
  return () => {
    unlisten();
    element.replaceChildren();
  };
}

class TelegramPane {
  constructor(element, api) {
    this.api = api;
    this.element = element;
    this.members = new Map();
    this.places = [];
    this.chat = {};
    this.pressed = new Set();
    this.stamp = 0;
    this.#build();
  }

  #build() {
    this.element.classList.add("pane", "telegram");
    this.element.dataset.pane = "telegram";
    this.strip = h("div", { class: "people", role: "radiogroup" });
    walkable(this.strip);
    this.chatList = h("nav", { class: "chats" });
    this.title = h("div", { class: "chat-title" });
    this.topics = h("div", { class: "topics", role: "tablist" });
    this.pinned = h("button", { class: "pinned", hidden: true });
    this.timeline = new Timeline("Telegram");
    this.typing = h("div", { class: "typing", "aria-live": "off" });
    this.replyKeyboard = h("div", { class: "reply-keyboard" });
    this.filter = new Filter(() => this.#drawMembers());
    this.list = h("aside", { class: "members", hidden: true, id: "telegram-members" }, this.filter.field, this.filter.rows);
    this.back = h("button", { class: "icon back", onclick: () => this.element.classList.remove("in-chat") }, icon("back"));
    this.membersButton = h("button", { class: "icon", "aria-controls": "telegram-members", onclick: () => this.#toggleMembers() }, icon("members"));
    this.chatMenu = h("button", { class: "icon", "aria-haspopup": "menu", onclick: (event) => openMenu(event.currentTarget, chatDeeds(this), this.api.say("chatMenu")) }, icon("menu"));
    this.composer = new Composer({
      id: "telegram",
      send: (written) => this.#send(written),
      complete: (text) => this.#complete(text),
      onError: (error) => this.#tell(error),
    });
    this.composer.onEscape = () => this.#endReply();
    fill(
      this.element,
      this.strip,
      h("div", { class: "body" },
        this.chatList,
        h("section", { class: "chat" },
          h("header", { class: "chat-head" }, this.back, this.title, this.membersButton, this.chatMenu),
          this.topics, this.pinned, this.timeline.element, this.typing, this.composer.form, this.replyKeyboard),
        this.list),
      h("div", { class: "toasts" }),
    );
  }

  // What is shown

  draw(changed) {
    const all = changed.has("*");
    const { store, say, memory } = this.api;
    if (all) this.#label();
    else if (![...changed].some((one) => one.startsWith("telegram"))) return;
    this.stamp = all ? this.stamp + 1 : this.stamp;
    this.users = new Map(store.list("telegram/users").map((one) => [one.id, one]));
    const groups = store.list("telegram/chats").filter((one) => one.type !== "private");
    this.group = groups.find((one) => one.type === "supergroup") ?? { members: [] };
    this.members = new Map((this.group.members ?? []).map((one) => [one.user_id, one]));
    const people = [...this.users.values()].filter((one) => !one.is_bot);
    this.me = people.some((one) => String(one.id) === memory.get("tg"))
      ? Number(memory.get("tg"))
      : (people.find((one) => this.members.get(one.id)?.status === "member") ?? people[0])?.id;
    // Links to bots are opened as this person, on the other side too.
    this.api.telegramPerson = this.me;
    this.#drawStrip(people);
    this.places = this.#placesOf(groups);
    const wanted = memory.get("tgchat");
    this.place = this.places.find((one) => one.name === wanted) ?? this.places[0];
    if (!this.place) {
      fill(this.title, h("span", { text: say("connecting") }));
      return;
    }
    this.chat = this.place.chat;
    this.#drawChats();
    this.#drawHead();
    this.#drawTopics();
    this.#drawMessages();
    this.#drawKeyboard();
    this.#drawMembers();
    this.#drawTyping();
    this.#answerPresses();
  }

  #label() {
    const { say } = this.api;
    this.element.setAttribute("aria-label", "Telegram");
    this.strip.setAttribute("aria-label", say("youAre"));
    this.chatList.setAttribute("aria-label", say("chats"));
    this.topics.setAttribute("aria-label", say("topicList"));
    this.list.setAttribute("aria-label", say("members"));
    for (const [button, name] of [[this.back, "back"], [this.membersButton, "members"], [this.chatMenu, "chatMenu"]]) {
      button.setAttribute("aria-label", say(name));
      button.title = say(name);
    }
    this.timeline.list.setAttribute("aria-label", say("messages"));
    this.composer.label({ write: say("write"), attach: say("attach"), send: say("send"), commands: say("commands"), remove: say("remove") });
  }

  #drawStrip(people) {
    const shown = people.map((one) => {
      const member = this.members.get(one.id);
      return { id: one.id, name: nameOf(one), note: member?.tag, away: !member?.present };
    });
    drawPeople(this.strip, shown, this.me, (id) => this.become(id));
  }

  /** The chats of the chosen person: groups, channels, and one with each bot. */
  #placesOf(groups) {
    const { store } = this.api;
    const places = groups.map((chat) => ({ name: String(chat.id), folder: String(chat.id), chat, chatId: chat.id, title: chat.title }));
    for (const bot of store.list("telegram/bots")) {
      const folder = `${this.me}:${bot.bot_id}`;
      const known = store.get("telegram/chats", folder);
      const chat = known ?? { id: this.me, type: "private", bot_id: bot.bot_id, pinned: [], keyboards: {} };
      const user = this.users.get(bot.bot_id);
      places.push({ name: `bot:${bot.bot_id}`, folder, chat, chatId: this.me, botId: bot.bot_id, title: user ? nameOf(user) : bot.username, isNew: !known });
    }
    return places;
  }

  #drawChats() {
    keep(this.chatList, this.places, {
      key: (one) => one.name,
      stamp: (one) => [this.stamp, one.title, one.name === this.place.name, this.#latest(one), one.isNew],
      draw: (one) => {
        const latest = this.#latest(one);
        const current = one.name === this.place.name;
        return h("button", {
          class: "chat-entry", "aria-current": current ? "true" : null, data: { focus: `chat-${one.name}`, place: one.name },
          onclick: () => this.open(one.name),
        },
        face(one.botId ?? one.chatId, one.title),
        h("span", { class: "entry-text" },
          h("bdi", { class: "entry-title", text: one.title }),
          h("bdi", { class: "entry-words", text: latest ? this.#lineOf(latest) : this.api.say(one.botId ? "privateChat" : "noMessages") })),
        );
      },
    });
  }

  #latest(place) {
    return this.api.store.list(`telegram/messages/${place.folder}`).at(-1);
  }

  #lineOf(message) {
    const who = message.from?.id === this.me ? this.api.say("you") : senderOf(message).name;
    const said = serviceText(message, this.api) ?? `${who}: ${wordsOf(message, this.api)}`;
    return said.slice(0, 80);
  }

  #drawHead() {
    const { say } = this.api;
    const present = [...this.members.values()].filter((one) => one.present).length;
    const below = this.chat.type === "private" ? say("botLabel") : this.chat.type === "channel" ? say("channel") : say("memberCount", { n: present });
    fill(this.title, h("h2", {}, h("bdi", { text: this.place.title })), h("span", { text: below }));
    this.membersButton.hidden = this.chat.type === "private";
    const pinned = this.chat.pinned?.at(-1);
    const message = pinned && this.api.store.get(`telegram/messages/${this.place.folder}`, pinned);
    this.pinned.hidden = !message;
    if (message) {
      fill(this.pinned, h("b", { text: say("pinnedLabel") }), h("bdi", { text: wordsOf(message, this.api).slice(0, 120) }));
      this.pinned.onclick = () => this.showMessage(message.message_id);
    }
    const member = this.members.get(this.me);
    const banned = this.chat.type === "supergroup" && (!member?.present || (member.status === "restricted" && !member.permissions.includes("can_send_messages")));
    this.composer.label({ write: say("write"), attach: say("attach"), send: say("send"), commands: say("commands"), remove: say("remove") });
    this.composer.forbid(banned ? say(member?.present ? "mutedHere" : "notHere") : this.chat.blocked ? say("blockedHere") : null);
  }

  #drawTopics() {
    const topics = this.chat.is_forum ? this.chat.topics : [];
    this.topics.hidden = !topics.length;
    const wanted = Number(this.api.memory.get("topic") ?? 1);
    this.topic = topics.length ? (topics.find((one) => one.thread_id === wanted) ?? topics[0]).thread_id : null;
    keep(this.topics, topics, {
      key: (one) => String(one.thread_id),
      stamp: (one) => [one.name, one.is_closed, one.thread_id === this.topic],
      draw: (one) => h("button", {
        role: "tab", "aria-selected": String(one.thread_id === this.topic), data: { focus: `topic-${one.thread_id}` },
        onclick: () => { this.api.memory.set("topic", one.thread_id); this.api.store.touch(); },
        ondblclick: () => this.act("/telegram/topic/close", { thread_id: one.thread_id, closed: !one.is_closed }),
      }, one.is_closed ? "🔒 " : "# ", h("bdi", { text: one.name })),
    });
  }

  #drawMessages() {
    const { store, say } = this.api;
    let messages = store.list(`telegram/messages/${this.place.folder}`).sort((one, other) => one.message_id - other.message_id);
    if (this.topic !== null) {
      messages = messages.filter((one) => (one.is_topic_message ? one.message_thread_id : 1) === this.topic);
    }
    const secret = store.list("telegram/ephemeral").filter((one) =>
      one.chat.id === this.chat.id && (one.receiver_user?.id === this.me || one.from?.id === this.me));
    const shown = secret.length ? between(messages, secret) : messages;
    this.timeline.draw(`${this.place.folder}/${this.topic}`, shown, {
      key: (one) => String(idOf(one)),
      stamp: (one) => [one, this.me, this.stamp, this.members.get(one.from?.id)?.tag, this.members.get(one.from?.id)?.custom_title],
      draw: (one) => drawMessage(one, this),
    }, say("newMessages"));
    if (this.place.isNew) this.#offerStart();
    else this.startButton?.remove();
  }

  #offerStart() {
    this.startButton?.remove();
    this.startButton = h("button", {
      class: "primary start", text: this.api.say("start"),
      onclick: () => this.act("/telegram/start", { user_id: this.me, bot_id: this.chat.bot_id }),
    });
    this.timeline.element.append(this.startButton);
  }

  #drawKeyboard() {
    const boards = Object.entries(this.chat.keyboards ?? {});
    const found = boards.map(([bot, by]) => [bot, by[this.me] ?? by["0"]]).find(([, one]) => one?.keyboard);
    const rows = found?.[1].keyboard ?? [];
    this.replyKeyboard.hidden = !rows.length;
    if (rows === this.shownRows) return;
    this.shownRows = rows;
    fill(this.replyKeyboard, rows.map((row) => h("div", { class: "keyboard-row" }, row.map((button) => {
      const text = typeof button === "string" ? button : button.text;
      return h("button", { class: "key", onclick: () => this.#pressReply(button, text, Number(found[0])) }, h("bdi", { text }));
    }))));
  }

  #pressReply(button, text, botId) {
    const body = { chat_id: this.chat.id, user_id: this.me, text, bot_id: botId };
    if (!button.web_app) return this.act("/telegram/press", body);
    const { say } = this.api;
    return ask(this.element, {
      title: text, label: say("send"), cancel: say("cancel"), fields: [{ name: "data", label: say("webAppData"), required: true }],
      send: ({ data }) => this.api.act("/telegram/press", { ...body, web_app_data: data }),
    });
  }

  #drawMembers() {
    if (this.list.hidden) return;
    const { say } = this.api;
    const present = (this.group.members ?? []).map((one) => ({ ...one, user: this.users.get(one.user_id) })).filter((one) => one.user && this.filter.fits(nameOf(one.user)));
    const bots = new Map(this.api.store.list("telegram/bots").map((one) => [one.bot_id, connectionWords(one, say)]));
    const order = ["creator", "administrator", "member", "restricted", "left", "kicked"];
    present.sort((one, other) => order.indexOf(one.status) - order.indexOf(other.status));
    this.filter.label(this.api, this.group.members?.length ?? 0);
    keep(this.filter.rows, present.slice(0, ROWS_MAX), {
      key: (one) => String(one.user_id),
      stamp: (one) => [this.stamp, this.me, one.status, one.tag, one.custom_title, one.present, nameOf(one.user), bots.get(one.user_id)],
      draw: (one) => {
        const name = nameOf(one.user);
        return h("div", { class: one.present ? "member" : "member away" },
          h("button", {
            class: "member-name", "aria-current": one.user_id === this.me ? "true" : null, disabled: one.user.is_bot,
            data: { focus: `member-${one.user_id}` }, onclick: () => this.become(one.user_id),
          }, face(one.user_id, name), h("span", { class: "entry-text" },
            h("span", {}, h("bdi", { class: "entry-title", text: name }), one.tag && h("bdi", { class: "tag", text: one.tag })),
            h("span", { class: "entry-words", text: one.custom_title || say(`status_${one.status}`) }),
            one.user.is_bot && h("span", { class: "entry-words connection", text: bots.get(one.user_id) }))),
          h("button", {
            class: "icon more", "aria-haspopup": "menu", "aria-label": `${say("memberMenu")}: ${name}`, data: { focus: `more-${one.user_id}` },
            onclick: (event) => openMenu(event.currentTarget, personDeeds(this, one.user), name),
          }, icon("more")));
      },
    });
  }

  #toggleMembers() {
    this.list.hidden = !this.list.hidden;
    this.membersButton.setAttribute("aria-expanded", String(!this.list.hidden));
    this.#drawMembers();
  }

  #drawTyping() {
    const typing = this.api.store.get("telegram/typing", this.chat.id);
    this.typing.textContent = typing ? this.api.say("botTypes") : "";
  }

  // Presses, and what bots answer to them

  async press(button, message, { callback_data: data }) {
    button.classList.add("waiting");
    const answer = await this.act("/telegram/click", { ...this.at(message), data });
    if (answer) this.pressed.add(answer.callback_query_id);
    else button.classList.remove("waiting");
    this.waiting = button;
    this.#answerPresses();
  }

  #answerPresses() {
    for (const id of this.pressed) {
      const press = this.api.store.get("telegram/presses", id);
      if (!press?.answered) continue;
      this.pressed.delete(id);
      for (const one of this.element.querySelectorAll(".key.waiting")) one.classList.remove("waiting");
      if (press.text && press.show_alert) {
        ask(this.element, { title: this.nameOfUser(press.bot_id), label: "OK", fields: [{ kind: "note", label: press.text }], send: () => {} });
      } else if (press.text) toast(this.element, press.text, { kind: "answer" });
      if (press.url) toast(this.element, press.url);
    }
  }

  async copy(message, button) {
    const answer = await this.act("/telegram/copied", { ...this.at(message), text: button.text });
    if (!answer) return;
    await navigator.clipboard?.writeText(answer.text).catch(() => {});
    toast(this.element, this.api.say("copied", { text: answer.text }));
  }

  // Deeds of the chosen person

  /** The place of a message, as control routes name it. */
  at(message) {
    return { chat_id: message.chat.id, message_id: message.message_id ?? 0, user_id: this.me, bot_id: this.place.botId };
  }

  async act(path, body) {
    try {
      return await this.api.act(path, body);
    } catch (error) {
      this.#tell(error);
      return null;
    }
  }

  #tell(error) {
    toast(this.element, error.message, { alert: true, kind: "error" });
  }

  refuse(what) {
    toast(this.element, this.api.say("notImitated", { what }), { alert: true, kind: "error" });
  }

  become(id) {
    this.api.memory.set("tg", id);
    this.#endReply();
    this.api.store.touch();
  }

  open(name) {
    this.api.memory.set("tgchat", name);
    this.element.classList.add("in-chat");
    this.#endReply();
    this.api.store.touch();
  }

  nameOfUser(id) {
    const user = this.users.get(Number(id));
    return user ? nameOf(user) : String(id);
  }

  react(message, emoji) {
    const mine = (message.reactions?.[this.me] ?? []).map((one) => one.emoji);
    const given = mine.includes(emoji) ? null : emoji;
    return this.act("/telegram/react", { ...this.at(message), emoji: given });
  }

  openMessageMenu(button, message) {
    openMenu(button, messageDeeds(this, message), this.api.say("messageMenu"));
  }

  showMessage(id) {
    const element = this.timeline.list.querySelector(`[data-message="${CSS.escape(String(id))}"]`);
    element?.scrollIntoView({ block: "center" });
    element?.classList.add("flash");
    setTimeout(() => element?.classList.remove("flash"), 1500);
  }

  replyTo(message) {
    this.reply = message;
    this.editing = null;
    this.#showAbove(this.api.say("replyTo", { who: senderOf(message).name }), wordsOf(message, this.api));
    this.composer.field.focus();
  }

  edit(message) {
    this.editing = message;
    this.reply = null;
    this.#showAbove(this.api.say("edit"), wordsOf(message, this.api));
    this.composer.set(message.text ?? message.caption ?? "");
  }

  #showAbove(title, words) {
    fill(this.composer.above, h("div", { class: "above-row" },
      h("span", { class: "entry-text" }, h("b", { text: title }), h("bdi", { text: words.slice(0, 100) })),
      h("button", { type: "button", class: "icon", "aria-label": this.api.say("cancel"), onclick: () => this.#endReply() }, "×")));
  }

  #endReply() {
    this.reply = this.editing = null;
    fill(this.composer.above);
  }

  sayText(text) {
    return this.#send({ text, files: [] }).catch((error) => this.#tell(error));
  }

  async #send({ text, files }) {
    const { reply, editing } = this;
    if (editing) {
      await this.api.act("/telegram/edit", { ...this.at(editing), text });
      this.#endReply();
      return;
    }
    const where = { chat_id: this.place.chatId, user_id: this.me, bot_id: this.place.botId };
    if (reply) where.reply_to = reply.message_id;
    if (this.topic > 1) where.thread_id = this.topic;
    if (!files.length) await this.api.act("/telegram/say", { ...where, text });
    const album = files.length > 1 ? Date.now() : null;
    for (const [index, file] of files.entries()) {
      const kind = file.type.startsWith("image/") && file.type !== "image/gif" ? "photo" : file.type.startsWith("video/") ? "video" : "document";
      await this.api.act("/telegram/send", {
        ...where, kind, album, content: await base64Of(file), file_name: kind === "photo" ? "" : file.name, caption: index ? "" : text,
      });
    }
    this.#endReply();
  }

  // Commands

  #complete(text) {
    if (!/^\/[a-z0-9_]*$/i.test(text)) return [];
    const bots = this.api.store.list("telegram/bots").filter((one) => !this.place.botId || one.bot_id === this.place.botId);
    const language = this.users.get(this.me)?.language_code ?? "";
    const offered = bots.flatMap((bot) =>
      this.#menuOf(bot, language).map((one) => ({
        label: `/${one.command}`,
        hint: one.description,
        source: bots.length > 1 ? bot.username : null,
        insert: `/${one.command}${bots.length > 1 && !this.place.botId ? `@${bot.username}` : ""} `,
      })));
    return offered.filter((one) => one.label.startsWith(text.toLowerCase()));
  }

  /** The menu that Telegram shows: the narrowest scope, in the person's language or in any. */
  #menuOf(bot, language) {
    const member = this.members.get(this.me);
    const administers = ["creator", "administrator"].includes(member?.status);
    const fits = (menu) => {
      if (menu.chat_id !== null && menu.chat_id !== this.chat.id) return false;
      if (menu.user_id !== null && menu.user_id !== this.me) return false;
      if (menu.type.includes("administrators") && (!administers || this.chat.type === "private")) return false;
      if (menu.type === "all_private_chats") return this.chat.type === "private";
      if (menu.type === "all_group_chats") return this.chat.type !== "private";
      return true;
    };
    for (const scope of SCOPES) {
      for (const spoken of [language, ""]) {
        const menu = bot.menus.find((one) => one.type === scope && one.language_code === spoken && fits(one));
        if (menu) return menu.commands;
      }
    }
    return [];
  }
}

/** Put messages that only one person sees where their time belongs. */
function between(messages, secret) {
  const all = [...messages.map((one) => [one.date, 0, one.message_id, one]), ...secret.map((one) => [one.date, 1, one.ephemeral_message_id, one])];
  all.sort((one, other) => one[0] - other[0] || one[1] - other[1] || one[2] - other[2]);
  return all.map((one) => one[3]);
}
