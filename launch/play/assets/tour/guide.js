// Leads through the steps: one begins, waits for what the person does, and the next one follows.

import { fill, h, withCode } from "/sandbox/play/shared/dom.js";
import { Bubble } from "./bubble.js";
import { STEPS } from "./steps.js";

// Milliseconds for which a step that was done says so, before the next one follows.
const PRAISE_MS = 1_200;
// Within the element of a step, the keyboard goes to the first of these that there is.
const FIELDS = ["[aria-checked=true]", "textarea", "a[href]", "button", "[tabindex='0']"];

export class Guide {
  #mark = {};
  #timer = null;
  #drawn = "";

  /** `changed()` hears when a step begins or the tour is left. */
  constructor({ scene, say, show, changed }) {
    this.scene = scene;
    this.say = say;
    this.show = show;
    this.changed = changed;
    this.bubble = new Bubble();
    this.onKey = (event) => this.#key(event);
    addEventListener("keydown", this.onKey, true);
  }

  // Where one is: "at-<step>", "left-<step>", "done", or "no" if the offer was declined.

  get #kept() {
    return this.scene.memory.get("tour") ?? "";
  }

  get isOffered() {
    return this.#kept === "";
  }

  get isRunning() {
    return this.#kept.startsWith("at-");
  }

  get isLeft() {
    return this.#kept.startsWith("left-");
  }

  get isFinished() {
    return this.#kept === "done";
  }

  /** The number of the step at which one is or was; 0 before the first. */
  get index() {
    return Math.max(0, STEPS.findIndex((one) => one.name === this.#kept.replace(/^(at|left)-/, "")));
  }

  get step() {
    return STEPS[this.index];
  }

  decline() {
    this.scene.memory.set("tour", "no");
    this.changed();
  }

  /** Begin a step. With `focus` the person has asked for it in the bubble or in the panel. */
  begin(index, { focus = true } = {}) {
    this.#endStep();
    const step = STEPS[index];
    this.scene.memory.set("tour", `at-${step.name}`);
    if (step.place) this.show(step.place);
    if (step.place in { telegram: 1, discord: 1 }) document.getElementById(step.place).classList.add("in-chat");
    step.begins?.(this.scene);
    this.#mark = this.scene.mark();
    this.wasDone = this.#isDone;
    this.#drawn = "";
    this.draw();
    this.bubble.open(step.target);
    if (focus) this.bubble.element.focus();
    else this.bubble.say(`${this.say("step", { n: index + 1, of: STEPS.length })}. ${this.#title}. ${this.#text.replaceAll("`", "")}`);
    this.changed();
  }

  /** Go on where the page was loaded anew. */
  resume() {
    this.begin(this.index, { focus: false });
  }

  leave() {
    const hadFocus = this.bubble.hasFocus;
    this.#endStep();
    this.scene.memory.set("tour", `left-${this.step.name}`);
    this.bubble.close();
    this.bubble.say(this.say("left"));
    if (hadFocus) this.#focusPage();
    this.changed();
  }

  finish() {
    this.#endStep();
    this.scene.memory.set("tour", "done");
    this.bubble.close();
    this.#focusPage();
    this.changed();
  }

  #endStep() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.step.ends?.();
  }

  next(options) {
    if (this.index + 1 < STEPS.length) this.begin(this.index + 1, options);
    else this.finish();
  }

  /** The state has changed: what was waited for may have happened. */
  draw() {
    if (!this.isRunning) return;
    const { step } = this;
    const done = this.#isDone;
    if (done && !this.wasDone && !step.stays && this.#timer === null) {
      this.bubble.say(this.say("done"));
      this.#timer = setTimeout(() => this.next({ focus: this.bubble.hasFocus }), PRAISE_MS);
    }
    const hindrance = done ? null : (step.hindrance?.(this.scene) ?? null);
    const facts = this.#facts;
    const now = JSON.stringify([step.name, done, hindrance, facts, this.scene.sandbox.texts.language]);
    if (now !== this.#drawn) this.#fill(done, hindrance);
    this.#drawn = now;
  }

  remove() {
    clearTimeout(this.#timer);
    removeEventListener("keydown", this.onKey, true);
    this.bubble.remove();
  }

  get #isDone() {
    return Boolean(this.step.isDone?.(this.scene, this.#mark));
  }

  get #facts() {
    return { name: this.scene.name, server: this.scene.serverAway, ...this.step.facts?.(this.scene, this.#mark) };
  }

  get #title() {
    return this.say(`${this.step.name}Title`, this.#facts);
  }

  get #text() {
    return this.say(`${this.step.name}Text`, this.#facts);
  }

  /** What is known of the step by now, such as how long it took; empty before. */
  get #fact() {
    const known = Object.values(this.step.facts?.(this.scene, this.#mark) ?? {});
    return known.length && known.every((one) => one !== null) ? this.say(`${this.step.name}Fact`, this.#facts) : "";
  }

  #fill(done, hindrance) {
    const { say, index, step } = this;
    const focused = this.bubble.hasFocus ? document.activeElement.dataset.focus : undefined;
    const isLast = index + 1 === STEPS.length;
    const goesOn = done || step.stays;
    const button = (name, act, kind) => h("button", { class: kind, text: say(name), data: { focus: name }, onclick: act });
    this.bubble.element.dataset.step = step.name;
    fill(this.bubble.element,
      h("div", { class: "tour-head" },
        h("span", { class: "tour-count", text: say("step", { n: index + 1, of: STEPS.length }) }),
        h("button", { class: "tour-close", "aria-label": say("leave"), title: say("leave"), data: { focus: "leave" }, onclick: () => this.leave() }, "×")),
      h("h2", { id: "tour-title", text: this.#title }),
      h("div", { id: "tour-text" },
        h("p", {}, withCode(this.#text)),
        this.#fact && h("p", { class: "tour-fact", text: this.#fact }),
        hindrance && h("p", { class: "tour-hindrance" }, withCode(say(hindrance, this.#facts)))),
      h("div", { class: "tour-buttons" },
        done && h("span", { class: "tour-done", text: say("done") }),
        index > 0 && button("back", () => this.begin(index - 1), "tour-quiet"),
        step.target && button("goThere", () => this.#goThere(), "tour-quiet"),
        button(isLast ? "finish" : goesOn ? "next" : "skip", () => this.next(), goesOn ? "tour-primary" : "tour-plain")),
      h("p", { class: "tour-keys", text: say("keys") }));
    if (focused === undefined) return;
    const again = this.bubble.element.querySelector(`[data-focus="${focused}"]`);
    (again ?? this.bubble.element).focus();
  }

  /** Bring the element of the step to the front, with the keyboard in it. */
  #goThere() {
    if (this.step.place) this.show(this.step.place);
    const { found } = this.bubble;
    const all = FIELDS.map((one) => (found?.matches(one) ? found : found?.querySelector(one)));
    all.find(Boolean)?.focus();
  }

  #focusPage() {
    const tab = document.querySelector("#tab-tour");
    if (tab?.checkVisibility()) tab.focus();
    else document.querySelector("#sides [aria-pressed=true]")?.focus();
  }

  #key(event) {
    if (!this.bubble.isOpen || event.isComposing) return;
    if (event.key === "F6") {
      event.preventDefault();
      if (this.bubble.hasFocus) this.#goThere();
      else this.bubble.element.focus();
    } else if (event.key === "Escape" && !closesSomethingElse(event.target)) {
      this.leave();
    }
  }
}

/** Whether Escape means something where it was pressed: a menu, a dialog, a command, a reply. */
function closesSomethingElse(target) {
  const field = target.closest?.("textarea, input, select");
  return (
    document.querySelector("dialog[open], .menu") !== null ||
    target.closest?.(".command-bar") != null ||
    (field != null && (field.value !== "" || field.closest("form")?.querySelector(".above-row") != null))
  );
}
