// Slash commands: what is offered, and the fields of one that is being filled in.

import { fill, h } from "../shared/dom.js";
import { base64Of } from "../shared/floating.js";

const [SUBCOMMAND, GROUP, STRING, INTEGER, BOOLEAN, USER, CHANNEL, ROLE, MENTIONABLE, NUMBER, ATTACHMENT] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
const [CHAT_INPUT, USER_MENU, MESSAGE_MENU] = [1, 2, 3];
// Milliseconds without a key after which a bot is asked to complete an option.
const TYPED_MS = 250;

/** All slash commands as one types them, with subcommands spelled out. */
export function offered(commands, language) {
  return commands
    .filter((one) => (one.type ?? CHAT_INPUT) === CHAT_INPUT)
    .flatMap((command) => leaves(command, command.name, command.options ?? [], language).map((one) => ({ ...one, command })));
}

function leaves(node, path, options, language) {
  const inner = options.filter((one) => one.type === SUBCOMMAND || one.type === GROUP);
  if (inner.length) return inner.flatMap((one) => leaves(one, `${path} ${one.name}`, one.options ?? [], language));
  return [{ path, options, description: localized(node, "description", language) }];
}

/** The commands in the menu of a user or of a message. */
export function menuCommands(commands, kind) {
  const wanted = kind === "user" ? USER_MENU : MESSAGE_MENU;
  return commands.filter((one) => one.type === wanted);
}

/** A name or description in the person's language, as Discord shows it. */
export function localized(one, field, language) {
  const words = one[`${field}_localizations`] ?? {};
  return words[language] ?? words[language?.split("-")[0]] ?? one[field] ?? "";
}

/** The bar above the composer in which one fills in a command. */
export class CommandBar {
  /** `leaf` is one of `offered`; `send(options)` uses the command; `close()` ends. */
  constructor(pane, leaf, { send, close }) {
    this.pane = pane;
    this.leaf = leaf;
    this.send = send;
    this.inputs = new Map();
    this.wrong = h("p", { class: "wrong", role: "alert" });
    this.rows = h("div", { class: "option-rows" });
    this.more = h("div", { class: "more-options" });
    const { say } = pane.api;
    this.element = h(
      "form",
      {
        class: "command-bar",
        "aria-label": `/${leaf.path}`,
        onsubmit: (event) => this.#submit(event),
        onkeydown: (event) => event.key === "Escape" && close(),
      },
      h("div", { class: "command-head" },
        h("bdi", { class: "command-name", text: `/${leaf.path}` }),
        h("bdi", { class: "hint", text: leaf.description }),
        h("button", { type: "button", class: "icon", "aria-label": say("cancel"), onclick: close }, "×")),
      this.rows, this.more, this.wrong,
      h("button", { class: "primary", type: "submit", text: say("send") }),
    );
    for (const option of leaf.options.filter((one) => one.required)) this.#add(option);
    this.#drawMore();
  }

  focus() {
    (this.element.querySelector("input, select") ?? this.element.querySelector("[type=submit]")).focus();
  }

