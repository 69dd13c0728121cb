// Buttons, selects, the layouts of Components V2, and embeds.

import { h, link } from "../shared/dom.js";
import { icon } from "../shared/icons.js";
import { ask } from "../shared/floating.js";
import { download, picture } from "../shared/files.js";
import { inline, markdown } from "./markdown.js";

const [ROW, BUTTON, STRING_SELECT, USER_SELECT, ROLE_SELECT, MENTIONABLE_SELECT, CHANNEL_SELECT] = [1, 2, 3, 5, 6, 7, 8];
const [SECTION, TEXT, THUMBNAIL, GALLERY, FILE, SEPARATOR, CONTAINER] = [9, 10, 11, 12, 13, 14, 17];
const SELECTS = [STRING_SELECT, USER_SELECT, ROLE_SELECT, MENTIONABLE_SELECT, CHANNEL_SELECT];
const STYLES = { 1: "primary", 2: "secondary", 3: "success", 4: "danger", 5: "secondary", 6: "secondary" };

/** Draw the components of a message. */
export function drawComponents(components, message, pane) {
  return components.map((one) => draw(one, message, pane));
}

function draw(one, message, pane) {
  const inside = () => drawComponents(one.components ?? [], message, pane);
  switch (one.type) {
    case ROW:
      return h("div", { class: "action-row" }, inside());
    case BUTTON:
      return button(one, message, pane);
    case SECTION:
      return h("div", { class: "section" }, h("div", {}, inside()), draw(one.accessory, message, pane));
    case TEXT:
      return h("div", { class: "text", dir: "auto" }, markdown(one.content, pane.names));
    case THUMBNAIL:
      return media(one.media.url, one.description, pane, "thumbnail");
    case GALLERY:
      return h("div", { class: "gallery" }, one.items.map((item) => media(item.media.url, item.description, pane, "")));
    case FILE:
      return stored(one.file.url) ? download(pane.api, stored(one.file.url), nameIn(one.file.url)) : link(one.file.url, one.file.url);
    case SEPARATOR:
      return one.divider ? h("hr", { class: one.spacing === 2 ? "wide" : "" }) : h("div", { class: "gap" });
    case CONTAINER:
      return h("div", { class: "container", colour: one.accent_color === null ? null : hex(one.accent_color) }, inside());
    default:
      if (SELECTS.includes(one.type)) return select(one, message, pane);
      return h("div", { class: "unknown", text: pane.api.say("unknownComponent", { type: one.type }) });
  }
}

function button(one, message, pane) {
  const face = [one.emoji && h("span", { class: "emoji", text: emojiOf(one.emoji) }), one.label && h("bdi", { text: one.label })];
  if (one.style === 5) return link(one.url, h("span", { class: "component-button secondary" }, face, icon("open")));
  return h("button", {
    class: `component-button ${STYLES[one.style]}`,
    disabled: one.disabled || one.style === 6,
    "aria-label": one.label ? null : emojiOf(one.emoji ?? { name: "?" }),
    data: { focus: `component-${message.id}-${one.custom_id}` },
    onclick: (event) => pane.click(event.currentTarget, message, one.custom_id),
  }, face);
}

export function emojiOf(emoji) {
  return emoji.id ? `:${emoji.name}:` : emoji.name;
}

function select(one, message, pane) {
  const say = pane.api.say;
  const options = optionsOf(one, pane);
  const label = one.placeholder || say("select");
  const send = (values) => pane.clickWith(message, one.custom_id, values);
  if (one.max_values > 1 || one.min_values === 0) {
    const chosen = options.filter((option) => option.chosen).map((option) => option.label);
    return h("button", {
      class: "select-button", disabled: one.disabled, "aria-haspopup": "dialog", data: { focus: `component-${message.id}-${one.custom_id}` },
      onclick: () => ask(pane.element, {
        title: label, label: say("done"), cancel: say("cancel"),
        fields: [{ name: "picks", kind: "many", label, options }],
        send: ({ picks }) => pane.submitClick(message, one.custom_id, picks),
      }),
    }, h("bdi", { text: chosen.length ? chosen.join(", ") : label }), icon("chevron"));
  }
  const menu = h("select", {
    class: "select", disabled: one.disabled, "aria-label": label, data: { focus: `component-${message.id}-${one.custom_id}` },
    onchange: () => menu.value && send([menu.value]),
  },
  h("option", { value: "", text: label }),
  options.map((option) => h("option", { value: option.value, text: option.hint ? `${option.label} — ${option.hint}` : option.label, selected: option.chosen })));
  return menu;
}

