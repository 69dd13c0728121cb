// What members and the owner can do in Discord beside writing. Each is a control route.

import { tellPrograms } from "../shared/bot_programs.js";
import { ask } from "../shared/floating.js";
import { menuCommands } from "./slash.js";

const EMOJI = ["👍", "❤️", "🔥", "🎉", "😂", "😢", "👀"];
const TIMEOUT_MINUTES = 10;

/** The menu of a message. */
export function messageDeeds(pane, message) {
  const say = pane.api.say;
  const at = { channel_id: message.channel_id, message_id: message.id, user_id: pane.me };
  const items = [
    { buttons: EMOJI.map((emoji) => ({ label: emoji, name: `${say("react")} ${emoji}`, act: () => pane.react(message, emoji, true) })) },
    { label: say("reply"), act: () => pane.replyTo(message) },
    { label: say("forward"), act: () => forward(pane, message) },
    { label: say("newThread"), act: () => thread(pane, message) },
    ...menuCommands(pane.commands, "message").map((one) => ({
      label: `◆ ${one.name}`,
      act: () => pane.act("/discord/menu", { channel_id: message.channel_id, user_id: pane.me, command: one.name, target_id: message.id, bot_id: one.application_id }),
    })),
  ];
  if (message.author.id === pane.me) items.push({ label: say("edit"), act: () => pane.edit(message) });
  items.push({ label: say("delete"), danger: true, act: () => pane.act("/discord/delete", at) });
  return items;
}

function forward(pane, message) {
  const say = pane.api.say;
  ask(pane.element, {
    title: say("forward"), label: say("forward"), cancel: say("cancel"),
    fields: [{ name: "channel_id", kind: "select", label: say("where"), options: pane.channelList.filter((one) => one.name && one.type !== 4 && one.type !== 15).map((one) => ({ value: one.id, label: `#${one.name}` })) }],
    send: ({ channel_id }) => pane.api.act("/discord/forward", { channel_id, user_id: pane.me, from_channel_id: message.channel_id, message_id: message.id }),
  });
}

/** Start a thread, on a message or without, or a post in a forum. */
export function thread(pane, message = null) {
  const say = pane.api.say;
  const forum = pane.channel.type === 15;
  ask(pane.element, {
    title: say(forum ? "newPost" : "newThread"), label: say("save"), cancel: say("cancel"),
    fields: [{ name: "name", label: say("title"), required: true, max: 100 }, ...(forum ? [{ name: "text", kind: "long", label: say("text"), required: true }] : [])],
    send: async (values) => {
      const body = { channel_id: pane.channel.id, user_id: pane.me, ...values };
      if (message) body.message_id = message.id;
      const { channel_id } = await pane.api.act("/discord/thread", body);
      pane.open(channel_id);
    },
  });
}

