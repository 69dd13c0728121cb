// The state of both platforms: objects by key, and a note of which folders of keys have changed.

/** "telegram/messages/-100/7" is the object "7" of the folder "telegram/messages/-100". */
export class Store {
  #folders = new Map();
  #changed = new Set();
  #listeners = new Set();
  #asked = false;

  /** All objects of a folder, in the order in which they came. */
  list(folder) {
    return [...(this.#folders.get(folder)?.values() ?? [])];
  }

  get(folder, name) {
    return this.#folders.get(folder)?.get(String(name));
  }

  /** Call `listener` with the set of changed folders, at most once per frame. Returns its end. */
  listen(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Take a whole new state. */
  replace(objects) {
    for (const folder of this.#folders.keys()) this.#changed.add(folder);
    this.#folders.clear();
    this.change(objects, []);
  }

  /** Take what has changed. */
  change(objects, removed) {
    for (const [key, value] of Object.entries(objects)) {
      const [folder, name] = split(key);
      if (!this.#folders.has(folder)) this.#folders.set(folder, new Map());
      this.#folders.get(folder).set(name, value);
      this.#changed.add(folder);
    }
    for (const key of removed) {
      const [folder, name] = split(key);
      this.#folders.get(folder)?.delete(name);
      this.#changed.add(folder);
    }
    this.#tellSoon();
  }

  /** Tell the listeners that everything may look different. */
  touch() {
    this.#changed.add("*");
    this.#tellSoon();
  }

  #tellSoon() {
    if (this.#asked) return;
    this.#asked = true;
    // A hidden page gets no frames.
    if (document.hidden) setTimeout(() => this.#tell(), 250);
    else requestAnimationFrame(() => this.#tell());
  }

  #tell() {
    this.#asked = false;
    const changed = this.#changed;
    this.#changed = new Set();
    for (const listener of this.#listeners) listener(changed);
  }
}

function split(key) {
  const at = key.lastIndexOf("/");
  return [key.slice(0, at), key.slice(at + 1)];
}
