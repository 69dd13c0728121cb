// Menus, dialogs and short messages that float above the page.

import { fill, h } from "./dom.js";

const TOAST_MS = 6_000;

/** Show a short message in a corner of `pane`; an `alert` is read out at once. */
export function toast(pane, text, { alert = false, kind = "" } = {}) {
  const tray = pane.querySelector(".toasts");
  const close = h("button", { class: "toast-close", "aria-label": "×", onclick: () => shown.remove() }, "×");
  const shown = h("div", { class: `toast ${kind}`, role: alert ? "alert" : "status" }, h("span", { text }), close);
  tray.append(shown);
  while (tray.children.length > 4) tray.firstElementChild.remove();
  setTimeout(() => shown.remove(), TOAST_MS);
  return shown;
}

/** Open a menu at a button. `items` are {label, act, danger}, or a row of {buttons: [...]}. */
export function openMenu(button, items, label) {
  const close = () => menu.remove();
  const entry = (item) =>
    h("button", {
      role: "menuitem",
      class: item.danger ? "danger" : "",
      tabindex: "-1",
      text: item.label,
      "aria-label": item.name ?? null,
      onclick: () => {
        close();
        button.focus();
        item.act();
      },
    });
  const rows = items.map((item) =>
    item.buttons ? h("div", { class: "menu-row", role: "none" }, item.buttons.map(entry)) : entry(item),
  );
  const menu = h("div", { class: "menu", role: "menu", "aria-label": label, popover: "auto" }, rows);
  button.closest("[data-pane]").append(menu);
  menu.addEventListener("toggle", (event) => event.newState === "closed" && close());
  menu.addEventListener("keydown", (event) => walk(event, menu, button));
  menu.showPopover();
  place(menu, button);
  menu.querySelector("button")?.focus();
}

function walk(event, menu, button) {
  const entries = [...menu.querySelectorAll("button")];
  const at = entries.indexOf(document.activeElement);
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  if (step !== undefined) entries[(at + step + entries.length) % entries.length].focus();
  if (event.key === "Home") entries[0].focus();
  if (event.key === "End") entries.at(-1).focus();
  if (event.key === "Tab") menu.hidePopover();
  if (event.key === "Escape") setTimeout(() => button.focus());
  if (step !== undefined || event.key === "Home" || event.key === "End") event.preventDefault();
}

/** Put a floating element beside another, within the window. */
export function place(floating, anchor) {
  const at = anchor.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = floating;
  const left = Math.max(8, Math.min(at.left, innerWidth - width - 8));
  const below = at.bottom + 4 + height <= innerHeight;
  const top = below ? at.bottom + 4 : Math.max(8, at.top - height - 4);
  floating.style.left = `${left}px`;
  floating.style.top = `${top}px`;
}

/**
 * Ask for values in a dialog. `fields` are {name, label, kind, value, options, required, hint};
 * a kind is "text", "long", "number", "checkbox", "select", "many", "file" or "note".
 * `send(values)` may throw: the dialog then says so and stays. Returns the dialog.
 */
export function ask(pane, { title, fields, label, cancel, send, onClose = () => {}, kind = "" }) {
  const wrong = h("p", { class: "wrong", role: "alert" });
  const rows = fields.map((field) => fieldRow(field));
  const heading = h("h2", { text: title });
  heading.id = `dialog-${(ask.number = (ask.number ?? 0) + 1)}`;
  const submit = h("button", { class: "primary", type: "submit", text: label });
  const form = h(
    "form",
    {
      onsubmit: async (event) => {
        event.preventDefault();
        submit.disabled = true;
        try {
          await send(await valuesOf(form, fields));
          dialog.dismissed = false;
          dialog.close();
        } catch (error) {
          fill(wrong, error.message);
        } finally {
          submit.disabled = false;
        }
      },
    },
    rows,
    wrong,
    h(
      "div",
      { class: "dialog-buttons" },
      cancel && h("button", { type: "button", class: "quiet", text: cancel, onclick: () => dialog.close() }),
      submit,
    ),
  );
  const dialog = h("dialog", { class: `dialog ${kind}`, "aria-labelledby": heading.id }, heading, form);
  dialog.dismissed = true;
  dialog.addEventListener("close", () => {
    dialog.remove();
    onClose(dialog.dismissed);
  });
  pane.append(dialog);
  dialog.showModal();
  return dialog;
}

function fieldRow(field) {
  if (field.kind === "note") return h("p", { class: "note" }, field.content ?? field.label);
  const control = controlOf(field);
  const hint = field.hint && h("span", { class: "hint", text: field.hint });
  if (field.kind === "many" || field.kind === "one") {
    return h("fieldset", { class: "field" }, h("legend", { text: field.label }), hint, control);
  }
  const classes = `field ${field.kind === "checkbox" ? "inline" : ""}`;
  return h("label", { class: classes }, h("span", { text: field.label + (field.required ? " *" : "") }), hint, control);
}

function controlOf(field) {
  const shared = { name: field.name, required: field.required, minlength: field.min, maxlength: field.max };
  switch (field.kind) {
    case "long":
      return h("textarea", { ...shared, rows: 4, value: field.value ?? "", placeholder: field.placeholder });
    case "checkbox": {
      const box = h("input", { type: "checkbox", name: field.name });
      box.checked = Boolean(field.value);
      return box;
    }
    case "select":
      return h(
        "select",
        { name: field.name, required: field.required },
        field.options.map((one) =>
          h("option", { value: one.value, text: one.label, selected: one.value === field.value }),
        ),
      );
    case "many":
    case "one":
      return h(
        "div",
        { class: "picks" },
        field.options.map((one) => {
          const type = field.kind === "many" ? "checkbox" : "radio";
          const box = h("input", { type, name: field.name, value: one.value });
          box.checked = Boolean(one.chosen);
          return h(
            "label",
            {},
            box,
            h("span", {}, one.label, one.hint && h("small", { text: ` ${one.hint}` })),
          );
        }),
      );
    case "file":
      return h("input", { type: "file", name: field.name, multiple: field.multiple, required: field.required });
    default:
      return h("input", {
        ...shared,
        type: field.kind === "number" ? "number" : "text",
        step: field.kind === "number" ? "any" : null,
        value: field.value ?? "",
        placeholder: field.placeholder,
        autocomplete: "off",
      });
  }
}

async function valuesOf(form, fields) {
  const values = {};
  for (const field of fields) {
    const control = form.elements.namedItem(field.name);
    if (field.kind === "note" || control === null) continue;
    const picked = () =>
      [...form.querySelectorAll("input")].filter((one) => one.name === field.name && one.checked).map((one) => one.value);
    if (field.kind === "checkbox") values[field.name] = control.checked;
    else if (field.kind === "many") values[field.name] = picked();
    else if (field.kind === "one") values[field.name] = picked()[0];
    else if (field.kind === "file") values[field.name] = [...control.files];
    else values[field.name] = control.value;
  }
  return values;
}

/** Return the bytes of a file in Base64. */
export function base64Of(file) {
  return new Promise((done, failed) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => failed(reader.error);
    reader.readAsDataURL(file);
  });
}
