// Raw forms: what the server read, word for word, and the command that shows the same in a terminal.

import { h } from "/sandbox/play/shared/dom.js";
import { icon } from "/sandbox/play/shared/icons.js";

const COPIED_MS = 1_500;

/** A command with a button that copies it. */
export function copyable(command, say) {
  const button = h("button", { class: "copy", type: "button", title: say("copy"), "aria-label": say("copy"), data: { focus: `copy-${command}` }, onclick: copy }, icon("copy"));
  async function copy() {
    await navigator.clipboard?.writeText(command).catch(() => {});
    button.setAttribute("aria-label", say("copied"));
    button.classList.add("done");
    setTimeout(() => {
      button.setAttribute("aria-label", say("copy"));
      button.classList.remove("done");
    }, COPIED_MS);
  }
  return h("div", { class: "command" }, h("code", { text: command }), button);
}

/** The raw form that was asked for: {form}, {error}, or neither while it is on its way. */
export function drawRaw(raw, say) {
  if (raw.error) return h("p", { class: "raw-error", role: "alert", text: raw.error });
  if (!raw.form) return h("p", { class: "raw-waits", text: "…" });
  const { asked, answer, command } = raw.form;
  return h(
    "div",
    { class: "raw" },
    h("code", { class: "raw-asked", text: asked }),
    h("pre", { tabindex: "0", "aria-label": asked, text: answer || say("nothing") }),
    command && h("p", { class: "raw-label", text: say("inTerminal") }),
    command && copyable(command, say),
  );
}