  #add(option) {
    const input = this.#input(option);
    this.inputs.set(option.name, { option, input });
    this.rows.append(h("label", { class: "option-row" },
      h("span", { class: "option-label" }, h("bdi", { text: localized(option, "name", this.pane.language) }), option.required ? " *" : ""),
      input.element, h("bdi", { class: "hint", text: localized(option, "description", this.pane.language) })));
  }

  #drawMore() {
    const left = this.leaf.options.filter((one) => !this.inputs.has(one.name));
    fill(this.more, left.map((option) => h("button", {
      type: "button", class: "option-chip", text: `+ ${localized(option, "name", this.pane.language)}`, title: localized(option, "description", this.pane.language),
      onclick: () => {
        this.#add(option);
        this.#drawMore();
        this.inputs.get(option.name).input.element.focus();
      },
    })));
  }

  #input(option) {
    const { pane } = this;
    const choose = (pairs) => picker(pairs, option.required);
    if (option.choices?.length) {
      return choose(option.choices.map((one) => [one.value, localized(one, "name", pane.language)]));
    }
    switch (option.type) {
      case BOOLEAN:
        return choose([[true, pane.api.say("yes")], [false, pane.api.say("no")]]);
      case USER:
        return choose(pane.memberList.map((one) => [one.user.id, `@${pane.nameOf(one.user.id)}`]));
      case ROLE:
        return choose(pane.roleList.map((one) => [one.id, `@${one.name.replace(/^@/, "")}`]));
      case MENTIONABLE:
        return choose([...pane.memberList.map((one) => [one.user.id, `@${pane.nameOf(one.user.id)}`]), ...pane.roleList.map((one) => [one.id, `@${one.name.replace(/^@/, "")}`])]);
      case CHANNEL:
        return choose(pane.channelList.filter((one) => one.name && (!option.channel_types?.length || option.channel_types.includes(one.type))).map((one) => [one.id, `#${one.name}`]));
      case ATTACHMENT: {
        const element = h("input", { type: "file", required: option.required });
        const value = async () => {
          const [file] = element.files;
          return file && { filename: file.name, base64: await base64Of(file), content_type: file.type };
        };
        return { element, value };
      }
      default:
        return this.#typed(option);
    }
  }

  #typed(option) {
    const numeric = option.type === INTEGER || option.type === NUMBER;
    const element = h("input", {
      type: numeric && !option.autocomplete ? "number" : "text",
      inputmode: numeric ? "decimal" : null,
      step: option.type === INTEGER ? "1" : "any",
      min: option.min_value, max: option.max_value, minlength: option.min_length, maxlength: option.max_length,
      required: option.required, autocomplete: "off",
    });
    const completion = option.autocomplete ? new Completion(this, option, element) : null;
    const value = () => {
      const picked = completion?.picked(element.value);
      if (picked !== undefined) return picked;
      if (element.value === "") return undefined;
      return numeric ? Number(element.value) : element.value;
    };
    return { element, value };
  }

  /** What is filled in so far, by name. */
  async values() {
    const values = {};
    for (const [name, { input }] of this.inputs) {
      const value = await input.value();
      if (value !== undefined && value !== "") values[name] = value;
    }
    return values;
  }

  async #submit(event) {
    event.preventDefault();
    fill(this.wrong);
    try {
      await this.send(await this.values());
    } catch (error) {
      fill(this.wrong, error.message);
    }
  }

  /** The state has changed: choices may have arrived. */
  draw() {
    for (const { input } of this.inputs.values()) input.completion?.draw();
    this.completing?.draw();
  }
}

function picker(pairs, required) {
  const element = h("select", { required }, h("option", { value: "", text: "" }), pairs.map(([, label], index) => h("option", { value: String(index), text: label })));
  return { element, value: () => (element.value === "" ? undefined : pairs[Number(element.value)][0]) };
}

/** The choices by which the bot completes an option while one types it. */
class Completion {
  #timer = null;
  #interaction = null;
  #values = new Map();

  constructor(bar, option, element) {
    this.bar = bar;
    this.option = option;
    this.element = element;
    this.list = h("datalist", {});
    this.list.id = `choices-${option.name}`;
    element.setAttribute("list", this.list.id);
    element.addEventListener("focus", () => this.#ask());
    element.addEventListener("input", () => this.#later());
    bar.element?.append(this.list);
    queueMicrotask(() => bar.element.append(this.list));
  }

  picked(label) {
    return this.#values.get(label);
  }

  #later() {
    clearTimeout(this.#timer);
    if (this.#values.has(this.element.value)) return;
    this.#timer = setTimeout(() => this.#ask(), TYPED_MS);
  }

  async #ask() {
    const { bar, option, element } = this;
    bar.completing = this;
    const values = await bar.values();
    values[option.name] = element.value;
    try {
      const body = bar.pane.slashBody(bar.leaf, values);
      const { interaction_id: id } = await bar.pane.api.act("/discord/slash", { ...body, focused: option.name });
      this.#interaction = id;
      this.draw();
    } catch (error) {
      fill(bar.wrong, error.message);
    }
  }

  draw() {
    const one = this.#interaction && this.bar.pane.api.store.get("discord/interactions", this.#interaction);
    if (!one?.choices) return;
    this.#interaction = null;
    this.#values = new Map(one.choices.map((choice) => [localized(choice, "name", this.bar.pane.language), choice.value]));
    fill(this.list, [...this.#values.keys()].map((label) => h("option", { value: label })));
  }
}
