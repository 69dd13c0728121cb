// The fields of a modal, and what is sent of them.

import { base64Of } from "../shared/floating.js";
import { optionsOf } from "./components.js";
import { markdown } from "./markdown.js";

const [ROW, TEXT_INPUT, TEXT, LABEL, FILE_UPLOAD, RADIO, CHECKBOXES, CHECKBOX] = [1, 4, 10, 18, 19, 21, 22, 23];
const LONG = 2;

/** Return the fields of a dialog for a modal. */
export function modalFields(modal, pane) {
  return modal.components.flatMap((one) => {
    if (one.type === TEXT) return [{ kind: "note", content: markdown(one.content, pane.names) }];
    if (one.type === ROW) return one.components.map((inner) => field(inner, inner.label, null, pane));
    if (one.type === LABEL) return [field(one.component, one.label, one.description, pane)];
    return [];
  });
}

function field(one, label, hint, pane) {
  const shared = { name: one.custom_id, label: label ?? "", hint };
  const required = one.required !== false;
  switch (one.type) {
    case TEXT_INPUT:
      return { ...shared, kind: one.style === LONG ? "long" : "text", required, value: one.value, placeholder: one.placeholder, min: one.min_length, max: one.max_length };
    case FILE_UPLOAD:
      return { ...shared, kind: "file", required, multiple: (one.max_values ?? 1) > 1 };
    case CHECKBOX:
      return { ...shared, kind: "checkbox", value: one.default };
    case RADIO:
    case CHECKBOXES:
      return { ...shared, kind: one.type === RADIO ? "one" : "many", options: one.options.map((option) => ({ value: option.value, label: option.label, hint: option.description, chosen: option.default })) };
    default:
      return { ...shared, kind: (one.max_values ?? 1) > 1 ? "many" : "one", options: optionsOf(one, pane) };
  }
}

/** Return the values of a modal as /discord/submit takes them. */
export async function modalValues(modal, given) {
  const values = {};
  for (const one of modal.components) {
    for (const inner of one.type === LABEL ? [one.component] : one.components ?? []) {
      const value = given[inner.custom_id];
      if (value === undefined || value === "") continue;
      if (inner.type === FILE_UPLOAD) {
        values[inner.custom_id] = await Promise.all(value.map(async (file) => ({ filename: file.name, base64: await base64Of(file), content_type: file.type })));
      } else if ([TEXT_INPUT, CHECKBOX, RADIO, CHECKBOXES].includes(inner.type)) values[inner.custom_id] = value;
      else values[inner.custom_id] = Array.isArray(value) ? value : [value];
    }
  }
  return values;
}
