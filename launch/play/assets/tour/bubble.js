// The bubble of the tour, and the ring around the element at which it points.
//
// It is a dialog that is not modal: the page goes on working beside it, and keeps the focus unless
// the person is in the bubble.

import { h } from "/sandbox/play/shared/dom.js";

// Pixels between the bubble, the element and the edges of the window.
const GAP = 12;
// Below this width one side is shown at a time, and the bubble takes the whole width.
const PHONE = matchMedia("(max-width: 900px)");

export class Bubble {
  #frame = 0;
  #target = null;
  #placed = "";

  constructor() {
    this.ring = h("div", { class: "tour-ring", hidden: true, "aria-hidden": "true" });
    this.element = h("div", { class: "tour-bubble", role: "dialog", "aria-labelledby": "tour-title", "aria-describedby": "tour-text", tabindex: "-1", hidden: true });
    // Read out when a step follows by itself, while the focus is elsewhere.
    this.said = h("div", { class: "tour-said", role: "status" });
    document.body.append(this.ring, this.element, this.said);
  }

  get isOpen() {
    return !this.element.hidden;
  }

  get hasFocus() {
    return this.element.contains(document.activeElement);
  }

  /** Show the bubble at the element that a selector finds, wherever that moves. */
  open(selector) {
    this.element.hidden = false;
    this.#target = selector;
    this.#placed = "";
    this.found?.scrollIntoView({ block: "nearest", inline: "nearest" });
    cancelAnimationFrame(this.#frame);
    this.#follow();
  }

  close() {
    cancelAnimationFrame(this.#frame);
    this.element.hidden = this.ring.hidden = true;
  }

  remove() {
    this.close();
    for (const one of [this.ring, this.element, this.said]) one.remove();
  }

  say(text) {
    this.said.textContent = text;
  }

  /** The element at which the bubble points, if it is to be seen. */
  get found() {
    const all = this.#target ? [...document.querySelectorAll(this.#target)] : [];
    return all.findLast((one) => one.checkVisibility() && one.getBoundingClientRect().height > 0) ?? null;
  }

  /** Place everything anew in each frame in which something has moved. */
  #follow() {
    this.#frame = requestAnimationFrame(() => this.#follow());
    const at = this.found?.getBoundingClientRect() ?? null;
    const { offsetWidth: width, offsetHeight: height } = this.element;
    const now = [at?.left, at?.top, at?.width, at?.height, width, height, innerWidth, innerHeight].join();
    if (now === this.#placed) return;
    this.#placed = now;
    this.ring.hidden = at === null;
    if (at) put(this.ring, { left: at.left, top: at.top, width: at.width, height: at.height });
    put(this.element, PHONE.matches ? docked(at, height) : beside(at, width, height));
  }
}

function put(element, places) {
  for (const [name, value] of Object.entries(places)) element.style[name] = `${Math.round(value)}px`;
}

/** The place on a phone: the top or the bottom, whichever leaves the element to be seen. */
function docked(at, height) {
  const top = document.querySelector("#stage").getBoundingClientRect().top + GAP;
  const bottom = innerHeight - height - GAP;
  const hides = (place) => (at ? Math.max(0, Math.min(place + height, at.bottom) - Math.max(place, at.top)) : 0);
  return { left: GAP, top: at && hides(top) < hides(bottom) ? top : bottom };
}

/** The place beside the element at which there is room, or else within it. */
function beside(at, width, height) {
  const within = (value, size, room) => Math.max(GAP, Math.min(value, room - size - GAP));
  if (!at) return { left: (innerWidth - width) / 2, top: innerHeight - height - 4 * GAP };
  const middle = within(at.top + at.height / 2 - height / 2, height, innerHeight);
  if (at.right + GAP + width + GAP <= innerWidth) return { left: at.right + GAP, top: middle };
  if (at.left - GAP - width >= GAP) return { left: at.left - GAP - width, top: middle };
  const left = within(at.left + at.width / 2 - width / 2, width, innerWidth);
  if (at.top - GAP - height >= GAP) return { left, top: at.top - GAP - height };
  return { left, top: within(at.bottom + GAP, height, innerHeight) };
}
