// What people and the owner can do in Telegram beside writing. Each is a control route.

import { tellPrograms } from "../shared/bot_programs.js";
import { ask } from "../shared/floating.js";

const EMOJI = ["👍", "❤", "🔥", "🎉", "😁", "😢", "👎"];
const PERMISSIONS = [
  "can_send_messages", "can_send_photos", "can_send_documents", "can_send_other_messages",
  "can_send_polls", "can_react_to_messages", "can_invite_users", "can_pin_messages",
  "can_change_info", "can_manage_topics", "can_edit_tag",
];

/** The menu of a message. */
export function messageDeeds(pane, message) {
  const say = pane.api.say;
  const at = pane.at(message);
  const own = message.from?.id === pane.me || message.author_id === pane.me;
  const text = message.text ?? message.caption;
  const items = [
    { buttons: EMOJI.map((emoji) => ({ label: emoji, name: `${say("react")} ${emoji}`, act: () => pane.react(message, emoji) })) },
    { label: say("reply"), act: () => pane.replyTo(message) },
    { label: say("forward"), act: () => forward(pane, message) },
  ];
  if (own && text !== undefined) items.push({ label: say("edit"), act: () => pane.edit(message) });
  if (pane.chat.type === "supergroup") {
    items.push({ label: say("pinAsOwner"), act: () => pane.act("/telegram/group", { pin: message.message_id }) });
  }
  items.push({ label: say("delete"), danger: true, act: () => pane.act("/telegram/delete", at) });
  return items;
}

function forward(pane, message) {
  const say = pane.api.say;
  ask(pane.element, {
    title: say("forward"),
    label: say("forward"),
    cancel: say("cancel"),
    fields: [
      { name: "to", kind: "select", label: say("where"), options: pane.places.map((one) => ({ value: one.name, label: one.title })) },
      { name: "hidden", kind: "checkbox", label: say("hideAuthor") },
    ],
    send: ({ to, hidden }) => {
      const place = pane.places.find((one) => one.name === to);
      return pane.api.act("/telegram/forward", {
        chat_id: place.chatId, user_id: pane.me, bot_id: place.botId,
        from_chat_id: message.chat.id, message_id: message.message_id, hidden,
      });
    },
  });
}

/** The menu of a person in the group. */
export function personDeeds(pane, person) {
  const say = pane.api.say;
  const member = pane.members.get(person.id);
  const change = (action, more = {}) => pane.act("/members", { platform: "telegram", action, user_id: person.id, ...more });
  const items = [];
  if (!person.is_bot) items.push({ label: say("become"), act: () => pane.become(person.id) });
  if (!person.is_bot && !member?.present) items.push({ label: say("join"), act: () => pane.act("/telegram/join", { user_id: person.id }) });
  if (!person.is_bot) items.push({ label: say("rename"), act: () => rename(pane, person) });
  if (!member?.present) return items;
  if (person.is_bot) {
    const bot = pane.api.store.list("telegram/bots").find((one) => one.bot_id === person.id);
    items.push({ label: say("connectBot"), act: () => tellPrograms(pane, "telegram", bot) });
    const be = (status) => pane.act("/telegram/bot", { status, bot_id: person.id });
    items.push({ label: say("botAdministrator"), act: () => be("administrator") });
    items.push({ label: say("botMember"), act: () => be("member") });
    items.push({ label: say("kick"), danger: true, act: () => be("kicked") });
    return items;
  }
  items.push({ label: say("giveTag"), act: () => tag(pane, person, member, change) });
  if (member.status === "member") {
    items.push({ label: say("mute"), act: () => change("mute") });
    items.push({ label: say("promote"), act: () => change("promote") });
  }
  if (member.status === "restricted") items.push({ label: say("unmute"), act: () => change("unmute") });
  if (member.status === "administrator") items.push({ label: say("demote"), act: () => change("demote") });
  items.push({ label: say("leave"), danger: true, act: () => change("leave") });
  items.push({ label: say("kick"), danger: true, act: () => pane.act("/telegram/kick", { user_id: person.id }) });
  return items;
}