/** The menu of a member. */
export function memberDeeds(pane, member) {
  const say = pane.api.say;
  const id = member.user.id;
  const moderate = (action, more = {}) => pane.act("/discord/moderate", { user_id: id, action, ...more });
  const roles = pane.roleList.filter((one) => !one.managed && one.position > 0);
  const items = [];
  if (!member.user.bot) items.push({ label: say("become"), act: () => pane.become(id) });
  items.push(...menuCommands(pane.commands, "user").map((one) => ({
    label: `◆ ${one.name}`,
    act: () => pane.act("/discord/menu", { channel_id: pane.channel.id, user_id: pane.me, command: one.name, target_id: id, bot_id: one.application_id }),
  })));
  items.push({
    label: say("roles"),
    act: () => ask(pane.element, {
      title: say("roles"), label: say("save"), cancel: say("cancel"),
      fields: [{ name: "roles", kind: "many", label: pane.nameOf(id), options: roles.map((one) => ({ value: one.id, label: one.name, chosen: member.roles.includes(one.id) })) }],
      send: async ({ roles: wanted }) => {
        for (const role of roles) {
          const has = member.roles.includes(role.id);
          if (wanted.includes(role.id) !== has) await pane.api.act("/discord/roles", { action: has ? "take" : "give", user_id: id, role_id: role.id });
        }
      },
    }),
  });
  items.push({
    label: say("nickname"),
    act: () => ask(pane.element, {
      title: say("nickname"), label: say("save"), cancel: say("cancel"),
      fields: [{ name: "nick", label: say("nickname"), value: member.nick ?? "", max: 32 }],
      send: ({ nick }) => pane.api.act("/discord/name", { user_id: id, nick: nick || null }),
    }),
  });
  if (!member.user.bot) {
    items.push({ label: say(member.mute ? "unmute" : "mute"), act: () => moderate(member.mute ? "unmute" : "mute") });
    const until = () => new Date(Date.now() + TIMEOUT_MINUTES * 60_000).toISOString();
    items.push(member.communication_disabled_until
      ? { label: say("endTimeout"), act: () => moderate("end_timeout") }
      : { label: say("timeout", { n: TIMEOUT_MINUTES }), act: () => moderate("time_out", { until: until() }) });
    items.push({ label: say("leave"), danger: true, act: () => pane.act("/members", { platform: "discord", action: "leave", user_id: id }) });
    items.push({ label: say("kick"), danger: true, act: () => moderate("kick") });
    items.push({ label: say("ban"), danger: true, act: () => moderate("ban") });
  } else {
    const bot = pane.api.store.get("discord/bots", id);
    if (bot) items.push({ label: say("connectBot"), act: () => tellPrograms(pane, "discord", bot) });
    items.push({ label: say("kick"), danger: true, act: () => pane.act("/discord/bot", { action: "remove", bot_id: id }) });
  }
  return items;
}

/** The menu of the channel and the server. */
export function serverDeeds(pane) {
  const say = pane.api.say;
  const simple = (title, fields, path, body) => ({
    label: title,
    act: () => ask(pane.element, { title, label: say("save"), cancel: say("cancel"), fields, send: (values) => pane.api.act(path, body(values)) }),
  });
  const name = { name: "name", label: say("firstName"), required: true };
  const items = [simple(say("newPerson"), [name], "/members", (v) => ({ platform: "discord", action: "join", name: v.name }))];
  if (pane.channel.thread_metadata) {
    const { archived, locked } = pane.channel.thread_metadata;
    const inside = pane.channel.members?.includes(pane.me);
    const change = (action) => pane.act("/discord/threads", { channel_id: pane.channel.id, action, user_id: pane.me });
    items.push({ label: say(inside ? "leaveThread" : "joinThread"), act: () => change(inside ? "leave" : "join") });
    items.push({ label: say(archived || locked ? "reopenThread" : "archiveThread"), act: () => change(archived || locked ? "reopen" : "archive") });
  } else if (pane.channel.guild_id && pane.channel.type !== 4) {
    items.push({ label: say(pane.channel.type === 15 ? "newPost" : "newThread"), act: () => thread(pane) });
  }
  items.push(
    simple(say("newChannel"), [name, { name: "kind", kind: "select", label: say("kind"), options: ["text", "voice", "forum", "category", "stage"].map((one) => ({ value: one, label: one })) }], "/discord/channels", (v) => ({ action: "create", ...v })),
    simple(say("renameChannel"), [{ ...name, value: pane.channel.name }], "/discord/channels", (v) => ({ action: "rename", channel_id: pane.channel.id, name: v.name })),
    { label: say("newBot"), act: () => newBot(pane) },
    { label: say("inviteBack"), act: () => pane.act("/discord/bot", { action: "invite" }) },
  );
  return items;
}

function newBot(pane) {
  const say = pane.api.say;
  ask(pane.element, {
    title: say("newBot"), label: say("save"), cancel: say("cancel"),
    fields: [{ name: "username", label: say("username"), required: true }],
    send: async ({ username }) => {
      const { token } = await pane.api.act("/discord/bots", { username, permissions: ["SEND_MESSAGES", "EMBED_LINKS", "MANAGE_ROLES"] });
      tellPrograms(pane, "discord", { username, token });
    },
  });
}
