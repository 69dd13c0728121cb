// The bus: both streams, and below them each event with its steps, every one with its raw form.

import { fill, h, keep } from "/sandbox/play/shared/dom.js";
import { drawLane } from "./lanes.js";
import { copyable } from "./raw.js";
import { drawStory, Opened } from "./stories.js";
import { TEXTS } from "./texts.js";

const SOURCES = ["telegram", "discord"];
// More events a second than this, and no story opens by itself: it would close the next moment.
const CALM = 2;

/** Show the panel in `element`. Returns its end. */
export function mountBus(element, { api, sandbox, sayFrom }) {
  const say = sayFrom(TEXTS);
  const opened = new Opened(api, () => draw());
  const lanes = h("div", { class: "lanes" });
  const notes = h("div", { class: "bus-notes", role: "status" });
  const list = h("ol", { class: "stories" });
  const empty = h("p", { class: "empty" });
  const scrolled = h("div", { class: "bus-scroll", tabindex: "0", role: "region" }, lanes, notes, list, empty);
  fill(element, scrolled);

  /** The name of an account; the record learns it when the event has crossed. */
  function nameOf(story) {
    if (story.name) return story.name;
    const person = sandbox.store.get("telegram/users", story.account);
    const member = sandbox.store.get("discord/members", story.account);
    const known = story.source === "telegram" ? person?.first_name : (member?.nick ?? member?.user.global_name ?? member?.user.username);
    return known ?? (story.account ? say("account", { id: story.account }) : say("event", { id: story.id }));
  }

  function draw() {
    const { language } = api.texts;
    const stories = api.store.list("bus/stories").sort((one, other) => other.id - one.id);
    const pace = api.store.get("bus/pace", "now") ?? { passed_over: 0, per_second: 0 };
    scrolled.setAttribute("aria-label", say("stories"));
    keep(lanes, SOURCES.map((name) => api.store.get("bus/streams", name)).filter(Boolean), {
      key: (lane) => lane.source,
      stamp: (lane) => [lane, language, opened.stamp(`lane/${lane.source}`)],
      draw: (lane) => drawLane(lane, { say, language, opened }),
    });
    const away = api.store.list("bus/sources").filter((one) => one.away);
    const lines = away.map((one) => h("p", { class: "away", text: say(`away_${one.name}`) }));
    if (pace.passed_over) {
      const number = new Intl.NumberFormat(language);
      const speed = pace.per_second ? ` · ${say("perSecond", { n: number.format(pace.per_second) })}` : "";
      lines.push(h("p", { text: say("passedOver", { n: number.format(pace.passed_over) }) + speed }));
    }
    const told = lines.map((one) => one.textContent).join("\n");
    if (notes.dataset.told !== told) {
      notes.dataset.told = told;
      fill(notes, lines);
    }
    opened.newest = pace.per_second <= CALM ? stories[0]?.id : undefined;
    keep(list, stories, {
      key: (story) => story.id,
      stamp: (story) => [story, language, opened.isOpen(story), opened.stamp(`story/${story.id}`)],
      draw: (story) => drawStory(story, { say, language, opened, nameOf, copy: (text) => copyable(text, say) }),
    });
    empty.hidden = stories.length > 0;
    empty.textContent = say("empty");
  }

  draw();
  return api.store.listen((changed) => {
    if ([...changed].some((folder) => folder === "*" || folder.startsWith("bus/"))) draw();
  });
}