function tag(pane, person, member, change) {
  const say = pane.api.say;
  ask(pane.element, {
    title: say("giveTag"), label: say("save"), cancel: say("cancel"),
    fields: [{ name: "tag", label: say("tag"), value: member.tag, max: 16 }],
    send: ({ tag: given }) =>
      pane.api.act("/members", { platform: "telegram", action: "tag", user_id: person.id, tag: given }),
  });
}

function rename(pane, person) {
  const say = pane.api.say;
  ask(pane.element, {
    title: say("rename"), label: say("save"), cancel: say("cancel"),
    fields: [
      { name: "first_name", label: say("firstName"), value: person.first_name, required: true },
      { name: "last_name", label: say("lastName"), value: person.last_name },
      { name: "username", label: say("username"), value: person.username },
    ],
    send: (values) => pane.api.act("/telegram/rename", { user_id: person.id, ...values }),
  });
}

/** The menu of a chat: what its owner, or the person in a private one, can do. */
export function chatDeeds(pane) {
  const say = pane.api.say;
  const { chat } = pane;
  if (chat.type === "private") {
    return [
      { label: chat.blocked ? say("unblockBot") : say("blockBot"), danger: !chat.blocked,
        act: () => pane.act("/telegram/block", { user_id: pane.me, blocked: !chat.blocked, bot_id: chat.bot_id }) },
      { label: say("startWith"), act: () => startWith(pane) },
    ];
  }
  const simple = (title, field, path, body) => ({
    label: title,
    act: () => ask(pane.element, {
      title, label: say("save"), cancel: say("cancel"), fields: [field],
      send: (values) => pane.api.act(path, body(values)),
    }),
  });
  return [
    simple(say("newPerson"), { name: "name", label: say("firstName"), required: true }, "/telegram/join", (v) => ({ name: v.name })),
    simple(say("retitle"), { name: "title", label: say("title"), value: chat.title, required: true }, "/telegram/group", (v) => ({ title: v.title })),
    simple(say("memberRights"), { name: "rights", kind: "many", label: say("memberRights"),
      options: PERMISSIONS.map((one) => ({ value: one, label: one, chosen: chat.permissions?.includes(one) })) },
    "/telegram/group", (v) => ({ permissions: v.rights })),
    { label: chat.join_by_request ? say("openDoor") : say("closeDoor"),
      act: () => pane.act("/telegram/group", { join_by_request: !chat.join_by_request }) },
    { label: chat.is_forum ? say("noTopics") : say("topics"), act: () => pane.act("/telegram/forum", { is_forum: !chat.is_forum }) },
    ...(chat.is_forum
      ? [simple(say("newTopic"), { name: "name", label: say("title"), required: true }, "/telegram/topic", (v) => ({ name: v.name, user_id: pane.me }))]
      : []),
    simple(say("newChannel"), { name: "title", label: say("title"), required: true }, "/telegram/channel", (v) => ({ title: v.title })),
    { label: say("newBot"), act: () => newBot(pane) },
  ];
}

function startWith(pane) {
  const say = pane.api.say;
  ask(pane.element, {
    title: say("startWith"), label: say("start"), cancel: say("cancel"),
    fields: [{ name: "payload", label: say("payload"), max: 64 }],
    send: ({ payload }) => pane.api.act("/telegram/start", { user_id: pane.me, payload, bot_id: pane.chat.bot_id }),
  });
}

function newBot(pane) {
  const say = pane.api.say;
  ask(pane.element, {
    title: say("newBot"), label: say("save"), cancel: say("cancel"),
    fields: [
      { name: "name", label: say("firstName"), required: true },
      { name: "username", label: say("username"), required: true },
      { name: "reads_all", kind: "checkbox", label: say("readsAll") },
    ],
    send: async (values) => {
      const { token } = await pane.api.act("/telegram/bots", values);
      tellPrograms(pane, "telegram", { username: values.username, token });
    },
  });
}
