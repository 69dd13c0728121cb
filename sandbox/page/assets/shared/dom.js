// Builds and updates elements. Texts from outside become text nodes only, never markup.

/**
 * Return an element. `properties` are attributes; functions named on… listen, `class`, `text` and
 * `data` mean what they say, and null, undefined and false leave an attribute out.
 */
export function h(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name === "text") element.textContent = value;
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name === "colour") element.style.setProperty("--colour", value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  add(element, children);
  return element;
}

function add(element, children) {
  for (const child of children) {
    if (Array.isArray(child)) add(element, child);
    else if (child !== null && child !== undefined && child !== false) element.append(child);
  }
}

/**
 * Make the children of `list` those of `items`, in order, keeping each element whose `stamp` is as
 * before. `stamp` returns an array; `draw` returns the element.
 */
export function keep(list, items, { key, stamp, draw }) {
  const kept = (list.keptElements ??= new Map());
  const gone = new Set(kept.keys());
  let at = list.firstElementChild;
  for (const item of items) {
    const name = key(item);
    gone.delete(name);
    const now = stamp(item);
    let entry = kept.get(name);
    if (!entry || !equal(entry.stamp, now)) {
      const element = draw(item);
      if (entry) {
        if (at === entry.element) at = element;
        swap(entry.element, element);
      }
      entry = { element, stamp: now };
      kept.set(name, entry);
    }
    if (entry.element === at) at = at.nextElementSibling;
    else list.insertBefore(entry.element, at);
  }
  for (const name of gone) {
    kept.get(name).element.remove();
    kept.delete(name);
  }
}

/** Put an element in the place of another, with the keyboard's focus where it was. */
function swap(old, element) {
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  old.replaceWith(element);
  const mark = focused?.dataset.focus;
  if (mark === undefined) return;
  for (const one of [element, ...element.querySelectorAll("[data-focus]")]) {
    if (one.dataset.focus === mark) one.focus();
  }
}

function equal(one, other) {
  return one.length === other.length && one.every((value, index) => value === other[index]);
}

/** Replace the content of an element. */
export function fill(element, ...children) {
  element.replaceChildren();
  add(element, children);
}

/** Return the parts of a text of the page itself, in which `words` between backticks are code. */
export function withCode(text) {
  return text.split("`").map((part, index) => (index % 2 ? h("code", { text: part }) : part));
}

/** Return an address that may be opened in a new tab, or null. */
export function safeLink(address) {
  try {
    const url = new URL(address);
    return ["http:", "https:", "mailto:", "tel:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/** A link to elsewhere, or the bare content where the address is not one to be opened. */
export function link(address, ...content) {
  const href = safeLink(address);
  if (href === null) return h("span", { class: "no-link", title: String(address) }, ...content);
  return h("a", { href, target: "_blank", rel: "noopener noreferrer", title: href }, ...content);
}
