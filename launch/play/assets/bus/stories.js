// The story of one event: a line with what it is and how far it came, and its steps when it is open.

import { h } from "/sandbox/play/shared/dom.js";
import { drawRaw } from "./raw.js";
import { form } from "./texts.js";

const NAMES = { telegram: "Telegram", discord: "Discord" };
// Keys that mean nothing to make or to a shell, so that their command can be typed as it is shown.
const TYPED = /^[\w.:-]{1,200}$/;
// The way of an event: the kind of step that shows that it came there.
const STATIONS = ["recorded", "entry", "ledger", "acknowledged"];

/** Which stories are open, and which raw forms. */
export class Opened {
  #stories = new Map();
  #raws = new Map();
  #stamps = new Map();

  constructor(api, changed) {
    this.api = api;
    this.changed = changed;
    /** The story that is open unless its person has chosen otherwise. */
    this.newest = undefined;
  }

  isOpen(story) {
    return this.#stories.get(story.id) ?? story.id === this.newest;
  }

  toggleStory(story) {
    this.#stories.set(story.id, !this.isOpen(story));
    this.changed();
  }

  raw(place, name) {
    return this.#raws.get(place)?.get(name);
  }

  stamp(place) {
    return this.#stamps.get(place) ?? 0;
  }

  async toggle(place, name, asked) {
    if (!this.#raws.has(place)) this.#raws.set(place, new Map());
    const raws = this.#raws.get(place);
    if (raws.delete(name)) return this.#tell(place);
    const raw = {};
    raws.set(name, raw);
    this.#tell(place);
    try {
      raw.form = await this.api.act("/bus/raw", asked);
    } catch (error) {
      raw.error = error.message;
    }
    this.#tell(place);
  }

  #tell(place) {
    this.#stamps.set(place, this.stamp(place) + 1);
    this.changed();
  }
}

/** Draw a story. */
export function drawStory(story, { say, language, opened, nameOf, copy }) {
  const open = opened.isOpen(story);
  const name = nameOf(story);
  return h(
    "li",
    { class: `story from-${story.source} ${story.status}`, data: { story: String(story.id) } },
    h(
      "button",
      { class: "story-head", "aria-expanded": String(open), data: { focus: `story-${story.id}` }, onclick: () => opened.toggleStory(story) },
      h("span", { class: sign(story), text: amountOf(story.amount, say, language) || story.type }),
      h("bdi", { class: "story-name", text: name }),
      h("span", { class: "story-reason", text: story.reason ?? "" }),
      h("span", { class: "story-took", text: took(story, say, language) }),
      h("span", { class: "journey" }, h("b", { class: story.source, text: NAMES[story.source] }), track(story, say), h("b", { class: story.target, text: NAMES[story.target] })),
    ),
    open && drawSteps(story, name, { say, language, opened, copy }),
  );
}

function drawSteps(story, name, { say, language, opened, copy }) {
  const place = `story/${story.id}`;
  const start = Math.min(...story.steps.filter((step) => step.at !== null).map((step) => step.at));
  const rows = story.steps.map((step) => {
    const [from, text] = told(story, step, name, say, language);
    const asked = rawOf(story, step);
    const raw = opened.raw(place, step.name);
    const bad = step.kind === "failed" || step.status >= 400;
    return h(
      "li",
      { class: `step at-${from.toLowerCase()} ${bad ? "bad" : ""}`, data: { step: step.kind } },
      h(
        "button",
        { class: "step-head", "aria-expanded": String(Boolean(raw)), data: { focus: `${place}/${step.name}` }, onclick: () => opened.toggle(place, step.name, asked) },
        h("span", { class: "step-at", text: step.at === null ? "" : after(step.at - start, say, language) }),
        h("span", { class: "step-text" }, h("bdi", { text })),
        h("span", { class: "step-from", text: from }),
      ),
      raw && drawRaw(raw, say),
    );
  });
  const waits = waiting(story);
  if (waits) rows.push(h("li", { class: "step waits" }, h("span", { class: "step-at" }), h("span", { class: "step-text", text: say(waits) })));
  return h(
    "div",
    { class: "story-body" },
    h("ol", { class: "steps" }, rows),
    story.losses > 0 && h("p", { class: "story-note", text: say("lost", { n: story.losses }) }),
    TYPED.test(story.key) && h("p", { class: "raw-label", text: say("trace") }),
    TYPED.test(story.key) && copy(`make trace KEY=${story.key}`),
  );
}

