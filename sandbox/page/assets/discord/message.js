// One message of Discord, as the chosen member sees it.

import { h } from "../shared/dom.js";
import { icon } from "../shared/icons.js";
import { face } from "../shared/people.js";
import { download, picture } from "../shared/files.js";
import { drawComponents, drawEmbed } from "./components.js";
import { markdown } from "./markdown.js";

const LOADING = 1 << 7;
const [JOINED, BOOSTED, PINNED, THREAD_MADE] = [7, 8, 6, 18];
// Messages of one author within this time stand under one name.
const TOGETHER_MS = 7 * 60 * 1000;

/** Tell whether a message stands under the same name as the one before it. */
export function continues(message, before) {
  return Boolean(
    before &&
      before.author.id === message.author.id &&
      !message.referenced_message &&
      !message.interaction_metadata &&
      message.type === 0 && before.type !== JOINED &&
      !before.visible_to === !message.visible_to &&
      Date.parse(message.timestamp) - Date.parse(before.timestamp) < TOGETHER_MS,
  );
}

/** Draw a message; `together` under the name of the one before it. */
export function drawMessage(message, together, pane) {
  const { api } = pane;
  const said = systemText(message, pane);
  if (said) return h("div", { class: "system", data: { message: message.id } }, h("i", { "aria-hidden": "true", text: "→" }), h("span", {}, said));
  const name = pane.nameOf(message.author.id, message.author);
  const secret = message.visible_to !== null && message.visible_to !== undefined;
  const loading = Boolean(message.flags & LOADING);
  return h(
    "article",
    { class: `message ${together ? "together" : ""} ${secret ? "secret" : ""} ${mentionsMe(message, pane) ? "mentions-me" : ""}`, data: { message: message.id } },
    invoked(message, pane),
    replied(message, pane),
    h("div", { class: "message-body" },
      together
        ? h("span", { class: "gutter" }, h("time", { text: api.texts.time(Date.parse(message.timestamp)) }))
        : h("button", { class: "face-button", tabindex: "-1", "aria-label": `${api.say("become")}: ${name}`, onclick: () => !message.author.bot && pane.become(message.author.id) }, face(message.author.id, name)),
      h("div", { class: "message-main" },
        !together && h("div", { class: "message-head" },
          h("bdi", { class: "name", text: name, colour: pane.colourOf(message.author.id) }),
          message.author.bot && h("span", { class: "app", text: api.say("app") }),
          h("time", { text: api.texts.moment(Date.parse(message.timestamp)) })),
        loading ? h("div", { class: "thinking", text: api.say("thinking") }) : null,
        message.content && h("div", { class: "text", dir: "auto" }, markdown(message.content, pane.names),
          message.edited_timestamp && !secret && h("small", { class: "edited", text: ` (${api.say("edited")})` })),
        forwardedOf(message, pane),
        attachments(message, pane),
        message.embeds.map((one) => drawEmbed(one, pane)),
        (message.sticker_items ?? []).map((one) => h("div", { class: "sticker", text: one.name })),
        h("div", { class: "components" }, drawComponents(message.components, message, pane)),
        reactions(message, pane),
        message.thread && h("button", { class: "thread-link", onclick: () => pane.open(message.thread.id) }, icon("thread"), h("bdi", { text: message.thread.name })),
        secret && h("div", { class: "only-you" }, icon("eye"), h("span", { text: `${api.say("onlyYou")} · ` }),
          h("button", { class: "linkish", text: api.say("dismiss"), data: { focus: `dismiss-${message.id}` }, onclick: () => pane.dismiss(message.id) }))),
      !secret && h("div", { class: "hover" },
        h("button", {
          class: "icon more", "aria-label": `${api.say("messageMenu")}: ${name}`, "aria-haspopup": "menu", data: { focus: `menu-${message.id}` },
          onclick: (event) => pane.openMessageMenu(event.currentTarget, message),
        }, icon("more")))),
  );
}

function mentionsMe(message, pane) {
  return message.mention_everyone || message.mentions.some((one) => one.id === pane.me);
}

function invoked(message, pane) {
  const about = message.interaction_metadata;
  if (!about || message.referenced_message) return null;
  const who = pane.nameOf(about.user.id, about.user);
  return h("div", { class: "reply-line" },
    h("i", { class: "reply-hook", "aria-hidden": "true" }),
    h("bdi", { class: "name", text: who, colour: pane.colourOf(about.user.id) }),
    about.name ? h("span", {}, ` ${pane.api.say("used")} `, h("bdi", { class: "command-name", text: `/${about.name}` })) : null);
}

function replied(message, pane) {
  if (message.type !== 19) return null;
  const one = message.referenced_message;
  const words = one ? one.content || pane.api.say("message") : pane.api.say("deletedMessage");
  return h("button", { class: "reply-line", onclick: () => one && pane.showMessage(one.id) },
    h("i", { class: "reply-hook", "aria-hidden": "true" }),
    one && h("bdi", { class: "name", text: pane.nameOf(one.author.id, one.author), colour: pane.colourOf(one.author.id) }),
    h("bdi", { class: "words", text: words.slice(0, 120) }));
}

function forwardedOf(message, pane) {
  const one = message.message_snapshots?.[0]?.message;
  if (!one) return null;
  return h("blockquote", { class: "forwarded" }, h("small", { text: `↪ ${pane.api.say("forwarded")}` }),
    h("div", { class: "text", dir: "auto" }, markdown(one.content, pane.names)), one.embeds.map((each) => drawEmbed(each, pane)));
}

function attachments(message, pane) {
  return message.attachments.map((one) => {
    const path = `/discord/files/${one.id}`;
    const hidden = one.filename.startsWith("SPOILER_");
    if (/^image\/(png|jpeg|gif|webp)$/.test(one.content_type ?? "")) {
      const alt = one.description || one.filename;
      return h("figure", {}, picture(pane.api, path, { alt, width: one.width, height: one.height, hidden }),
        one.description && h("figcaption", { text: one.description }));
    }
    return h("figure", {}, download(pane.api, path, one.filename, one.size), one.description && h("figcaption", { text: one.description }));
  });
}

function reactions(message, pane) {
  const given = Object.entries(message.reacted ?? {}).filter(([, people]) => people.length);
  if (!given.length) return null;
  return h("div", { class: "reactions" }, given.map(([emoji, people]) => {
    const own = people.includes(pane.me);
    const who = people.map((one) => pane.nameOf(one)).join(", ");
    return h("button", {
      class: own ? "reaction own" : "reaction", "aria-pressed": String(own), title: who, "aria-label": `${emoji} ${people.length}: ${who}`,
      data: { focus: `reaction-${message.id}-${emoji}` },
      onclick: () => pane.react(message, emoji, !own),
    }, h("span", { text: emoji }), h("b", { text: String(people.length) }));
  }));
}

function systemText(message, pane) {
  const who = pane.nameOf(message.author.id, message.author);
  const { say } = pane.api;
  switch (message.type) {
    case JOINED:
      return say("joined", { who });
    case BOOSTED:
      return say("boosted", { who });
    case PINNED:
      return say("pinnedBy", { who });
    case THREAD_MADE:
      return say("threadMade", { who, name: message.content });
    default:
      return null;
  }
}
