// A lane for each stream: where its events come from, where they go, and how far they are.

import { h } from "/sandbox/play/shared/dom.js";
import { drawRaw } from "./raw.js";
import { form } from "./texts.js";

const NAMES = { telegram: "Telegram", discord: "Discord" };

/** Draw the stream `lane`, which is a button that opens the reply of XINFO GROUPS. */
export function drawLane(lane, { say, language, opened }) {
  const place = `lane/${lane.source}`;
  const target = lane.group;
  const raw = opened.raw(place, "group");
  return h(
    "div",
    { class: `lane from-${lane.source}` },
    h(
      "button",
      {
        class: "lane-head",
        "aria-expanded": String(Boolean(raw)),
        data: { focus: place },
        title: say("lane", { stream: lane.stream, group: lane.group }),
        onclick: () => opened.toggle(place, "group", { kind: "group", source: lane.source }),
      },
      h("b", { class: lane.source, text: NAMES[lane.source] }),
      h("span", { class: "wire", "aria-hidden": "true" }, h("i", { class: lane.entries ? "dot" : "dot still" })),
      h("b", { class: target, text: NAMES[target] }),
      h("span", { class: "lane-state" }, h("code", { text: lane.stream }), ` · ${state(lane, say, language)}`),
      lane.missing ? null : h("span", { class: lane.consumers.length ? "lane-readers" : "lane-readers warn", text: readers(lane, say) }),
      lane.trouble && h("span", { class: "lane-readers warn", text: lane.trouble }),
    ),
    raw && drawRaw(raw, say),
  );
}

function state(lane, say, language) {
  if (lane.missing) return say("missing");
  const counts = [say(`entries_${form(language, lane.entries)}`, { n: lane.entries })];
  if (lane.unread) counts.push(say("unread", { n: lane.unread }));
  if (lane.unacknowledged) counts.push(say("unacknowledged", { n: lane.unacknowledged }));
  if (counts.length === 1 && lane.entries) counts.push(say("allRead"));
  return counts.join(" · ");
}

function readers(lane, say) {
  if (!lane.consumers.length) return say("nobody");
  return say("readBy", { names: lane.consumers.map((one) => (one.holds ? `${one.name} (${one.holds})` : one.name)).join(", ") });
}
