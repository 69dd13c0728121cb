// Faces, and the row of people of whom the person at the page is one.

import { h, keep } from "./dom.js";

// People whom the row shows, so that a large community does not slow the page: the list has the others.
const STRIP_MAX = 40;
// Rows that the list of members shows, and members from which on it has a field to look for one.
export const ROWS_MAX = 300;
const LOOKED_FOR = 30;

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
  const one = people.find((each) => String(each.id) === String(chosen));
  const shown = people.slice(0, STRIP_MAX);
  if (one && !shown.includes(one)) shown.unshift(one);
  keep(strip, shown, {
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

/** The list of members, with a field to look for one of many. */
export class Filter {
  constructor(changed) {
    this.field = h("input", { type: "search", class: "filter", hidden: true, oninput: changed });
    this.rows = h("div", {});
  }

  label(api, count) {
    this.field.hidden = count < LOOKED_FOR;
    this.field.placeholder = api.say("find");
    this.field.setAttribute("aria-label", api.say("find"));
  }

  fits(name) {
    return name.toLowerCase().includes(this.field.value.toLowerCase());
  }
}
