// The texts of the page's frame, and how each panel says its own, in English and Russian.

/** Return `say(name, values)` for texts by language; `texts` knows which language is spoken. */
export function sayFrom(TEXTS, texts) {
  return (name, values = {}) =>
    TEXTS[texts.language][name].replace(/\{(\w+)\}/g, (_, one) => String(values[one] ?? ""));
}

export const TEXTS = {
  en: {
    bots: "Own bots", breaks: "Break it", bus: "The bus", connecting: "Connecting…", language: "Language", lost: "make play does not answer; trying again… If it has ended, open the address of its next start.",
    panels: "Panels", refused: "This address is of an earlier start. Open the one that is printed now.", sandboxLost: "The sandbox does not answer; trying again…",
    tokenNeeded: "Open the whole address that was printed at the start: it ends with #token=…", tour: "Tour",
  },
  ru: {
    bots: "Свои боты", breaks: "Сломать", bus: "Шина", connecting: "Подключение…", language: "Язык", lost: "make play не отвечает; пробуем снова… Если он завершён, откройте адрес следующего запуска.",
    panels: "Панели", refused: "Это адрес прошлого запуска. Откройте тот, который напечатан сейчас.", sandboxLost: "Песочница не отвечает; пробуем снова…",
    tokenNeeded: "Откройте адрес, который был напечатан при запуске, целиком: он кончается на #token=…", tour: "Экскурсия",
  },
};
