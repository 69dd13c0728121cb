// Discord's markdown becomes elements. Whatever is no markup stays text.

import { h, link } from "../shared/dom.js";
import { spoiler } from "../telegram/entities.js";

// Markup deeper than this is shown as it was written: hostile texts nest without end.
const DEPTH_MAX = 8;

/** Each rule is tried where it may begin; `build` returns what it found, or null to go on as text. */
const INLINE = [
  [/\\([^\w\s])/y, (found) => found[1]],
  [/```(?:([\w+-]+)\n)?\n?([\s\S]+?)```/y, (found) => h("pre", { tabindex: "0" }, h("code", { text: found[2] }))],
  [/(`{1,2})([\s\S]+?)\1(?!`)/y, (found) => h("code", { text: found[2] })],
  [/\*\*\*([\s\S]+?)\*\*\*(?!\*)/y, (found, inner) => h("strong", {}, h("em", {}, inner(found[1])))],
  [/\*\*([\s\S]+?)\*\*(?!\*)/y, (found, inner) => h("strong", {}, inner(found[1]))],
  [/__([\s\S]+?)__(?!_)/y, (found, inner) => h("u", {}, inner(found[1]))],
  [/\*(?!\s)([^*]+?)\*(?!\*)/y, (found, inner) => h("em", {}, inner(found[1]))],
  [/_([^_\s](?:[^_]*[^_\s])?)_(?!\w)/y, (found, inner) => h("em", {}, inner(found[1]))],
  [/~~([\s\S]+?)~~/y, (found, inner) => h("s", {}, inner(found[1]))],
  [/\|\|([\s\S]+?)\|\|/y, (found, inner, names) => spoiler(inner(found[1]), names.spoiler())],
  [/\[([^\]\n]+)\]\(<?(https?:\/\/[^\s)>]+)>?(?:\s+"[^"\n]*")?\)/y, (found, inner) => link(found[2], inner(found[1]))],
  [/<(https?:\/\/[^\s>]+)>/y, (found) => link(found[1], found[1])],
  [/https?:\/\/[^\s<>]*[^\s<>.,:;"')\]!?]/y, (found) => link(found[0], found[0])],
  [/<@!?(\d+)>/y, (found, _, names) => mention(`@${names.user(found[1])}`)],
  [/<@&(\d+)>/y, (found, _, names) => mention(`@${names.role(found[1])}`, names.roleColour(found[1]))],
  [/<#(\d+)>/y, (found, _, names) => names.channelLink(found[1])],
  [/<\/([^:>]+):(\d+)>/y, (found, _, names) => names.commandLink(found[1])],
  [/<a?:(\w+):\d+>/y, (found) => h("span", { class: "emoji", text: `:${found[1]}:` })],
  [/<t:(-?\d{1,13})(?::([tTdDfFR]))?>/y, (found, _, names) => names.time(Number(found[1]), found[2])],
  [/@(everyone|here)\b/y, (found) => mention(found[0])],
];
const BEGINNING = /[\\`*_~|[<h@]/;

function mention(text, colour = null) {
  return h("bdi", { class: "mention", text, colour });
}

/** Return the nodes of a message. `names` tells the names of mentioned things. */
export function markdown(text, names) {
  const nodes = [];
  const lines = text.split("\n");
  let plain = [];
  const flush = () => {
    if (plain.length) nodes.push(...inline(plain.join("\n"), names, 0));
    plain = [];
  };
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at];
    // A block of code is one piece, whatever its lines begin with.
    const fences = plain.join("\n").split("```").length - 1;
    const heading = fences % 2 ? null : line.match(/^(#{1,3}|-#) +(.+)$/);
    const bullet = fences % 2 ? null : line.match(/^( *)(?:[-*]|(\d+)\.) +(.+)$/);
    if (!(fences % 2) && line.startsWith(">>> ")) {
      flush();
      nodes.push(h("blockquote", {}, inline([line.slice(4), ...lines.slice(at + 1)].join("\n"), names, 0)));
      return nodes;
    }
    if (!(fences % 2) && line.startsWith("> ")) {
      flush();
      const quoted = [line.slice(2)];
      while (lines[at + 1]?.startsWith("> ")) quoted.push(lines[(at += 1)].slice(2));
      nodes.push(h("blockquote", {}, inline(quoted.join("\n"), names, 0)));
    } else if (heading) {
      flush();
      const kind = heading[1] === "-#" ? "small" : `big-${heading[1].length}`;
      nodes.push(h("div", { class: `heading ${kind}` }, inline(heading[2], names, 0)));
    } else if (bullet) {
      flush();
      const sign = bullet[2] ? `${bullet[2]}.` : "•";
      nodes.push(h("div", { class: bullet[1].length > 1 ? "bullet deep" : "bullet" }, h("span", { text: sign }), h("span", {}, inline(bullet[3], names, 0))));
    } else plain.push(line);
  }
  flush();
  return nodes;
}

/** Only what stands within a line: for titles and names. */
export function inline(text, names, depth = 0) {
  const nodes = [];
  let from = 0;
  let at = 0;
  const inner = (words) => (depth < DEPTH_MAX ? inline(words, names, depth + 1) : [words]);
  while (at < text.length) {
    if (BEGINNING.test(text[at])) {
      const [node, end] = ruled(text, at, inner, names);
      if (node !== null) {
        if (at > from) nodes.push(text.slice(from, at));
        nodes.push(node);
        from = at = end;
        continue;
      }
    }
    at += 1;
  }
  if (from < text.length) nodes.push(text.slice(from));
  return nodes;
}

function ruled(text, at, inner, names) {
  for (const [rule, build] of INLINE) {
    rule.lastIndex = at;
    const found = rule.exec(text);
    if (!found) continue;
    const end = rule.lastIndex;
    return [build(found, inner, names), end];
  }
  return [null, at];
}
