// One message of Telegram, as the chosen person sees it.

import { h, link } from "../shared/dom.js";
import { icon } from "../shared/icons.js";
import { face } from "../shared/people.js";
import { download, picture } from "../shared/files.js";
import { marked } from "./entities.js";

const FILES = ["document", "video", "audio", "voice", "video_note", "animation", "sticker"];
const DICE = { "🎲": 6, "🎯": 6, "🏀": 5, "⚽": 5, "🎳": 6, "🎰": 64 };

/** The name of whoever a message seems to come from. */
export function senderOf(message) {
  const { sender_chat: chat, from } = message;
  if (chat) return { id: chat.id, name: chat.title ?? chat.first_name ?? "?", chat: true };
  if (!from) return { id: message.chat.id, name: message.chat.title ?? "?", chat: true };
  return { id: from.id, name: nameOf(from), bot: from.is_bot };
}

export function nameOf(user) {
  return [user.first_name, user.last_name].filter(Boolean).join(" ");
}

/** Draw a message. `pane` has `me`, `api`, `members` and what happens on presses. */
export function drawMessage(message, pane) {
  const said = serviceText(message, pane.api);
  if (said) return h("div", { class: "service", data: { message: message.message_id } }, h("span", {}, said));
  const sender = senderOf(message);
  const own = sender.id === pane.me || message.author_id === pane.me;
  const secret = message.ephemeral_message_id !== undefined;
  const menu = h("button", {
    class: "icon more",
    "aria-label": `${pane.api.say("messageMenu")}: ${sender.name}`,
    "aria-haspopup": "menu",
    data: { focus: `menu-${idOf(message)}` },
    onclick: (event) => pane.openMessageMenu(event.currentTarget, message),
  }, icon("more"));
  const bubble = h(
    "div",
    { class: "bubble" },
    (!own || sender.chat) && header(message, sender, pane),
    secret && h("div", { class: "only-you", text: pane.api.say("onlyYou") }),
    forwarded(message, pane),
    quoted(message, pane),
    contents(message, pane),
    h("span", { class: "meta" },
      message.edit_date ? `${pane.api.say("edited")} ` : "",
      h("time", { text: pane.api.texts.time(message.date * 1000) }),
    ),
    reactions(message, pane),
  );
  return h(
    "article",
    { class: `message ${own ? "own" : ""} ${secret ? "secret" : ""}`, data: { message: idOf(message) } },
    !own && h("button", {
      class: "face-button",
      tabindex: "-1",
      "aria-label": `${pane.api.say("become")}: ${sender.name}`,
      onclick: () => !sender.chat && !sender.bot && pane.become(sender.id),
    }, face(sender.id, sender.name)),
    h("div", { class: "bubble-column" }, h("div", { class: "bubble-row" }, bubble, !secret && menu), keyboard(message, pane)),
  );
}

export function idOf(message) {
  return message.message_id ?? `e${message.ephemeral_message_id}`;
}

function header(message, sender, pane) {
  const member = pane.members.get(sender.id);
  const tag = member?.tag || member?.custom_title || (sender.bot ? pane.api.say("botLabel") : "");
  return h(
    "div",
    { class: "sender", data: { hue: String(Math.abs(sender.id) % 7) } },
    h("bdi", { class: "name", text: sender.name }),
    tag && h("bdi", { class: member?.tag ? "tag" : "tag title", text: tag }),
  );
}

function forwarded(message, pane) {
  const origin = message.forward_origin;
  if (!origin) return null;
  const from =
    origin.sender_user_name ??
    (origin.sender_user && nameOf(origin.sender_user)) ??
    (origin.sender_chat ?? origin.chat)?.title ??
    "?";
  return h("div", { class: "forwarded" }, `${pane.api.say("forwardedFrom")} `, h("bdi", { text: from }));
}

function quoted(message, pane) {
  const replied = message.reply_to_message;
  if (!replied || replied.forum_topic_created) return null;
  const words = message.quote?.text ?? wordsOf(replied, pane.api);
  return h(
    "button",
    { class: "quoted", onclick: () => pane.showMessage(idOf(replied)) },
    h("bdi", { class: "name", text: senderOf(replied).name }),
    h("bdi", { class: "words", text: words }),
  );
}

/** What a message says in one line. */
export function wordsOf(message, api) {
  const kind = ["photo", ...FILES, "poll", "location", "contact", "dice"].find((one) => message[one]);
  return message.text ?? message.caption ?? (kind ? api.say(`kind_${kind}`) : api.say("message"));
}

function contents(message, pane) {
  const act = { command: (words) => pane.sayText(words), spoiler: pane.api.say("spoiler") };
  return [
    message.photo && photo(message, pane),
    ...FILES.map((kind) => message[kind] && fileOf(message[kind], kind, pane)),
    message.dice && h("div", { class: "dice", "aria-label": `${message.dice.emoji} ${message.dice.value}` },
      message.dice.emoji, h("small", { text: ` ${message.dice.value}/${DICE[message.dice.emoji] ?? "?"}` })),
    message.location && h("div", { class: "place", text: `📍 ${message.venue?.title ?? ""} ${message.location.latitude}, ${message.location.longitude}` }),
    message.contact && h("div", { class: "place" }, "👤 ", h("bdi", { text: `${nameOf(message.contact)} ${message.contact.phone_number}` })),
    message.poll && poll(message, pane),
    h("div", { class: "text", dir: "auto" },
      marked(message.text ?? "", message.entities, act),
      marked(message.caption ?? "", message.caption_entities, act)),
  ];
}

