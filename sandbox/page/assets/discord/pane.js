// The Discord side: channels, messages, voice and members, as one of them sees it.

import { playBotLinks } from "../shared/bot_links.js";
import { Composer } from "../shared/composer.js";
import { connectionWords } from "../shared/connections.js";
import { fill, h, keep } from "../shared/dom.js";
import { ask, base64Of, openMenu, toast } from "../shared/floating.js";
import { icon } from "../shared/icons.js";
import { drawPeople, face, Filter, ROWS_MAX, walkable } from "../shared/people.js";
import { Timeline } from "../shared/timeline.js";
import { onScheme, readable } from "./colours.js";
import { memberDeeds, messageDeeds, serverDeeds, thread } from "./deeds.js";
import { continues, drawMessage } from "./message.js";
import { modalFields, modalValues } from "./modals.js";
import { CommandBar, offered } from "./slash.js";

const [TEXT, DIRECT, VOICE, CATEGORY, NEWS, STAGE, FORUM] = [0, 1, 2, 4, 5, 13, 15];
const THREADS = [10, 11, 12];
const SIGNS = { [TEXT]: "hash", [VOICE]: "speaker", [NEWS]: "megaphone", [STAGE]: "microphone", [FORUM]: "forum", 10: "thread", 11: "thread", 12: "thread" };
// Discord shows typing for ten seconds, and clients say it again before.
const TYPING_MS = 8_000;

/** Show the Discord side of `api` in `element`. Returns a function that takes it away. */
export function mountDiscord(element, api) {
  const pane = new DiscordPane(element, api);
  const unlisten = api.store.listen((changed) => pane.draw(changed));
  const unscheme = onScheme(() => api.store.touch());
  pane.draw(new Set(["*"]));
  playBotLinks(pane.element, api);
  return () => {
    unlisten();
    unscheme();
    element.replaceChildren();
  };
}

class DiscordPane {
  constructor(element, api) {
    this.api = api;
    this.element = element;
    this.stamp = 0;
    this.members = new Map();
    this.memberList = this.roleList = this.channelList = this.commands = [];
    this.dismissed = new Set();
    this.modalsShown = new Set();
    this.channel = {};
    this.typedAt = 0;
    this.names = this.#names();
    this.#build();
  }

