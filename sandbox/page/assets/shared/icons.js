// The page's own signs, drawn as lines: they look the same wherever fonts lack one.

const NAMESPACE = "http://www.w3.org/2000/svg";
const PATHS = {
  attach: "M20 11.5 12 19.5a5 5 0 0 1-7-7l8.5-8.5a3.3 3.3 0 0 1 4.7 4.7l-8.4 8.4a1.6 1.6 0 0 1-2.3-2.3l7.7-7.7",
  back: "M15 5l-7 7 7 7",
  camera: "M4 7h10v10H4zM14 11l6-3v8l-6-3",
  chevron: "M6 9l6 6 6-6",
  close: "M6 6l12 12M18 6 6 18",
  copy: "M9 9h10v11H9zM5 15V4h10",
  eye: "M2 12s4-6 10-6 10 6 10 6-4 6-10 6S2 12 2 12zM12 9.5a2.5 2.5 0 1 1 0 5 2.5 2.5 0 0 1 0-5",
  forum: "M4 5h12v9H9l-4 3v-3H4zM19 9h1v8h-1v3l-4-3h-4",
  hang: "M6 6l12 12M18 6 6 18",
  hash: "M5 9h14M5 15h14M10 4 8 20M16 4l-2 16",
  headphones: "M4 17v-4a8 8 0 0 1 16 0v4M4 14h3v6H4zM17 14h3v6h-3z",
  headphonesOff: "M4 17v-4a8 8 0 0 1 16 0v4M4 14h3v6H4zM17 14h3v6h-3zM3 3l18 18",
  megaphone: "M4 10v4h3l9 5V5l-9 5zM19 10v4",
  members: "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20c0-4 3-6 6.5-6s6.5 2 6.5 6M16 4.5a3.5 3.5 0 0 1 0 6.5M18 14.5c2.3.7 3.5 2.7 3.5 5.5",
  menu: "M12 5h.01M12 12h.01M12 19h.01",
  microphone: "M12 3a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3zM6 11a6 6 0 0 0 12 0M12 17v4",
  microphoneOff: "M12 3a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3zM6 11a6 6 0 0 0 12 0M12 17v4M3 3l18 18",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  open: "M9 6h9v9M18 6 6 18",
  save: "M12 4v11M7 11l5 5 5-5M5 20h14",
  screen: "M3 5h18v11H3zM9 20h6",
  send: "M4 12 20 4l-5 16-4-6zM11 14l9-10",
  speaker: "M4 9v6h4l5 4V5L8 9zM16 9a4 4 0 0 1 0 6M18.5 6.5a8 8 0 0 1 0 11",
  thread: "M4 5h16v10h-9l-5 4v-4H4zM8 9h8M8 12h5",
};

/** Return a sign, which says nothing to screen readers. */
export function icon(name) {
  const picture = document.createElementNS(NAMESPACE, "svg");
  picture.setAttribute("viewBox", "0 0 24 24");
  picture.setAttribute("aria-hidden", "true");
  picture.classList.add("icon-picture");
  const path = document.createElementNS(NAMESPACE, "path");
  path.setAttribute("d", PATHS[name]);
  picture.append(path);
  return picture;
}
