// The tour: a bubble that leads over the page, and a panel with its steps.

import { fill, h } from "/sandbox/play/shared/dom.js";
import { Guide } from "./guide.js";
import { Scene } from "./scene.js";
import { STEPS } from "./steps.js";
import { TEXTS } from "./texts.js";

/** Show the panel in `element`. Returns its end. */
export function mountTour(element, { api, sandbox, sayFrom, show }) {
  const say = sayFrom(TEXTS);
  const scene = new Scene(api, sandbox);
  const offer = h("div", { id: "tour-offer", role: "region", hidden: true });
  document.querySelector("#top").after(offer);
  let drawn = "";

  const draw = () => {
    const now = [guide.index, guide.isOffered, guide.isRunning, guide.isLeft, guide.isFinished, api.texts.language].join();
    if (now === drawn) return;
    drawn = now;
    drawOffer(offer, guide, say);
    drawPanel(element, guide, say);
  };
  const guide = new Guide({ scene, say, show, changed: draw });
  const look = () => {
    draw();
    guide.draw();
  };
  const unlisten = [api.store.listen(look), sandbox.store.listen(look)];
  // The chats come first: a step looks at who is there.
  const begin = sandbox.store.listen(() => {
    if (!sandbox.store.get("discord", "guild")) return;
    begin();
    if (guide.isRunning) guide.resume();
  });
  draw();
  return () => {
    for (const end of [...unlisten, begin]) end();
    guide.remove();
    offer.remove();
    fill(element);
  };
}

/** A line above the page, until it is answered once. */
function drawOffer(offer, guide, say) {
  offer.hidden = !guide.isOffered;
  offer.setAttribute("aria-label", say("title"));
  fill(offer,
    h("span", { text: say("offer") }),
    h("button", { class: "tour-primary", text: say("take"), onclick: () => guide.begin(0) }),
    h("button", { class: "tour-quiet", text: say("notNow"), onclick: () => guide.decline() }));
}

function drawPanel(element, guide, say) {
  const left = guide.isLeft;
  const focused = element.contains(document.activeElement) ? document.activeElement.dataset.focus : undefined;
  fill(element, h("div", { class: "tour-panel" },
    h("h2", { text: say("title") }),
    h("p", { text: say(guide.isFinished ? "finished" : "about") }),
    h("div", { class: "tour-buttons" },
      left && h("button", { class: "tour-primary", text: say("goOn"), data: { focus: "goOn" }, onclick: () => guide.begin(guide.index) }),
      guide.isRunning
        ? h("button", { class: "tour-plain", text: say("leave"), data: { focus: "leave" }, onclick: () => guide.leave() })
        : h("button", { class: left ? "tour-plain" : "tour-primary", text: say(left || guide.isFinished ? "again" : "take"), data: { focus: "take" }, onclick: () => guide.begin(0) })),
    h("ol", { class: "tour-steps" }, STEPS.map((step, index) => {
      const passed = guide.isFinished || index < guide.index;
      const current = index === guide.index && (guide.isRunning || left);
      return h("li", { class: passed ? "passed" : "" }, h("button", {
        "aria-current": current ? "step" : null, data: { focus: step.name }, onclick: () => guide.begin(index),
      }, h("span", { class: "tour-sign", role: "img", "aria-label": passed ? say("passed") : null, "aria-hidden": passed ? null : "true", text: passed ? "✓" : String(index + 1) }),
      h("span", { text: say(`${step.name}Title`, { name: guide.scene.name }) })));
    }))));
  if (focused !== undefined) element.querySelector(`[data-focus="${focused}"]`)?.focus();
}
