// Text with entities becomes elements. Offsets count UTF-16 units, as strings here do.

import { h, link } from "../shared/dom.js";

const DEPTH_MAX = 12;

/** Return the nodes of a text. `act.command(words)` hears of pressed commands; `act.spoiler` names what is hidden. */
export function marked(text, entities, act) {
  const inside = (entities ?? [])
    .filter((one) => Number.isInteger(one.offset) && Number.isInteger(one.length) && one.length > 0)
    .map((one) => ({ ...one, end: Math.min(one.offset + one.length, text.length) }))
    .filter((one) => one.offset >= 0 && one.offset < one.end)
    .sort((one, other) => one.offset - other.offset || other.end - one.end);
  return build(text, 0, text.length, inside, act, 0);
}

function build(text, start, end, entities, act, depth) {
  const nodes = [];
  let at = start;
  let waiting = entities;
  while (waiting.length) {
    const [first, ...others] = waiting;
    if (first.offset > at) nodes.push(text.slice(at, first.offset));
    const stop = Math.min(first.end, end);
    const within = others.filter((one) => one.offset < stop);
    // What reaches beyond its neighbour goes on after it.
    const rest = within.filter((one) => one.end > stop).map((one) => ({ ...one, offset: stop }));
    const clipped = within.map((one) => ({ ...one, end: Math.min(one.end, stop) }));
    const content =
      depth < DEPTH_MAX
        ? build(text, first.offset, stop, clipped, act, depth + 1)
        : [text.slice(first.offset, stop)];
    nodes.push(wrap(first, content, text.slice(first.offset, stop), act));
    at = stop;
    waiting = [...rest, ...others.filter((one) => one.offset >= stop)];
  }
  if (at < end) nodes.push(text.slice(at, end));
  return nodes;
}

const PLAIN = {
  bold: "strong",
  italic: "em",
  underline: "u",
  strikethrough: "s",
  code: "code",
  blockquote: "blockquote",
  expandable_blockquote: "blockquote",
};

function wrap(entity, content, words, act) {
  const tag = PLAIN[entity.type];
  if (tag) return h(tag, {}, content);
  switch (entity.type) {
    case "pre":
      return h("pre", { tabindex: "0" }, entity.language && h("small", { text: entity.language }), h("code", {}, content));
    case "spoiler":
      return spoiler(content, act.spoiler);
    case "text_link":
      return link(entity.url, content);
    case "url":
      return link(/^[a-z]+:/i.test(words) ? words : `https://${words}`, content);
    case "email":
      return link(`mailto:${words}`, content);
    case "phone_number":
      return link(`tel:${words}`, content);
    case "bot_command":
      return h("button", { class: "linkish", onclick: () => act.command(words) }, content);
    case "text_mention":
      return h("span", { class: "mention", title: String(entity.user?.id ?? "") }, content);
    default:
      return h("span", { class: "mention" }, content);
  }
}

/** Text that is hidden until one presses it; until then it is called `label`. */
export function spoiler(content, label) {
  const element = h("button", { class: "spoiler", "aria-expanded": "false", "aria-label": label }, h("span", {}, content));
  element.addEventListener("click", () => {
    element.classList.add("open");
    element.setAttribute("aria-expanded", "true");
    element.removeAttribute("aria-label");
  });
  return element;
}
