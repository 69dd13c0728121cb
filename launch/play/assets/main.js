// The page: both chats, and between them the panels. On a phone one of them all is shown.

import { mountDiscord } from "/sandbox/play/discord/pane.js";
import { createApi } from "/sandbox/play/shared/api.js";
import { fill, h } from "/sandbox/play/shared/dom.js";
import { createMemory, takeToken } from "/sandbox/play/shared/memory.js";
import { mountTelegram } from "/sandbox/play/telegram/pane.js";
import { mountBots } from "./bots/panel.js";
import { mountBreaks } from "./breaks/panel.js";
import { mountBus } from "./bus/panel.js";
import { sayFrom, TEXTS } from "./texts.js";
import { mountTour } from "./tour/panel.js";

const PANELS = { bus: mountBus, breaks: mountBreaks, tour: mountTour, bots: mountBots };
const CHATS = { telegram: "Telegram", discord: "Discord" };

const token = takeToken();
const memory = createMemory();
const found = { api: "connecting", sandbox: "connecting" };
const api = createApi({ base: "/api", token, memory, onStatus: (now) => hear("api", now) });
const sandbox = createApi({ base: "/sandbox", token, memory, onStatus: (now) => hear("sandbox", now) });
const say = sayFrom(TEXTS, api.texts);

function hear(stream, now) {
  found[stream] = now;
  label();
}

/** Which sentence of the streams' state matters most, or null while both are read. */
function trouble() {
  if (!token) return "tokenNeeded";
  if (found.api !== "open") return found.api;
  return found.sandbox === "lost" ? "sandboxLost" : null;
}

/** Show a chat or a panel. On a desktop the chats are always there. */
function show(name) {
  memory.set("side", name);
  if (name in PANELS) memory.set("panel", name);
  label();
}

function speak(language) {
  sandbox.speak(language);
  api.speak(language);
  label();
}

function label() {
  document.documentElement.lang = api.texts.language;
  const status = document.querySelector("#status");
  const wrong = trouble();
  status.textContent = wrong ? say(wrong) : "";
  status.hidden = !wrong;

  const panel = memory.get("panel") in PANELS ? memory.get("panel") : "bus";
  const side = memory.get("side") in { ...CHATS, ...PANELS } ? memory.get("side") : "telegram";
  for (const name of Object.keys(CHATS)) document.getElementById(name).classList.toggle("shown", name === side);
  document.getElementById("panels").classList.toggle("shown", side in PANELS);
  for (const name of Object.keys(PANELS)) {
    const element = document.getElementById(name);
    element.hidden = name !== panel;
    element.setAttribute("aria-labelledby", `tab-${name}`);
  }
  drawTabs(panel);
  fill(document.querySelector("#sides"), [...Object.entries(CHATS), ...Object.keys(PANELS).map((name) => [name, say(name)])].map(([name, text]) =>
    h("button", { text, "aria-pressed": String(name === side), onclick: () => show(name) })));
  document.querySelector("#sides [aria-pressed=true]").scrollIntoView({ block: "nearest", inline: "center" });
  const languages = document.querySelector("#languages");
  languages.setAttribute("aria-label", say("language"));
  fill(languages, [["en", "English"], ["ru", "Русский"]].map(([language, name]) =>
    h("button", { lang: language, text: language.toUpperCase(), title: name, "aria-label": name, "aria-pressed": String(language === api.texts.language), onclick: () => speak(language) })));
}

function drawTabs(panel) {
  const tabs = document.querySelector("#tabs");
  const focused = tabs.contains(document.activeElement);
  tabs.setAttribute("aria-label", say("panels"));
  fill(tabs, Object.keys(PANELS).map((name) => h("button", {
    role: "tab", id: `tab-${name}`, text: say(name), "aria-controls": name, "aria-selected": String(name === panel),
    tabindex: name === panel ? "0" : "-1", onclick: () => show(name),
  })));
  if (focused) document.getElementById(`tab-${panel}`).focus();
}

document.querySelector("#tabs").addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (step === undefined) return;
  const names = Object.keys(PANELS);
  show(names[(names.indexOf(memory.get("panel") ?? "bus") + step + names.length) % names.length]);
});

label();
mountTelegram(document.getElementById("telegram"), sandbox);
mountDiscord(document.getElementById("discord"), sandbox);
// A narrow pane shows one column: the group and the first channel, not the lists of them.
for (const pane of document.querySelectorAll("#stage > .pane")) pane.classList.add("in-chat");
for (const [name, mount] of Object.entries(PANELS)) {
  mount(document.getElementById(name), { api, sandbox, say, sayFrom: (texts) => sayFrom(texts, api.texts), show });
}
// A bot's link chooses the side of Telegram in the memory that all share.
api.store.listen((changed) => changed.has("*") && label());
sandbox.store.listen((changed) => changed.has("*") && label());
if (token) {
  api.start();
  sandbox.start();
}