function photo(message, pane) {
  const largest = message.photo.at(-1);
  return picture(pane.api, `/telegram/files/${encodeURIComponent(largest.file_id)}`, {
    alt: message.caption || pane.api.say("kind_photo"),
    width: largest.width,
    height: largest.height,
    hidden: message.has_media_spoiler,
  });
}

function fileOf(file, kind, pane) {
  const path = `/telegram/files/${encodeURIComponent(file.file_id)}`;
  const name = file.file_name ?? `${pane.api.say(`kind_${kind}`)}${file.emoji ? ` ${file.emoji}` : ""}`;
  return download(pane.api, path, name, file.file_size);
}

function poll(message, pane) {
  const { poll: asked, votes = {} } = message;
  const mine = votes[pane.me] ?? [];
  const total = asked.total_voter_count || 0;
  const vote = (index) => {
    const taken = mine.includes(index);
    const others = asked.allows_multiple_answers ? mine.filter((one) => one !== index) : [];
    pane.act("/telegram/vote", { ...pane.at(message), options: taken ? others : [...others, index] });
  };
  return h(
    "fieldset",
    { class: "poll", disabled: asked.is_closed },
    h("legend", { dir: "auto", text: asked.question }),
    asked.options.map((option, index) =>
      h("button", { "aria-pressed": String(mine.includes(index)), data: { focus: `vote-${idOf(message)}-${index}` }, onclick: () => vote(index) },
        h("bdi", { text: option.text }),
        h("span", { class: "votes", text: `${total ? Math.round((100 * option.voter_count) / total) : 0}%` })),
    ),
  );
}

function reactions(message, pane) {
  const counts = new Map();
  for (const [who, given] of Object.entries(message.reactions ?? {})) {
    for (const one of given) {
      const emoji = one.emoji ?? "✨";
      const entry = counts.get(emoji) ?? { people: [], own: false };
      entry.people.push(pane.nameOfUser(who));
      entry.own ||= who === String(pane.me);
      counts.set(emoji, entry);
    }
  }
  if (!counts.size) return null;
  return h(
    "div",
    { class: "reactions" },
    [...counts].map(([emoji, { people, own }]) =>
      h("button", {
        class: own ? "reaction own" : "reaction",
        "aria-pressed": String(own),
        title: people.join(", "),
        "aria-label": `${emoji} ${people.length}: ${people.join(", ")}`,
        data: { focus: `reaction-${idOf(message)}-${emoji}` },
        onclick: () => pane.react(message, emoji),
      }, h("span", { text: emoji }), h("b", { text: String(people.length) })),
    ),
  );
}

function keyboard(message, pane) {
  const rows = message.reply_markup?.inline_keyboard;
  if (!rows?.length) return null;
  return h(
    "div",
    { class: "keyboard" },
    rows.map((row, y) =>
      h("div", { class: "keyboard-row" }, row.map((button, x) => keyButton(message, button, `${y}-${x}`, pane))),
    ),
  );
}

function keyButton(message, button, place, pane) {
  const mark = { focus: `key-${idOf(message)}-${place}` };
  const face = (sign) => [h("bdi", { text: button.text }), sign && icon(sign)];
  if (button.url !== undefined) return link(button.url, h("span", { class: "key" }, face("open")));
  const style = `key ${["danger", "success", "primary"].includes(button.style) ? button.style : ""}`;
  if (button.callback_data !== undefined) {
    return h("button", { class: style, data: mark, onclick: (event) => pane.press(event.currentTarget, message, button) }, face(""));
  }
  if (button.copy_text) {
    return h("button", { class: style, data: mark, onclick: () => pane.copy(message, button) }, face("copy"));
  }
  // The sandbox has no action for other kinds: the button says so when it is pressed.
  return h("button", { class: style, data: mark, onclick: () => pane.refuse(button.text) }, face("screen"));
}

const SERVICE = {
  new_chat_members: (m, api) => api.say("joined", { who: m.new_chat_members.map(nameOf).join(", ") }),
  left_chat_member: (m, api) => api.say("left", { who: nameOf(m.left_chat_member) }),
  new_chat_title: (m, api) => api.say("retitled", { title: m.new_chat_title }),
  pinned_message: (m, api) => api.say("pinned", { text: wordsOf(m.pinned_message, api).slice(0, 60) }),
  forum_topic_created: (m, api) => api.say("topicOpened", { name: m.forum_topic_created.name }),
  forum_topic_closed: (m, api) => api.say("topicClosed"),
  forum_topic_reopened: (m, api) => api.say("topicReopened"),
  migrate_to_chat_id: (m, api) => api.say("migrated"),
  migrate_from_chat_id: (m, api) => api.say("migrated"),
};
const CONTENT = ["text", "caption", "photo", ...FILES, "poll", "location", "contact", "dice"];

/** What a service message says, or null for one that somebody wrote. */
export function serviceText(message, api) {
  if (CONTENT.some((one) => message[one] !== undefined)) return null;
  const kind = Object.keys(SERVICE).find((one) => message[one] !== undefined);
  if (kind) return SERVICE[kind](message, api);
  const known = new Set(["message_id", "chat", "from", "date", "reactions", "sender_chat", "author_id", "message_thread_id", "is_topic_message"]);
  return api.say("service", { kind: Object.keys(message).filter((one) => !known.has(one)).join(", ") });
}