/** Where a step is read from, and its sentence. */
function told(story, step, name, say, language) {
  const platform = NAMES[step.platform] ?? "";
  switch (step.kind) {
    case "asked": return [platform, say("asked", { name, platform })];
    case "recorded": return ["Postgres", say("recorded", { id: story.id })];
    case "ledger": return ["Postgres", say("ledger", { id: step.id, platform, amount: amountOf(step.amount, say, language) })];
    case "books": return ["Postgres", step.xp === null ? say("booksNow", { platform }) : say("books", { platform, xp: number(step.xp, language), balance: number(step.balance, language) })];
    case "entry": return ["Redis", say("entry", { id: step.id, stream: `sync:${story.source}` })];
    case "read": return ["Redis", say("read", { consumer: new Intl.ListFormat(language, { type: "disjunction" }).format(step.consumers) })];
    case "acknowledged": return ["Redis", say("acknowledged", { group: step.group })];
    case "completed": return ["Postgres", say("completed", { platform: NAMES[story.target] })];
    case "failed": return ["Postgres", say("failed", { error: step.error })];
    case "wanted": return ["Postgres", say("wanted", { platform, what: surfaceOf(step, say) })];
    case "shown": return ["Postgres", say("shown", { platform, what: surfaceOf(step, say) })];
    default: return [platform, say("call", { call: step.call, status: step.status })];
  }
}

/** What the server is asked for the raw form of a step. */
function rawOf(story, step) {
  switch (step.kind) {
    case "asked":
    case "call": return { kind: "call", number: step.number };
    case "entry": return { kind: "entry", source: story.source, id: step.id };
    case "read":
    case "acknowledged": return { kind: "group", source: story.source };
    case "ledger": return { kind: "ledger", event: story.id };
    case "books": return { kind: "books", member: story.member };
    case "wanted":
    case "shown": return { kind: "surfaces", member: story.member };
    default: return { kind: "event", event: story.id };
  }
}

function waiting(story) {
  if (story.status === "failed") return null;
  if (story.status !== "completed") return `waits_${story.status}`;
  return unshown(story) ? "waits_shown" : null;
}

function unshown(story) {
  const count = (kind) => story.steps.filter((step) => step.kind === kind).length;
  return count("shown") < count("wanted");
}

function track(story, say) {
  const reached = new Set(story.steps.filter((step) => step.kind !== "ledger" || step.platform === story.target).map((step) => step.kind));
  const stations = STATIONS.map((kind) => reached.has(kind));
  if (reached.has("wanted")) stations.push(!unshown(story));
  return h(
    "span",
    { class: "track", role: "img", "aria-label": say("journey", { source: NAMES[story.source], target: NAMES[story.target] }) },
    stations.map((there) => h("i", { class: there ? "there" : "" })),
  );
}

function took(story, say, language) {
  if (story.status === "failed") return say("buried");
  if (story.status !== "completed") return say("waits");
  const times = story.steps.filter((step) => step.at !== null && step.kind !== "acknowledged").map((step) => step.at);
  return after(Math.max(...times) - Math.min(...times), say, language);
}

function after(ms, say, language) {
  if (ms < 9_999) return say("ms", { n: number(Math.round(ms), language) });
  return say("s", { n: number(Math.round(ms / 1_000), language) });
}

function number(value, language) {
  return new Intl.NumberFormat(language).format(value);
}

function amountOf(amount, say, language) {
  if (!amount) return "";
  if (amount.kind === "achievement") return say("achievement", { value: amount.value });
  const signed = new Intl.NumberFormat(language, { signDisplay: "always" }).format(amount.value);
  const name = amount.kind === "balance" ? `amount_balance_${form(language, amount.value)}` : "amount_xp";
  return say(name, { value: signed });
}

function sign(story) {
  return `amount ${story.amount?.value < 0 ? "less" : "more"}`;
}

function surfaceOf(step, say) {
  if (step.surface === "rank") return step.rank ?? say("noRank");
  if (step.surface === "level") return say("level", { n: step.level });
  if (step.surface === "linked") return say("linkedMark");
  return say("achievementOf", { value: step.surface.replace(/^achievement:/, "") });
}
