// What the person at the page has chosen: in the address, so that it can be kept and passed on, and
// in the tab's own storage. The token is in the storage only.

const TOKEN = "sandbox-token";
const CHOICES = "sandbox-choices";

/** Take the token out of the address. A reload finds it in the tab. */
export function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1));
  const token = given.get("token");
  if (token) {
    sessionStorage.setItem(TOKEN, token);
    given.delete("token");
    showChoices(given);
  }
  return sessionStorage.getItem(TOKEN) ?? "";
}

/** Choices by name; those in the address come first. */
export function createMemory() {
  const stored = new URLSearchParams(sessionStorage.getItem(CHOICES) ?? "");
  for (const [name, value] of new URLSearchParams(location.hash.slice(1))) stored.set(name, value);
  return {
    get: (name) => stored.get(name),
    set(name, value) {
      stored.set(name, String(value));
      sessionStorage.setItem(CHOICES, stored.toString());
      showChoices(stored);
    },
  };
}

function showChoices(choices) {
  const text = choices.toString();
  history.replaceState(null, "", text ? `#${text}` : location.pathname);
}
