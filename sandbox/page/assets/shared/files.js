// Pictures and files that members and bots sent. Their bytes come through the sandbox's own routes.

import { h } from "./dom.js";
import { icon } from "./icons.js";

/** A picture with its description; a `hidden` one shows on a press. */
export function picture(api, path, { alt, width, height, hidden = false }) {
  const image = h("img", { alt, class: "picture" });
  if (width && height) {
    image.width = Math.min(width, 320);
    image.style.aspectRatio = `${width} / ${height}`;
  }
  const holder = h("div", { class: hidden ? "picture-holder veiled" : "picture-holder" }, image);
  if (hidden) holder.addEventListener("click", () => holder.classList.remove("veiled"), { once: true });
  api.file(path).then(
    (address) => {
      image.src = address;
      // The list may have to follow its end.
      image.addEventListener("load", () => image.dispatchEvent(new CustomEvent("grown", { bubbles: true })), { once: true });
    },
    (error) => holder.replaceChildren(h("span", { class: "no-file", text: error.message })),
  );
  return holder;
}

/** A file to save. */
export function download(api, path, name, size) {
  const save = async () => {
    try {
      const saving = h("a", { href: await api.file(path), download: name });
      saving.click();
    } catch (error) {
      button.append(h("small", { text: ` ${error.message}` }));
    }
  };
  const button = h("button", { class: "file", onclick: save },
    icon("save"),
    h("bdi", { text: name }),
    size !== undefined && h("small", { text: ` ${api.texts.size(size)}` }));
  return button;
}
