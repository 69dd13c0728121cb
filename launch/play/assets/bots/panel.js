// Own bots: who is connected with which token, how one connects a program, and room for it.

import { copyText, drawPrograms } from "/sandbox/play/shared/bot_programs.js";
import { connectionOf, connectionWords } from "/sandbox/play/shared/connections.js";
import { fill, h, keep, withCode } from "/sandbox/play/shared/dom.js";
import { face } from "/sandbox/play/shared/people.js";
import { TEXTS } from "./texts.js";

const NAMES = { telegram: "Telegram", discord: "Discord" };
// A member of the sandbox earns something by no program at all.
const EXAMPLE = `make psql ARGS="SELECT * FROM twinstream.record_xp('telegram', 1001, 15, 'my_bot', 'try-1')"`;
const RIGHTS = ["SEND_MESSAGES", "EMBED_LINKS", "MANAGE_ROLES"];

/** Show the panel in `element`. Returns its end. */
export function mountBots(element, page) {
  const panel = new BotsPanel(element, page);
  const unlisten = [page.api.store, page.sandbox.store].map((one) => one.listen((changed) => panel.draw(changed)));
  return () => {
    for (const end of unlisten) end();
    fill(element);
  };
}

class BotsPanel {
  constructor(element, { api, sandbox, sayFrom }) {
    this.api = api;
    this.sandbox = sandbox;
    this.say = sayFrom(TEXTS);
    this.element = element;
    this.opened = new Set();
    this.programs = new Map();
    this.stamp = 0;
    this.#build();
  }

  #build() {
    const { say } = this;
    this.wrong = h("p", { class: "bots-wrong", role: "alert" });
    this.lists = Object.fromEntries(Object.keys(NAMES).map((platform) => [platform, h("ul", { class: "bots-list" })]));
    const code = h("code", { text: EXAMPLE });
    const copied = h("span", { class: "hint", role: "status" });
    fill(this.element, h("div", { class: "bots-panel" },
      h("h2", { text: say("title") }),
      h("p", { text: say("about") }),
      this.wrong,
      Object.entries(NAMES).map(([platform, name]) => h("section", { "aria-labelledby": `bots-${platform}` },
        h("div", { class: "bots-head" },
          h("h3", { id: `bots-${platform}`, text: name }),
          h("button", { class: "bots-plain", text: say("add"), "aria-label": `${say("add")}: ${name}`, onclick: () => this.#act(() => this.#add(platform)) })),
        this.lists[platform])),
      h("section", { "aria-labelledby": "bots-count" },
        h("h3", { id: "bots-count", text: say("countTitle") }),
        h("p", { text: say("count") }),
        h("div", { class: "program", tabindex: "0", role: "region", "aria-label": say("countTitle") }, h("pre", {}, code)),
        h("div", { class: "program-buttons" },
          h("button", { class: "bots-quiet", text: say("copy"), onclick: async () => { copied.textContent = say((await copyText(EXAMPLE, code)) ? "copied" : "marked"); } }), copied),
        h("p", {}, withCode(say("more"))))));
  }

  draw(changed) {
    if (changed.has("*")) {
      this.stamp += 1;
      this.#build();
      this.programs.clear();
    } else if (![...changed].some((one) => one.startsWith("bots/") || /^(telegram\/(bots|users)|discord\/(bots|members)|sandbox)$/.test(one))) return;
    for (const [platform, list] of Object.entries(this.lists)) {
      const ours = this.api.store.get("bots/ours", platform);
      const bots = this.#bots(platform).sort((one, other) => (other.id === ours?.bot_id) - (one.id === ours?.bot_id));
      keep(list, bots, {
        key: (one) => one.id,
        stamp: (one) => [this.stamp, one.name, one.note, JSON.stringify(connectionOf(one.bot)), one.id === ours?.bot_id ? ours.state : "", this.opened.has(one.id)],
        draw: (one) => this.#row(platform, one, one.id === ours?.bot_id ? ours : null),
      });
    }
  }

  /** The bots of a platform as the page knows them: id, name, note, and what the sandbox has. */
  #bots(platform) {
    const { store } = this.sandbox;
    if (platform === "telegram") {
      return store.list("telegram/bots").map((bot) => {
        const user = store.get("telegram/users", bot.bot_id);
        return { id: String(bot.bot_id), name: user?.first_name ?? bot.username, note: `@${bot.username}`, bot };
      });
    }
    return store.list("discord/bots").map((bot) => {
      const member = store.get("discord/members", bot.id);
      return { id: bot.id, name: member?.nick ?? member?.user.global_name ?? member?.user.username ?? bot.id, note: "", bot };
    });
  }

  #row(platform, { id, name, note, bot }, ours) {
    const { say } = this;
    const isOpen = this.opened.has(id);
    const { connected, conflict } = connectionOf(bot);
    const state = ours && !connected ? say(ours.state) : connectionWords(bot, this.sandbox.say);
    const hint = ours && (conflict ? "stopFirst" : ours.state === "stopped" && !connected ? "inPlace" : null);
    const toggle = () => {
      if (isOpen) this.opened.delete(id);
      else this.opened.add(id);
      this.draw(new Set(["bots/ours"]));
    };
    return h("li", { class: "bot" },
      h("div", { class: "bot-row" },
        face(id, name),
        h("span", { class: "bot-text" },
          h("span", {}, h("bdi", { class: "bot-name", text: name }), ours && h("span", { class: "bot-ours", text: say("ours") })),
          note && h("bdi", { class: "bot-note", text: note }),
          h("span", { class: `bot-state ${conflict ? "conflict" : connected ? "connected" : ""}`, text: state })),
        h("div", { class: "bot-buttons" },
          ours && this.#switch(platform, ours),
          h("button", { class: "bots-quiet", "aria-expanded": String(isOpen), "aria-label": `${say("connect")}: ${name}`, text: say("connect"), data: { focus: `connect-${id}` }, onclick: toggle }))),
      hint && h("p", { class: "bot-hint", text: say(hint) }),
      isOpen && this.#programsOf(platform, id, bot));
  }

  /** The button that stops our bot, or starts it. */
  #switch(platform, { state }) {
    const deed = state === "stopped" ? "start" : "stop";
    return h("button", {
      class: "bots-plain", disabled: state === "stopping", text: this.say(deed), data: { focus: `switch-${platform}` },
      onclick: () => this.#act(() => this.api.act(`/bots/${deed}`, { platform })),
    });
  }

  /** What is shown stays the same element, so that a selection in it survives. */
  #programsOf(platform, id, bot) {
    if (!this.programs.has(id)) {
      const element = h("div", { class: "programs" });
      drawPrograms(element, this.sandbox, platform, bot);
      this.programs.set(id, element);
    }
    return this.programs.get(id);
  }

  async #add(platform) {
    const taken = new Set(this.#bots(platform).map((one) => (platform === "telegram" ? one.note.slice(1) : one.name)));
    let number = 1;
    const username = () => `my_bot${number === 1 ? "" : `_${number}`}`.replace(/(_\d+)$/, platform === "telegram" ? "$1_bot" : "$1");
    while (taken.has(username())) number += 1;
    const body = platform === "telegram" ? { name: `My bot ${number}`, username: username() } : { username: username(), permissions: RIGHTS };
    const { bot_id: id } = await this.sandbox.act(`/${platform}/bots`, body);
    this.opened.add(String(id));
    // The stream may have been quicker than this answer.
    this.draw(new Set(["bots/ours"]));
  }

  async #act(deed) {
    this.wrong.textContent = "";
    try {
      await deed();
    } catch (error) {
      this.wrong.textContent = error.message;
    }
  }
}
