// A list of messages that stays at its end while one reads there, and stays still while one does not.

import { h, keep } from "./dom.js";

// Pixels from the end within which a reader is at the end.
const NEAR = 60;

export class Timeline {
  /** `label` names the list to screen readers; `newer` is the text of the button to its end. */
  constructor(label) {
    this.list = h("div", { class: "messages", role: "log", "aria-live": "polite", tabindex: "0" });
    this.list.setAttribute("aria-label", label);
    this.button = h("button", { class: "to-end", hidden: true, onclick: () => this.toEnd() });
    this.element = h("div", { class: "timeline" }, this.list, this.button);
    this.list.addEventListener("scroll", () => this.#notice(), { passive: true });
    this.list.addEventListener("grown", () => this.atEnd && this.toEnd());
    this.atEnd = true;
    this.shown = null;
    // Pictures that arrive and panels that open move the end.
    const sizes = new ResizeObserver(() => this.atEnd && this.toEnd());
    sizes.observe(this.list);
  }

  /** Show `messages` of the place called `name`. */
  draw(name, messages, drawing, newer) {
    const moved = this.shown !== name;
    if (moved) {
      this.list.replaceChildren();
      this.list.keptElements = undefined;
      this.shown = name;
      this.atEnd = true;
    }
    const end = messages.at(-1);
    const news = end !== undefined && drawing.key(end) !== this.last;
    this.last = end === undefined ? undefined : drawing.key(end);
    keep(this.list, messages, drawing);
    this.button.textContent = newer;
    if (this.atEnd) this.toEnd();
    else if (news) this.button.hidden = false;
  }

  toEnd() {
    this.list.scrollTop = this.list.scrollHeight;
    this.atEnd = true;
    this.button.hidden = true;
  }

  #notice() {
    const { scrollTop, scrollHeight, clientHeight } = this.list;
    this.atEnd = scrollHeight - scrollTop - clientHeight < NEAR;
    if (this.atEnd) this.button.hidden = true;
  }
}
