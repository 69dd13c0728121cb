// The texts of the panel, in English and Russian.

export const TEXTS = {
  en: {
    title: "Bring your own bot",
    about: "Any program with one of these tokens is a bot here, in whatever language. Yours works beside ours with a token of its own, or in place of ours: stop ours, and take its token.",
    ours: "ours", add: "Add a bot", stop: "Stop ours", start: "Start ours", stopping: "stopping…", stopped: "stopped by you",
    runs: "is starting", away: "starts again in a moment", connect: "How to connect", stopFirst: "Ours uses this token, too: stop it here, so that yours gets everything.",
    inPlace: "The token is free now: a program that connects with it takes the place of ours.",
    countTitle: "Let it count on both sides",
    count: "One line of SQL in your bot's own transaction records what a member earned, and the other side follows. Try it with Alice, in a second terminal:",
    more: "`docs/integrate.md` has complete bots in Python and JavaScript, and one that keeps its members in a table of its own.",
    copy: "Copy", copied: "Copied", marked: "Marked: copy it with the keyboard",
  },
  ru: {
    title: "Свой бот",
    about: "Любая программа с одним из этих токенов становится здесь ботом, на каком бы языке она ни была написана. Ваш бот может работать рядом с нашим, со своим токеном, или вместо него: остановите наш и возьмите его токен.",
    ours: "наш", add: "Добавить бота", stop: "Остановить наш", start: "Запустить наш", stopping: "останавливается…", stopped: "остановлен вами",
    runs: "запускается", away: "сейчас запустится снова", connect: "Как подключить", stopFirst: "Этим токеном пользуется и наш бот: остановите его здесь, чтобы вашему доставалось всё.",
    inPlace: "Токен свободен: программа, которая подключится с ним, займёт место нашего бота.",
    countTitle: "Чтобы это засчитывалось на обеих сторонах",
    count: "Одна строка SQL в транзакции вашего бота записывает, что заработал участник, и другая сторона следует за ней. Попробуйте на Alice, во втором терминале:",
    more: "В `docs/ru/integrate.md` есть целые боты на Python и JavaScript, и среди них — бот со своей таблицей участников.",
    copy: "Скопировать", copied: "Скопировано", marked: "Выделено: скопируйте с клавиатуры",
  },
};