/** What a select offers: its own options, or people, roles and channels. */
export function optionsOf(one, pane) {
  const preset = new Set((one.default_values ?? []).map((value) => value.id));
  const named = (value, label, hint) => ({ value, label, hint, chosen: preset.has(value) });
  const people = () => pane.memberList.map((member) => named(member.user.id, pane.nameOf(member.user.id), "@" + member.user.username));
  const roles = () => pane.roleList.map((role) => named(role.id, `@${role.name.replace(/^@/, "")}`));
  switch (one.type) {
    case STRING_SELECT:
      return one.options.map((option) => ({
        value: option.value, hint: option.description, chosen: option.default,
        label: (option.emoji ? `${emojiOf(option.emoji)} ` : "") + option.label,
      }));
    case USER_SELECT:
      return people();
    case ROLE_SELECT:
      return roles();
    case MENTIONABLE_SELECT:
      return [...people(), ...roles()];
    default:
      return pane.channelList
        .filter((channel) => channel.name && (!one.channel_types?.length || one.channel_types.includes(channel.type)))
        .map((channel) => named(channel.id, `#${channel.name}`));
  }
}

/** Draw an embed. */
export function drawEmbed(embed, pane) {
  const names = pane.names;
  const image = (one, kind) => one?.url && media(one.url, "", pane, kind);
  return h(
    "div",
    { class: "embed", colour: embed.color === undefined || embed.color === null ? null : hex(embed.color) },
    h("div", { class: "embed-main" },
      embed.author && h("div", { class: "embed-author" }, h("bdi", { text: embed.author.name })),
      embed.title && h("div", { class: "embed-title", dir: "auto" }, embed.url ? link(embed.url, inline(embed.title, names)) : inline(embed.title, names)),
      embed.description && h("div", { class: "text", dir: "auto" }, markdown(embed.description, names)),
      embed.fields?.length > 0 && h("div", { class: "embed-fields" }, embed.fields.map((field) =>
        h("div", { class: field.inline ? "embed-field inline" : "embed-field" },
          h("b", { dir: "auto" }, inline(field.name, names)), h("div", { dir: "auto" }, markdown(field.value, names))))),
      image(embed.image, ""),
      (embed.footer || embed.timestamp) && h("div", { class: "embed-footer" },
        h("bdi", { text: [embed.footer?.text, embed.timestamp && pane.api.texts.day(Date.parse(embed.timestamp))].filter(Boolean).join(" • ") }))),
    image(embed.thumbnail, "thumbnail"),
  );
}

/** A picture that the sandbox keeps; one of elsewhere is a link, because the page fetches nothing there. */
function media(url, description, pane, kind) {
  const path = stored(url);
  if (path) return h("div", { class: kind }, picture(pane.api, path, { alt: description || nameIn(url) }));
  return h("div", { class: "elsewhere" }, "🖼 ", link(url, description || hostOf(url)));
}

/** The control route of a file that the sandbox keeps, by the address that bots get. */
export function stored(url) {
  const found = /^https?:\/\/[^/]+\/attachments\/\d+\/(\d+)\//.exec(url);
  return found && `/discord/files/${found[1]}`;
}

function nameIn(url) {
  try {
    return decodeURIComponent(new URL(url).pathname.split("/").at(-1));
  } catch {
    return url;
  }
}

function hostOf(url) {
  try {
    return new URL(url).host;
  } catch {
    return url;
  }
}

export function hex(colour) {
  return `#${(colour & 0xffffff).toString(16).padStart(6, "0")}`;
}
