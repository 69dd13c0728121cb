// The page of the sandbox: both sides beside each other, or one of them where there is no room.

import { mountDiscord } from "./discord/pane.js";
import { createApi } from "./shared/api.js";
import { fill, h } from "./shared/dom.js";
import { createMemory, takeToken } from "./shared/memory.js";
import { mountTelegram } from "./telegram/pane.js";

const token = takeToken();
const memory = createMemory();
const status = document.querySelector("#status");
let said = token ? "connecting" : "tokenNeeded";
const api = createApi({
  token,
  memory,
  onStatus(now) {
    said = { open: null, lost: "lost", refused: "refused" }[now];
    label();
  },
});

const sides = { telegram: "Telegram", discord: "Discord" };
const tabs = document.querySelector("#sides");
const languages = document.querySelector("#languages");

function show(side) {
  memory.set("side", side);
  label();
}

function label() {
  document.documentElement.lang = api.texts.language;
  status.textContent = said ? api.say(said) : "";
  status.hidden = !said;
  const shown = memory.get("side") in sides ? memory.get("side") : "telegram";
  for (const side of Object.keys(sides)) document.getElementById(side).classList.toggle("shown", side === shown);
  fill(tabs, Object.entries(sides).map(([side, name]) =>
    h("button", { text: name, "aria-pressed": String(side === shown), onclick: () => show(side) })));
  languages.setAttribute("aria-label", api.say("language"));
  fill(languages, [["en", "English"], ["ru", "Русский"]].map(([language, name]) =>
    h("button", { lang: language, text: name, "aria-pressed": String(language === api.texts.language), onclick: () => { api.speak(language); label(); } })));
}

label();
mountTelegram(document.getElementById("telegram"), api);
mountDiscord(document.getElementById("discord"), api);
if (token) api.start();
