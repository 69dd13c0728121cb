// Faces, and the row of people of whom the person at the page is one.

import { h, keep } from "./dom.js";

const HUES = [4, 28, 145, 190, 215, 265, 330];
const letters = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** A round face with the first letters of a name; its colour follows from the id. */
export function face(id, name, status = null) {
  const sum = [...String(id)].reduce((all, one) => (all * 31 + one.codePointAt(0)) % 9973, 7);
  const words = name.trim().split(/\s+/u).slice(0, 2);
  const initials = words.map((word) => [...letters.segment(word)][0]?.segment ?? "").join("");
  return h(
    "span",
    { class: "face", "aria-hidden": "true", colour: `hsl(${HUES[sum % HUES.length]} 55% 42%)` },
    h("span", { text: initials || "?" }),
    status && h("i", { class: `status ${status}` }),
  );
}

/**
 * Draw the people one can be: a group of radio buttons, of which arrow keys pick.
 * `people` are {id, name, note, away}.
 */
export function drawPeople(strip, people, chosen, choose) {
  keep(strip, people, {
    key: (one) => String(one.id),
    stamp: (one) => [one.name, one.note, one.away, String(one.id) === String(chosen), one.status],
    draw(one) {
      const checked = String(one.id) === String(chosen);
      return h(
        "button",
        {
          role: "radio",
          class: one.away ? "person away" : "person",
          "aria-checked": String(checked),
          tabindex: checked ? "0" : "-1",
          title: one.note ? `${one.name} · ${one.note}` : one.name,
          data: { focus: `person-${one.id}`, person: String(one.id) },
          onclick: () => choose(one.id),
        },
        face(one.id, one.name, one.status),
        h("bdi", { text: one.name }),
      );
    },
  });
}

/** Let arrow keys walk through a group of radio buttons. */
export function walkable(strip) {
  strip.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const all = [...strip.querySelectorAll("[role=radio]")];
    const at = all.indexOf(document.activeElement);
    const next = all[(at + step + all.length) % all.length];
    next?.click();
    next?.focus();
  });
}