  #build() {
    this.element.classList.add("pane", "discord");
    this.element.dataset.pane = "discord";
    this.strip = h("div", { class: "people", role: "radiogroup" });
    walkable(this.strip);
    this.server = h("header", { class: "server" });
    this.channels = h("nav", { class: "channels" });
    this.voice = h("div", { class: "voice-panel", hidden: true });
    this.title = h("div", { class: "chat-title" });
    this.timeline = new Timeline("Discord");
    this.typing = h("div", { class: "typing", "aria-live": "off" });
    this.bar = h("div", { class: "bar-holder" });
    this.filter = new Filter(() => this.#drawMembers());
    this.list = h("aside", { class: "members", id: "discord-members", hidden: true }, this.filter.field, this.filter.rows);
    this.back = h("button", { class: "icon back", onclick: () => this.element.classList.remove("in-chat") }, icon("back"));
    this.membersButton = h("button", { class: "icon", "aria-controls": "discord-members", onclick: () => this.#toggleMembers() }, icon("members"));
    this.chatMenu = h("button", { class: "icon", "aria-haspopup": "menu", onclick: (event) => openMenu(event.currentTarget, serverDeeds(this), this.api.say("serverMenu")) }, icon("menu"));
    this.composer = new Composer({
      id: "discord",
      send: (written) => this.#send(written),
      complete: (text) => this.#complete(text),
      onInput: (text) => this.#types(text),
      onError: (error) => this.#tell(error),
    });
    this.composer.onEscape = () => this.#endReply();
    fill(
      this.element,
      this.strip,
      h("div", { class: "body" },
        h("div", { class: "sidebar" }, this.server, this.channels, this.voice),
        h("section", { class: "chat" },
          h("header", { class: "chat-head" }, this.back, this.title, this.membersButton, this.chatMenu),
          this.timeline.element, this.bar, this.composer.form, this.typing),
        this.list),
      h("div", { class: "toasts" }),
    );
  }

  get language() {
    return this.api.texts.language;
  }

  // What is shown

  draw(changed) {
    const { store, say, memory } = this.api;
    if (changed.has("*")) {
      this.#label();
      this.stamp += 1;
    } else if (![...changed].some((one) => one.startsWith("discord"))) return;
    this.roleList = store.list("discord/roles").sort((one, other) => other.position - one.position);
    this.roles = new Map(this.roleList.map((one) => [one.id, one]));
    this.memberList = store.list("discord/members");
    this.members = new Map(this.memberList.map((one) => [one.user.id, one]));
    this.channelList = store.list("discord/channels");
    this.commands = store.list("discord/commands");
    this.#stampNames();
    this.guild = store.get("discord", "guild");
    if (!this.guild) {
      fill(this.title, h("span", { text: say("connecting") }));
      return;
    }
    const people = this.memberList.filter((one) => !one.user.bot);
    const wanted = memory.get("dc");
    this.me = this.members.has(wanted) ? wanted : (people.find((one) => one.user.id !== this.guild.owner_id) ?? people[0])?.user.id;
    this.presences = new Map(store.list("discord/presences").map((one) => [one.user.id, one]));
    this.#drawStrip(people);
    this.#chooseChannel();
    this.#drawChannels();
    this.#drawVoice();
    this.#drawHead();
    this.#drawMessages();
    this.#drawMembers();
    this.#drawTyping();
    this.commandBar?.draw();
    this.#showModals();
  }

  /** Names, colours and roles stand in every message: all are drawn anew if one of them changed. */
  #stampNames() {
    const names = [
      ...this.memberList.map((one) => [one.user.id, one.nick, one.user.global_name, one.user.username, one.roles]),
      ...this.roleList.map((one) => [one.id, one.name, one.color, one.position]),
      ...this.channelList.map((one) => [one.id, one.name, one.position, one.parent_id, one.thread_metadata?.archived]),
    ].join("\n");
    if (names !== this.namesShown) this.stamp += 1;
    this.namesShown = names;
  }

  #label() {
    const { say } = this.api;
    this.element.setAttribute("aria-label", "Discord");
    this.strip.setAttribute("aria-label", say("youAre"));
    this.channels.setAttribute("aria-label", say("channels"));
    this.list.setAttribute("aria-label", say("members"));
    for (const [button, name] of [[this.back, "back"], [this.membersButton, "members"], [this.chatMenu, "serverMenu"]]) {
      button.setAttribute("aria-label", say(name));
      button.title = say(name);
    }
    this.timeline.list.setAttribute("aria-label", say("messages"));
  }

  #drawStrip(people) {
    const shown = people.map((one) => ({ id: one.user.id, name: this.nameOf(one.user.id), note: this.#topRole(one)?.name, status: this.#statusOf(one.user.id) }));
    drawPeople(this.strip, shown, this.me, (id) => this.become(id));
  }

  #statusOf(id) {
    return this.presences.get(id)?.status ?? "offline";
  }

  #chooseChannel() {
    const visible = this.channelList.filter((one) => one.type !== CATEGORY && this.#mayOpen(one));
    const wanted = this.api.memory.get("dcchannel") ?? "";
    const direct = wanted.startsWith("direct:") && visible.find((one) => one.type === DIRECT && one.bot_id === wanted.slice(7));
    this.channel = direct || visible.find((one) => one.id === wanted) || visible.find((one) => one.type === TEXT) || visible[0] || {};
    this.seen = visible;
  }

  /** Direct channels are those of the chosen member. */
  #mayOpen(channel) {
    return channel.type !== DIRECT || channel.recipients?.some((one) => one.id === this.me);
  }

