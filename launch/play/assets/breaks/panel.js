// The panel "breaks": one button for each thing that can be broken, and how it heals.

import { fill, h, keep } from "/sandbox/play/shared/dom.js";
import { TEXTS } from "./texts.js";

/** The groups of the panel, and for each breakage the deed of a person that mends it, if there is one. */
const GROUPS = {
  processes: { "kill-consumers": null, "kill-telegram-bot": null, "kill-discord-bot": null },
  servers: { "stop-redis": "start", "empty-redis": null, "stop-postgres": "start" },
  refusals: {
    "limit-telegram": "again", "limit-discord": "again", "error-telegram": "again", "error-discord": "again",
    "lost-reply-telegram": "again", "lost-reply-discord": "again",
  },
  people: {
    "books-telegram": "compare", "books-discord": "compare", "rank-telegram": "compare", "rank-discord": "compare",
    "role-above-bot": "lower", "kick-telegram": "invite", "kick-discord": "invite",
  },
};
const NAMES = Object.values(GROUPS).flatMap(Object.keys);
const FOLDER = "breaks";
/** Milliseconds between two figures of a clock that runs. */
const TICK_MS = 100;

/** Show the panel in `element`. Returns its end. */
export function mountBreaks(element, { api, sayFrom }) {
  const say = sayFrom(TEXTS);
  const told = h("p", { class: "told", role: "status" });
  const wrong = h("p", { class: "wrong", role: "alert", hidden: true });
  const sheet = h("div", { class: "breaks" });
  fill(element, sheet, told);
  const lists = {};
  /** The latest stage that was told of each breakage. */
  const heard = {};

  const condition = (name) => api.store.get(FOLDER, name) ?? { stage: "connecting", hand: "none" };
  const underWay = ({ stage }) => stage === "preparing" || stage === "broken";
  const plays = () => api.memory.get("plays") !== "no";

  async function act(deed, body) {
    wrong.hidden = true;
    try {
      await api.act(`/breaks/${deed}`, body);
    } catch (refused) {
      wrong.textContent = refused.message;
      wrong.hidden = false;
    }
  }

  function build() {
    const box = h("input", { type: "checkbox", onchange: () => api.memory.set("plays", box.checked ? "yes" : "no") });
    box.checked = plays();
    const groups = Object.keys(GROUPS).map((group) => {
      lists[group] = h("ul", { class: "breakages", "aria-labelledby": `breaks-${group}` });
      return h("section", null, h("h2", { id: `breaks-${group}`, text: say(`of_${group}`) }), lists[group]);
    });
    fill(sheet, h("p", { class: "promise", text: say("promise") }), h("label", { class: "plays" }, box, say("plays")), wrong, groups);
  }

  function draw() {
    const focused = sheet.contains(document.activeElement) ? document.activeElement.closest(".breakage")?.dataset.name : null;
    for (const [group, mends] of Object.entries(GROUPS)) {
      keep(lists[group], Object.keys(mends), {
        key: (name) => name,
        stamp: (name) => [api.texts.language, JSON.stringify(condition(name))],
        draw: (name) => drawOne(name, mends[name], condition(name)),
      });
    }
    // A button that mended something is gone with what it mended.
    if (focused && !sheet.contains(document.activeElement)) sheet.querySelector(`[data-name="${focused}"] .strike`).focus();
    tell();
    tick();
  }

  function drawOne(name, mend, now) {
    const idle = !underWay(now) && now.stage !== "unavailable" && now.stage !== "connecting";
    return h("li", { class: `breakage ${now.stage}`, data: { name } },
      h("button", {
        class: "strike", text: say(name), "aria-describedby": `will-${name}`, "aria-disabled": String(!idle), data: { focus: "strike" },
        onclick: () => idle && act("strike", { name, plays: plays() }),
      }),
      h("p", { class: "will", id: `will-${name}`, text: say(`${name}-will`) }),
      drawState(now),
      mend && now.stage === "broken" && now.hand !== "none" && h("button", {
        class: now.hand === "must" ? "mend must" : "mend", text: say(now.hand === "given" ? "given" : mend), "aria-disabled": String(now.hand === "given"), data: { focus: "mend" },
        "aria-label": `${say(now.hand === "given" ? "given" : mend)} (${say(name)})`, onclick: () => now.hand !== "given" && act("mend", { name }),
      }));
  }

  function drawState(now) {
    // Without a word of them, the commands that brought no XP would look lost.
    const rest = now.asked - now.recorded;
    const figures = () => [now.asked > 0 && `${say("asked", now)} `, say("arrived", now), now.stage === "healed" && rest > 0 && ` ${say("rest", { rest })}`];
    if (now.stage === "preparing") return h("p", { class: "state", text: say("preparing") });
    if (now.stage === "unavailable") return h("p", { class: "state", text: say(now.why === "no-roles" ? "noRoles" : "notOurs") });
    if (now.stage === "failed") return h("p", { class: "state" }, say("failed"), " ", h("q", { lang: "en", text: now.why }));
    if (now.stage === "broken") {
      return h("div", { class: "state" },
        h("p", null, h("span", { class: "clock", data: { since: now.since } }), " · ", now.hand === "must" && h("strong", { text: `${say("needsHand")}: ` }), say(now.waits || "struck")),
        now.detail && h("p", null, h("q", { lang: "en", text: now.detail })),
        h("p", { class: "figures" }, figures()));
    }
    if (now.stage === "healed") {
      return h("div", { class: "state" }, h("p", null, h("strong", { text: say("healedIn", { seconds: seconds(now.took_s) }) })), h("p", { class: "figures" }, figures()));
    }
    return null;
  }

  /** Say to screen readers what has changed, and nothing that was so before. */
  function tell() {
    for (const name of NAMES) {
      const { stage, times, hand, took_s: took } = condition(name);
      const now = `${stage} ${times} ${hand === "must"}`;
      const before = heard[name];
      heard[name] = now;
      if (before === undefined || before === now || before.startsWith("connecting")) continue;
      const what = say(name);
      if (stage === "healed") told.textContent = say("healedNow", { what, seconds: seconds(took) });
      if (stage === "failed") told.textContent = say("failedNow", { what });
      if (stage === "broken") told.textContent = say(hand === "must" ? "needsHandNow" : "brokenNow", { what });
    }
  }

  function seconds(number) {
    return number.toLocaleString(api.texts.language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  }

  function tick() {
    for (const clock of sheet.querySelectorAll(".clock")) {
      clock.textContent = say("brokenFor", { seconds: seconds(Math.max(0, Date.now() / 1000 - Number(clock.dataset.since))) });
    }
  }

  build();
  draw();
  const ticking = setInterval(() => NAMES.some((name) => condition(name).stage === "broken") && tick(), TICK_MS);
  let language = api.texts.language;
  const deaf = api.store.listen((changed) => {
    if (!changed.has("*") && !changed.has(FOLDER)) return;
    if (language !== api.texts.language) {
      language = api.texts.language;
      told.textContent = "";
      build();
    }
    draw();
  });
  return () => {
    clearInterval(ticking);
    deaf();
    fill(element);
  };
}
