// The field in which one writes, with completion of commands, files, and what one replies to.

import { fill, h } from "./dom.js";
import { icon } from "./icons.js";

export class Composer {
  /**
   * `send({text, files})` sends; `complete(text)` returns {label, hint, insert, pick} for the list;
   * `onInput` hears of typing.
   */
  constructor({ id, send, complete, onInput = () => {}, onError }) {
    this.send = send;
    this.complete = complete;
    this.onInput = onInput;
    this.onError = onError;
    this.files = [];
    this.offered = [];
    this.at = -1;
    this.field = h("textarea", {
      rows: 1,
      role: "combobox",
      "aria-autocomplete": "list",
      "aria-expanded": "false",
      "aria-controls": `${id}-options`,
      data: { focus: "composer" },
      oninput: () => this.#typed(),
      onkeydown: (event) => this.#key(event),
      onblur: () => setTimeout(() => this.#offer([]), 150),
    });
    this.options = h("ul", { class: "options", role: "listbox", id: `${id}-options`, hidden: true });
    this.picker = h("input", { type: "file", multiple: true, hidden: true, onchange: () => this.#picked() });
    this.attach = h("button", { class: "icon attach", type: "button", onclick: () => this.picker.click() }, icon("attach"));
    this.button = h("button", { class: "icon send", type: "submit" }, icon("send"));
    this.above = h("div", { class: "above" });
    this.chosen = h("div", { class: "chosen-files" });
    this.form = h(
      "form",
      { class: "composer", onsubmit: (event) => this.#submit(event) },
      this.above,
      this.chosen,
      h("div", { class: "composer-row" }, this.attach, this.field, this.button),
      this.options,
      this.picker,
    );
  }

  /** Name everything in the current language. */
  label({ write, attach, send, commands, remove }) {
    this.field.placeholder = write;
    this.field.setAttribute("aria-label", write);
    this.attach.setAttribute("aria-label", attach);
    this.attach.title = attach;
    this.button.setAttribute("aria-label", send);
    this.button.title = send;
    this.options.setAttribute("aria-label", commands);
    this.removeLabel = remove;
  }

  /** Forbid writing, with the reason in place of the field's hint. */
  forbid(reason) {
    const forbidden = reason !== null;
    for (const one of [this.field, this.attach, this.button]) one.disabled = forbidden;
    if (forbidden) this.field.placeholder = reason;
  }

  set(text) {
    this.field.value = text;
    this.#grow();
    this.field.focus();
  }

  #typed() {
    this.#grow();
    this.onInput(this.field.value);
    this.#offer(this.complete(this.field.value));
  }

  #grow() {
    this.field.style.height = "auto";
    this.field.style.height = `${Math.min(this.field.scrollHeight, 160)}px`;
  }

  #offer(options) {
    this.offered = options.slice(0, 50);
    this.at = this.offered.length ? 0 : -1;
    fill(
      this.options,
      this.offered.map((one, index) =>
        h(
          "li",
          {
            role: "option",
            id: `${this.options.id}-${index}`,
            onmousedown: (event) => {
              event.preventDefault();
              this.#pick(index);
            },
          },
          h("bdi", { class: "option-name", text: one.label }),
          h("bdi", { class: "option-hint", text: one.hint }),
          one.source && h("bdi", { class: "option-source", text: one.source }),
        ),
      ),
    );
    this.options.hidden = !this.offered.length;
    this.field.setAttribute("aria-expanded", String(this.offered.length > 0));
    this.#mark();
  }

  #mark() {
    [...this.options.children].forEach((one, index) => {
      one.setAttribute("aria-selected", String(index === this.at));
      if (index === this.at) one.scrollIntoView({ block: "nearest" });
    });
    if (this.at >= 0) this.field.setAttribute("aria-activedescendant", `${this.options.id}-${this.at}`);
    else this.field.removeAttribute("aria-activedescendant");
  }

  #pick(index) {
    const one = this.offered[index];
    this.#offer([]);
    if (one.pick) one.pick();
    else this.set(one.insert);
  }

  #key(event) {
    if (event.isComposing) return;
    const open = this.offered.length > 0;
    if (open && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      this.at = (this.at + step + this.offered.length) % this.offered.length;
      this.#mark();
    } else if (open && (event.key === "Tab" || (event.key === "Enter" && !event.shiftKey))) {
      const one = this.offered[this.at];
      if (event.key === "Enter" && one.insert !== undefined && one.insert.trim() === this.field.value.trim()) {
        this.#offer([]);
        this.#submit(event);
        return;
      }
      event.preventDefault();
      this.#pick(this.at);
    } else if (event.key === "Escape") {
      if (open) this.#offer([]);
      else this.onEscape?.();
    } else if (event.key === "Enter" && !event.shiftKey) {
      this.#submit(event);
    }
  }

  #picked() {
    this.files = [...this.files, ...this.picker.files];
    this.picker.value = "";
    this.#showFiles();
  }

  #showFiles() {
    fill(
      this.chosen,
      this.files.map((file, index) =>
        h(
          "span",
          { class: "file-chip" },
          h("bdi", { text: file.name }),
          h("button", {
            type: "button",
            text: "×",
            "aria-label": `${this.removeLabel}: ${file.name}`,
            onclick: () => {
              this.files = this.files.filter((_, at) => at !== index);
              this.#showFiles();
            },
          }),
        ),
      ),
    );
  }

  async #submit(event) {
    event.preventDefault();
    const [text, files] = [this.field.value, this.files];
    if (!text.trim() && !files.length) return;
    this.set("");
    this.files = [];
    this.#showFiles();
    this.#offer([]);
    try {
      await this.send({ text, files });
    } catch (error) {
      // What was written is not lost.
      if (!this.field.value) this.set(text);
      this.files = files;
      this.#showFiles();
      this.onError(error);
    }
  }
}
