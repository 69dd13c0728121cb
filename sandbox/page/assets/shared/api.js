// What the chats need of the sandbox: its state, its control routes and its files.

import { Store } from "./store.js";
import { readStream } from "./stream.js";
import { createTexts } from "./texts.js";

const FILES_KEPT = 200;

/** The sandbox refused something; the message is its sentence. */
export class Refused extends Error {}

/**
 * Return the sandbox at `base`, such as "" for the page's own server or "/sandbox" behind a proxy.
 * `memory` keeps choices ({get(name), set(name, value)}); `onStatus` hears how the stream is.
 */
export function createApi({ base = "", token = "", memory, onStatus = () => {} }) {
  const store = new Store();
  const headers = { "X-Sandbox-Token": token };
  const files = new Map();
  const ending = new AbortController();
  const texts = createTexts(memory.get("lang"));

  async function act(path, body) {
    let answer;
    try {
      answer = await fetch(base + path, {
        method: "POST",
        headers: { ...headers, "Content-Type": "application/json" },
        body: JSON.stringify(body),
      });
    } catch {
      throw new Refused(texts.say("unreachable"));
    }
    const said = await answer.json().catch(() => ({ error: `${answer.status}` }));
    if (!answer.ok) throw new Refused(said.error ?? `${answer.status}`);
    return said;
  }

  async function load(path) {
    const answer = await fetch(base + path, { headers });
    if (!answer.ok) throw new Refused(texts.say("noFile"));
    return URL.createObjectURL(await answer.blob());
  }

  /** Return the address of a file's bytes on this page. The oldest ones are let go. */
  function file(path) {
    if (!files.has(path)) {
      const loading = load(path);
      loading.catch(() => files.delete(path));
      files.set(path, loading);
      if (files.size > FILES_KEPT) {
        const [oldest, kept] = files.entries().next().value;
        files.delete(oldest);
        kept.then(URL.revokeObjectURL, () => {});
      }
    }
    return files.get(path);
  }

  return {
    store,
    act,
    file,
    memory,
    texts,
    say: texts.say,
    start() {
      const onEvent = (kind, data) => {
        if (kind === "state") store.replace(data.set);
        if (kind === "change") store.change(data.set, data.removed);
      };
      return readStream(`${base}/stream`, headers, { onEvent, onStatus, signal: ending.signal });
    },
    stop: () => ending.abort(),
    speak(language) {
      texts.speak(language);
      memory.set("lang", language);
      store.touch();
    },
  };
}
