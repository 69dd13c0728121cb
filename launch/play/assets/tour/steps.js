// The steps of the tour, in order. Their texts are in texts.js, by name.
//
// place: the chat or panel to which the step belongs    target: the last element of these is pointed at
// begins(scene), ends(): make the page ready, and tidy  isDone(scene, mark): the person has done it
// stays: goes on by "Next" only, to let one look        facts(scene, mark): values of its texts
// hindrance(scene): the name of what is in the way, with which one can go on all the same

const bot = (platform) => (scene) => (scene.isBotAway(platform) ? `${platform}Away` : null);
const server = (scene) => (scene.serverAway ? "serverAway" : null);
const first = (...all) => (scene, mark) => all.map((one) => one(scene, mark)).find(Boolean) ?? null;
const group = (scene) => (scene.isInGroup ? null : "notInGroup");

export const STEPS = [
  { name: "hello", stays: true },
  {
    name: "become", place: "telegram", target: ".telegram .people",
    isDone: (scene) => scene.hasChosen("telegram"),
  },
  {
    name: "guess", place: "telegram", target: ".telegram .composer-row",
    begins: (scene) => scene.openGroup(),
    isDone: (scene, mark) => scene.wasAnswered(mark),
    hindrance: first(group, bot("telegram"), server),
  },
  {
    name: "win", place: "telegram", target: ".telegram .timeline, .telegram .keyboard",
    begins: (scene) => scene.openGroup(),
    isDone: (scene, mark) => scene.hasEarned(mark),
    hindrance: first(group, bot("telegram"), server),
  },
  {
    name: "bus", place: "bus", target: "#bus", stays: true,
    facts: (scene) => ({ ms: scene.crossingMs }),
    hindrance: server,
  },
  {
    name: "twin", place: "discord", target: ".discord .people",
    isDone: (scene) => scene.hasChosen("discord"),
  },
  {
    name: "link", place: "discord", target: ".discord .composer-row",
    isDone: (scene, mark) => scene.wasToldSecretly(mark),
    hindrance: first(bot("discord"), server),
  },
  {
    name: "open", place: "discord", target: '.discord .messages a[href*="?start="]',
    isDone: (scene, mark) => scene.hasOpenedLink(mark),
    hindrance: first((scene) => (scene.hasLink ? null : "noLink"), bot("telegram")),
  },
  {
    name: "confirm", place: "discord", target: ".discord .message.secret:last-child .components",
    isDone: (scene, mark) => scene.hasConfirmed(mark),
    hindrance: first((scene) => (scene.isAsked ? null : "noQuestion"), bot("discord"), server),
  },
  {
    name: "shown", place: "discord", target: "#discord-members", stays: true,
    begins: () => toggleList("discord", true), ends: () => toggleList("discord", false),
    facts: (scene) => ({ rank: scene.rankOnBoth }),
    hindrance: server,
  },
  {
    name: "promote", place: "discord", target: ".discord .composer-row",
    isDone: (scene, mark) => scene.rankOnBoth !== null && scene.rankOnBoth !== mark.tag,
    hindrance: first(bot("discord"), server),
  },
  {
    name: "both", place: "telegram", target: "#telegram-members", stays: true,
    begins: (scene) => { scene.openGroup(); toggleList("telegram", true); }, ends: () => toggleList("telegram", false),
    facts: (scene) => ({ rank: scene.rankOnBoth }),
    hindrance: server,
  },
  {
    name: "break", place: "breaks", target: "#breaks", stays: true,
    isDone: (scene, mark) => scene.healedSince(mark) !== null,
    facts: (scene, mark) => ({ seconds: scene.healedSince(mark) }),
    hindrance: (scene) => (scene.canBreak ? null : "nothingToBreak"),
  },
  { name: "end", place: "bots", target: "#bots", stays: true },
];

/** Open or close the list of members of a chat, by its own button. Where there is no room, it covers the chat. */
function toggleList(side, open) {
  if (document.getElementById(`${side}-members`).hidden === open) document.querySelector(`[aria-controls=${side}-members]`).click();
}
