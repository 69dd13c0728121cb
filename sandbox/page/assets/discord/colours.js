// Role colours that can be read on the page's ground: Discord has a switch for that, here it is on.

const CONTRAST_MIN = 4.6;
// The grounds nearest to the colours are those of a message that mentions the chosen member.
const GROUNDS = { dark: [0x46, 0x42, 0x3a], light: [0xfd, 0xf0, 0xd9] };
const dark = matchMedia("(prefers-color-scheme: dark)");
const known = new Map();

/** Return a colour near `colour` (a number) that has enough contrast, or null for the usual one. */
export function readable(colour) {
  if (!colour) return null;
  const scheme = dark.matches ? "dark" : "light";
  const name = `${scheme}${colour}`;
  if (!known.has(name)) known.set(name, adjusted(colour, GROUNDS[scheme], dark.matches ? 255 : 0));
  return known.get(name);
}

/** Call `listener` when the person's system turns light or dark. */
export function onScheme(listener) {
  dark.addEventListener("change", listener);
  return () => dark.removeEventListener("change", listener);
}

function adjusted(colour, ground, towards) {
  const parts = [(colour >> 16) & 255, (colour >> 8) & 255, colour & 255];
  for (let share = 0; share < 1; share += 0.05) {
    const mixed = parts.map((part) => Math.round(part + (towards - part) * share));
    if (contrast(mixed, ground) >= CONTRAST_MIN) return `rgb(${mixed.join(" ")})`;
  }
  return null;
}

function contrast(one, other) {
  const [light, low] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (low + 0.05);
}

function luminance(parts) {
  const [red, green, blue] = parts.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
