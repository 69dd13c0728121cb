// The panel "breaks".

import { fill, h } from "/sandbox/play/shared/dom.js";
import { TEXTS } from "./texts.js";

/** Show the panel in `element`. Returns its end. */
export function mountBreaks(element, { api, sayFrom }) {
  const say = sayFrom(TEXTS);
  const draw = () => fill(element, h("p", { class: "empty", text: say("soon") }));
  draw();
  return api.store.listen((changed) => changed.has("*") && draw());
}