  #drawChannels() {
    const { say } = this.api;
    fill(this.server, h("h2", {}, h("bdi", { text: this.guild.name })), this.guild.unavailable && h("span", { class: "wrong", text: say("outage") }));
    const states = this.api.store.list("discord/voice_states");
    keep(this.channels, this.#entries(), {
      key: (one) => one.key,
      stamp: (one) => [this.stamp, one.label, one.channel?.name, one.channel?.id === this.channel.id, this.me,
        one.channel?.type === VOICE || one.channel?.type === STAGE ? JSON.stringify(states.filter((each) => each.channel_id === one.channel.id)) : ""],
      draw: (one) => this.#entry(one, states),
    });
  }

  /** Channels under their categories, threads under their channels, then conversations with bots. */
  #entries() {
    const { say, store } = this.api;
    const inGuild = this.seen.filter((one) => one.type !== DIRECT);
    const ordered = (list) => list.sort((one, other) => (one.type === VOICE) - (other.type === VOICE) || one.position - other.position);
    const entries = [];
    const put = (channel) => {
      entries.push({ key: channel.id, channel });
      const threads = inGuild.filter((one) => THREADS.includes(one.type) && one.parent_id === channel.id && !one.thread_metadata?.archived);
      for (const one of threads) entries.push({ key: one.id, channel: one, deep: true });
    };
    const plain = inGuild.filter((one) => !THREADS.includes(one.type));
    ordered(plain.filter((one) => !one.parent_id)).forEach(put);
    for (const category of this.channelList.filter((one) => one.type === CATEGORY)) {
      entries.push({ key: category.id, label: category.name });
      ordered(plain.filter((one) => one.parent_id === category.id)).forEach(put);
    }
    entries.push({ key: "direct", label: say("directMessages") });
    for (const bot of store.list("discord/bots")) {
      const channel = this.seen.find((one) => one.type === DIRECT && one.bot_id === bot.id);
      entries.push({ key: `direct-${bot.id}`, bot: bot.id, channel: channel ?? { type: DIRECT } });
    }
    return entries;
  }

  #entry({ label, channel, bot, deep }, states) {
    const { say } = this.api;
    if (label !== undefined) return h("div", { class: "category", text: label });
    const current = channel.id !== undefined && channel.id === this.channel.id;
    const open = h("button", {
      class: `channel ${deep ? "deep" : ""}`, "aria-current": current ? "true" : null, data: { focus: `channel-${channel.id ?? bot}`, channel: channel.id ?? bot },
      onclick: () => (bot ? this.#openDirect(bot) : this.open(channel.id)),
    },
    bot ? face(bot, this.nameOf(bot)) : icon(SIGNS[channel.type] ?? "hash"),
    h("bdi", { text: bot ? this.nameOf(bot) : channel.name }));
    if (channel.type !== VOICE && channel.type !== STAGE) return open;
    const inside = states.filter((one) => one.channel_id === channel.id);
    const here = inside.some((one) => one.user_id === this.me);
    return h("div", { class: "voice-channel" },
      h("div", { class: "voice-head" }, open,
        !here && h("button", { class: "join", text: say("joinVoice"), "aria-label": `${say("joinVoice")}: ${channel.name}`, data: { focus: `join-${channel.id}` },
          onclick: () => this.act("/discord/voice", { user_id: this.me, action: "join", channel_id: channel.id }) })),
      inside.length > 0 && h("ul", { class: "voice-people" }, inside.map((one) => this.#voicePerson(one))));
  }

  #voicePerson(state) {
    const { say } = this.api;
    const signs = [
      (state.mute || state.self_mute) && ["microphoneOff", "muted"], (state.deaf || state.self_deaf) && ["headphonesOff", "deafened"],
      state.self_stream && ["screen", "streams"], state.self_video && ["camera", "video"],
    ].filter(Boolean);
    return h("li", {}, face(state.user_id, this.nameOf(state.user_id)), h("bdi", { text: this.nameOf(state.user_id) }),
      signs.map(([sign, name]) => h("span", { class: "voice-sign", role: "img", "aria-label": say(name), title: say(name) }, icon(sign))));
  }

  #drawVoice() {
    const { say, store } = this.api;
    const mine = store.get("discord/voice_states", this.me);
    this.voice.hidden = !mine?.channel_id;
    if (mine === this.shownVoice && this.shownStamp === this.stamp) return;
    [this.shownVoice, this.shownStamp] = [mine, this.stamp];
    if (this.voice.hidden) return fill(this.voice);
    const where = this.channelList.find((one) => one.id === mine.channel_id);
    const toggle = (sign, name, field) => h("button", {
      class: "icon", "aria-pressed": String(mine[field]), "aria-label": say(name), title: say(name), data: { focus: field },
      onclick: () => this.act("/discord/voice", { user_id: this.me, action: "update", [field]: !mine[field] }),
    }, icon(sign));
    fill(this.voice,
      h("span", { class: "entry-text" }, h("b", { text: say("voiceConnected") }), h("bdi", { text: where?.name ?? "" })),
      toggle("microphone", "selfMute", "self_mute"), toggle("headphones", "selfDeafen", "self_deaf"), toggle("screen", "stream", "self_stream"), toggle("camera", "video", "self_video"),
      h("button", { class: "icon danger", "aria-label": say("leaveVoice"), title: say("leaveVoice"), onclick: () => this.act("/discord/voice", { user_id: this.me, action: "leave" }) }, icon("hang")));
    return undefined;
  }

  #drawHead() {
    const { say } = this.api;
    const { channel } = this;
    const name = channel.type === DIRECT ? this.nameOf(channel.bot_id) : channel.name ?? "";
    fill(this.title, h("h2", {}, channel.type === DIRECT ? h("span", { class: "sign", "aria-hidden": "true", text: "@" }) : icon(SIGNS[channel.type] ?? "hash"), h("bdi", { text: name })),
      channel.topic && h("span", { class: "topic", text: channel.topic }));
    this.composer.label({ write: say("messageIn", { name: (channel.type === DIRECT ? "@" : "#") + name }), attach: say("attach"), send: say("send"), commands: say("commands"), remove: say("remove") });
    const locked = channel.thread_metadata?.locked;
    this.composer.forbid(channel.type === FORUM ? say("forumHint") : locked ? say("lockedThread") : null);
    this.timeline.element.classList.toggle("forum", channel.type === FORUM);
  }

  #drawMessages() {
    const { store, say } = this.api;
    const { channel } = this;
    if (channel.type === FORUM) return this.#drawPosts();
    const messages = store.list(`discord/messages/${channel.id}`)
      .filter((one) => (!one.visible_to || one.visible_to === this.me) && !this.dismissed.has(one.id));
    const waiting = store.list("discord/interactions")
      .filter((one) => one.user_id === this.me && one.channel_id === channel.id && !one.acknowledged && one.kind !== "autocomplete" && (one.failed || one.kind !== "component") && !this.dismissed.has(one.interaction_id))
      .map((one) => ({ ...one, id: one.interaction_id, waiting: true }));
    const shown = [...messages, ...waiting].sort((one, other) => one.id.length - other.id.length || (one.id < other.id ? -1 : 1));
    let before = null;
    const together = new Set();
    for (const one of shown) {
      if (!one.waiting && before && !before.waiting && continues(one, before)) together.add(one.id);
      before = one;
    }
    this.timeline.draw(`${channel.id}`, shown, {
      key: (one) => (one.waiting ? `waiting-${one.id}` : one.id),
      stamp: (one) => (one.waiting ? [one.failed, this.stamp] : [one, together.has(one.id), this.me, this.stamp]),
      draw: (one) => (one.waiting ? this.#waiting(one) : drawMessage(one, together.has(one.id), this)),
    }, say("newMessages"));
    return undefined;
  }

  #drawPosts() {
    const posts = this.channelList.filter((one) => one.parent_id === this.channel.id && THREADS.includes(one.type));
    const { say } = this.api;
    const items = [{ id: "new", name: `+ ${say("newPost")}`, act: () => thread(this) }, ...posts.map((one) => ({ id: one.id, name: one.name, act: () => this.open(one.id) }))];
    this.timeline.draw(this.channel.id, items, {
      key: (one) => one.id,
      stamp: (one) => [one.name, this.stamp],
      draw: (one) => h("button", { class: "post", onclick: one.act }, h("bdi", { text: one.name })),
    }, "");
  }

  #waiting(one) {
    const { say } = this.api;
    return h("div", { class: `message secret waiting ${one.failed ? "failed" : ""}` },
      h("div", { class: "message-body" }, h("span", { class: "gutter", "aria-hidden": "true", text: one.failed ? "❗" : "…" }),
        h("div", { class: "message-main" },
          h("div", { text: one.failed ? say("noAnswer") : say("thinking") }),
          h("div", { class: "only-you" }, h("bdi", { text: one.kind === "command" ? `/${one.name}` : one.name }), one.failed && " · ",
            one.failed && h("button", { class: "linkish", text: say("dismiss"), onclick: () => this.dismiss(one.id) })))));
  }

  #drawMembers() {
    if (this.list.hidden) return;
    const { say } = this.api;
    const groups = new Map();
    const hoisted = this.roleList.filter((one) => one.hoist);
    const byName = [...this.memberList].sort((one, other) => this.nameOf(one.user.id).localeCompare(this.nameOf(other.user.id)));
    for (const member of byName.filter((one) => this.filter.fits(this.nameOf(one.user.id)))) {
      const title = hoisted.find((one) => member.roles.includes(one.id))?.name ?? say("members");
      if (!groups.has(title)) groups.set(title, []);
      groups.get(title).push(member);
    }
    const rows = [...groups].flatMap(([title, members]) => [{ title: `${title} — ${members.length}`, id: `title-${title}` }, ...members.map((one) => ({ member: one, id: one.user.id }))]);
    this.filter.label(this.api, this.memberList.length);
    keep(this.filter.rows, rows.slice(0, ROWS_MAX), {
      key: (one) => one.id,
      stamp: (one) => [one.title, one.member, this.stamp, one.id === this.me, this.#statusOf(one.id), this.presences.get(one.id), this.#connection(one.id)],
      draw: (one) => (one.title ? h("h3", { text: one.title }) : this.#memberRow(one.member)),
    });
  }

  /** What is known of the program behind a bot; empty for people, and for bots without a token. */
  #connection(id) {
    const bot = this.api.store.get("discord/bots", id);
    return bot ? connectionWords(bot, this.api.say) : "";
  }

  #memberRow(member) {
    const { say } = this.api;
    const id = member.user.id;
    const name = this.nameOf(id);
    const roles = this.roleList.filter((one) => member.roles.includes(one.id));
    const plays = this.presences.get(id)?.activities?.[0]?.name;
    return h("div", { class: "member" },
      h("button", { class: "member-name", disabled: member.user.bot, "aria-current": id === this.me ? "true" : null, data: { focus: `member-${id}` }, onclick: () => this.become(id) },
        face(id, name, member.user.bot ? null : this.#statusOf(id)),
        h("span", { class: "entry-text" },
          h("span", {}, h("bdi", { class: "name", text: name, colour: this.colourOf(id) }), member.user.bot && h("span", { class: "app", text: say("app") })),
          member.user.bot && h("span", { class: "entry-words connection", text: this.#connection(id) }),
          plays && h("span", { class: "entry-words", text: say("plays", { what: plays }) }),
          h("span", { class: "roles" }, roles.map((one) => h("span", { class: "role", colour: readable(one.color) }, h("bdi", { text: one.name })))))),
      h("button", { class: "icon more", "aria-haspopup": "menu", "aria-label": `${say("memberMenu")}: ${name}`, data: { focus: `more-${id}` },
        onclick: (event) => openMenu(event.currentTarget, memberDeeds(this, member), name) }, icon("more")));
  }

  #toggleMembers() {
    this.list.hidden = !this.list.hidden;
    this.membersButton.setAttribute("aria-expanded", String(!this.list.hidden));
    this.#drawMembers();
  }

  #drawTyping() {
    this.typing.textContent = this.api.store.get("discord/typing", this.channel.id) ? this.api.say("botTypes") : "";
  }

  // Names

  nameOf(id, user = null) {
    const member = this.members.get(id);
    const known = member?.user ?? user;
    return member?.nick ?? known?.global_name ?? known?.username ?? `${id}`;
  }

  #topRole(member) {
    return this.roleList.find((one) => one.color && member.roles.includes(one.id));
  }

  colourOf(id) {
    const member = this.members.get(id);
    return member ? readable(this.#topRole(member)?.color) : null;
  }

  #names() {
    return {
      user: (id) => this.nameOf(id),
      spoiler: () => this.api.say("spoiler"),
      role: (id) => this.roles?.get(id)?.name ?? id,
      roleColour: (id) => readable(this.roles?.get(id)?.color),
      channelLink: (id) => {
        const found = this.channelList.find((one) => one.id === id);
        return h("button", { class: "linkish mention", onclick: () => found && this.open(id) }, `#${found?.name ?? id}`);
      },
      commandLink: (name) => h("button", { class: "linkish mention", onclick: () => this.#startCommand(name) }, `/${name}`),
      time: (seconds, style) => {
        const at = seconds * 1000;
        const { texts } = this.api;
        const words = style === "R" ? texts.ago(at) : style === "t" || style === "T" ? texts.time(at) : texts.day(at);
        return h("time", { class: "stamp", title: texts.day(at), text: words });
      },
    };
  }

  // Deeds of the chosen member

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

  become(id) {
    this.api.memory.set("dc", id);
    this.#endReply();
    this.#endCommand();
    this.api.store.touch();
  }

  open(id) {
    this.api.memory.set("dcchannel", id);
    this.element.classList.add("in-chat");
    this.#endReply();
    this.#endCommand();
    this.api.store.touch();
  }

  async #openDirect(bot) {
    const opened = await this.act("/discord/direct", { user_id: this.me, bot_id: bot });
    if (opened) this.open(`direct:${bot}`);
  }

  react(message, emoji, added) {
    return this.act("/discord/react", { channel_id: message.channel_id, message_id: message.id, user_id: this.me, emoji, added });
  }

  dismiss(id) {
    this.dismissed.add(id);
    this.api.store.touch();
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
    [this.reply, this.editing] = [message, null];
    this.#showAbove(this.api.say("replyTo", { who: this.nameOf(message.author.id, message.author) }));
    this.composer.field.focus();
  }

  edit(message) {
    [this.reply, this.editing] = [null, message];
    this.#showAbove(this.api.say("edit"));
    this.composer.set(message.content);
  }

  #showAbove(title) {
    fill(this.composer.above, h("div", { class: "above-row" }, h("b", { text: title }),
      h("button", { type: "button", class: "icon", "aria-label": this.api.say("cancel"), onclick: () => this.#endReply() }, "×")));
  }

  #endReply() {
    this.reply = this.editing = null;
    fill(this.composer.above);
  }

  async #send({ text, files }) {
    const { reply, editing, channel } = this;
    if (editing) {
      await this.api.act("/discord/edit", { channel_id: channel.id, message_id: editing.id, user_id: this.me, text });
    } else {
      const sent = await Promise.all(files.map(async (file) => ({ filename: file.name, base64: await base64Of(file), content_type: file.type })));
      await this.api.act("/discord/say", { channel_id: channel.id, user_id: this.me, text, reply_to: reply?.id ?? null, files: sent });
    }
    this.typedAt = 0;
    this.#endReply();
  }

  #types(text) {
    if (!text || text.startsWith("/") || Date.now() - this.typedAt < TYPING_MS) return;
    this.typedAt = Date.now();
    // Nobody misses a sign of typing that was not let through.
    this.api.act("/discord/typing", { channel_id: this.channel.id, user_id: this.me }).catch(() => {});
  }

  // Commands

  #complete(text) {
    if (!text.startsWith("/")) return [];
    const typed = text.slice(1).toLowerCase();
    const owners = new Set(this.commands.map((one) => one.application_id)).size;
    return offered(this.commands, this.language)
      .filter((one) => one.path.startsWith(typed) || one.path.includes(typed))
      .sort((one, other) => other.path.startsWith(typed) - one.path.startsWith(typed))
      .map((leaf) => ({
        label: `/${leaf.path}`, hint: leaf.description, source: owners > 1 ? this.nameOf(leaf.command.application_id) : null,
        pick: () => this.#fillIn(leaf),
      }));
  }

  #startCommand(path) {
    const leaf = offered(this.commands, this.language).find((one) => one.path === path);
    if (leaf) this.#fillIn(leaf);
  }

  #fillIn(leaf) {
    this.composer.set("");
    this.commandBar = new CommandBar(this, leaf, {
      send: async (options) => {
        await this.api.act("/discord/slash", this.slashBody(leaf, options));
        this.#endCommand();
        this.composer.field.focus();
      },
      close: () => {
        this.#endCommand();
        this.composer.field.focus();
      },
    });
    fill(this.bar, this.commandBar.element);
    this.commandBar.focus();
  }

  slashBody(leaf, options) {
    return { channel_id: this.channel.id, user_id: this.me, command: leaf.path, options, bot_id: leaf.command.application_id };
  }

  #endCommand() {
    this.commandBar = null;
    fill(this.bar);
  }

  // Components and modals

  async click(button, message, customId) {
    button.classList.add("waiting");
    await this.act("/discord/click", { channel_id: message.channel_id, message_id: message.id, user_id: this.me, custom_id: customId });
    button.classList.remove("waiting");
  }

  clickWith(message, customId, values) {
    return this.submitClick(message, customId, values).catch((error) => this.#tell(error));
  }

  submitClick(message, customId, values) {
    return this.api.act("/discord/click", { channel_id: message.channel_id, message_id: message.id, user_id: this.me, custom_id: customId, values });
  }

  #showModals() {
    for (const one of this.api.store.list("discord/modals")) {
      if (one.user_id !== this.me || this.modalsShown.has(one.interaction_id)) continue;
      this.modalsShown.add(one.interaction_id);
      const { say } = this.api;
      ask(this.element, {
        title: one.modal.title, label: say("submit"), cancel: say("cancel"), kind: "modal",
        fields: modalFields(one.modal, this),
        send: async (values) => this.api.act("/discord/submit", { user_id: one.user_id, custom_id: one.modal.custom_id, values: await modalValues(one.modal, values) }),
      });
    }
  }
}
