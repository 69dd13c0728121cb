// The texts of the panel, in English and Russian.

export const TEXTS = {
  en: { soon: "Nothing here yet." },
  ru: { soon: "Здесь пока ничего нет." },
};
