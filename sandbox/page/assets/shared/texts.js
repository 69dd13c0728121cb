// Everything that the page says itself, in English and Russian.

export const TEXTS = {
  en: {
    anyLibrary: "Any other", app: "APP", attach: "Attach files", archiveThread: "Archive the thread", back: "Back to the list", ban: "Ban (as the owner)", become: "Become",
    blockBot: "Block the bot", blockedHere: "You have blocked this bot", boosted: "{who} boosted the server", botAdministrator: "Make the bot an administrator",
    botLabel: "bot", botMember: "Make the bot an ordinary member", botAway: "not connected", botConflict: "several programs use this bot's token", botConnected: "connected", botConnectedBy: "connected: {what}",
    botTypes: "someone is typing…", cancel: "Cancel", channel: "channel", channels: "Channels", chatMenu: "Chat menu", chats: "Chats",
    closeDoor: "Let people ask before they join", commands: "Commands", connectBot: "How to connect a program", connecting: "Connecting…", copied: "Copied: {text}", copiedProgram: "Copied", copy: "Copy", delete: "Delete", deletedMessage: "Original message was deleted",
    deafened: "deafened", demote: "Demote", directMessages: "Direct messages", dismiss: "Dismiss message", done: "Done", edit: "Edit", edited: "edited", endTimeout: "End the timeout",
    find: "Find a member", firstName: "Name", forumHint: "A forum has posts: pick one, or begin one", forward: "Forward", forwarded: "Forwarded", forwardedFrom: "Forwarded from", giveTag: "Give a tag",
    hideAuthor: "Without the author's account", inviteBack: "Invite our bot back", join: "Join", joined: "{who} joined", joinThread: "Join the thread", joinVoice: "Join", kick: "Remove (as the owner)", kind: "Kind",
    kind_animation: "Animation", kind_audio: "Audio", kind_contact: "Contact", kind_dice: "Dice", kind_document: "File", kind_location: "Location", kind_photo: "Photo", kind_poll: "Poll", kind_sticker: "Sticker", kind_video: "Video", kind_video_note: "Video message", kind_voice: "Voice message",
    language: "Language", library: "Library", lastName: "Last name", leave: "Leave", leaveThread: "Leave the thread", leaveVoice: "Leave voice", left: "{who} left", lockedThread: "This thread is locked", lost: "The sandbox does not answer; trying again…",
    memberCount: "members: {n}", memberMenu: "What can be done with", memberRights: "What members may do", members: "Members", message: "Message", messageIn: "Message {name}", messageMenu: "What can be done with the message of", messages: "Messages",
    markedProgram: "Marked: copy it with the keyboard", migrated: "The group became a supergroup", mute: "Mute (as the owner)", muted: "muted", mutedHere: "You are muted here",
    newBot: "Add a bot of your own", newChannel: "New channel", newMessages: "New messages ↓", newPerson: "A new person joins", newPost: "New post", newThread: "New thread", newTopic: "New topic", nickname: "Nickname",
    no: "No", noAnswer: "The application did not respond", noFile: "This file cannot be read", noMessages: "No messages yet", noTopics: "Without topics", notHere: "You are not in this group", notImitated: "The sandbox does not imitate “{what}”",
    onlyYou: "Only you can see this", openDoor: "Let people join at once", outage: "unavailable", payload: "Payload of the link", pinAsOwner: "Pin (as the owner)", pinned: "pinned “{text}”", pinnedBy: "{who} pinned a message", pinnedLabel: "Pinned", plays: "Playing {what}", privateChat: "private chat", program: "The program", programSteps: "Get the library with `{get}`, save this as `{file}`, and start it with `{start}`. Then write `{hello}`.", promote: "Promote",
    react: "React", readsAll: "Reads all messages", refused: "This address is of an earlier start. Open the one that the sandbox prints now.", remove: "Remove", rename: "Rename", renameChannel: "Rename the channel", reopenThread: "Open the thread again", reply: "Reply", replyTo: "Reply to {who}", retitle: "Rename the group", retitled: "The group is now called “{title}”", roles: "Roles",
    save: "Save", select: "Make a selection", selfDeafen: "Deafen yourself", selfMute: "Mute yourself", send: "Send", serverMenu: "Server menu", service: "Service message: {kind}", spoiler: "Spoiler: press to read",
    start: "START", startWith: "Start with a payload", status_administrator: "administrator", status_creator: "owner", status_kicked: "banned", status_left: "left", status_member: "member", status_restricted: "restricted", stream: "Share the screen", streams: "shares the screen", submit: "Submit",
    tag: "Tag", text: "Text", thinking: "The bot is thinking…", threadMade: "{who} started a thread: {name}", timeout: "Time out for {n} minutes", title: "Title", tokenNeeded: "Open the whole address that the sandbox printed when it started: it ends with #token=…", topicClosed: "The topic was closed", topicList: "Topics (double-click closes one)", topicOpened: "The topic “{name}” was opened", topicReopened: "The topic was opened again", topics: "With topics",
    unblockBot: "Unblock the bot", unknownComponent: "A component of type {type}, which this page does not know", unmute: "Unmute", unreachable: "The sandbox cannot be reached", used: "used", username: "Username", video: "Camera", voiceConnected: "Voice connected", webAppData: "What the web app returns", where: "Where", write: "Write a message", yes: "Yes", you: "You", youAre: "You are",
  },
  ru: {
    anyLibrary: "Другая", app: "БОТ", attach: "Прикрепить файлы", archiveThread: "Закрыть ветку", back: "Назад к списку", ban: "Забанить (как владелец)", become: "Стать этим участником",
    blockBot: "Заблокировать бота", blockedHere: "Вы заблокировали этого бота", boosted: "{who}: буст сервера", botAdministrator: "Сделать бота администратором",
    botLabel: "бот", botMember: "Сделать бота обычным участником", botAway: "не подключён", botConflict: "этим токеном пользуются сразу несколько программ", botConnected: "подключён", botConnectedBy: "подключён: {what}",
    botTypes: "кто-то печатает…", cancel: "Отмена", channel: "канал", channels: "Каналы", chatMenu: "Меню чата", chats: "Чаты",
    closeDoor: "Принимать по заявкам", commands: "Команды", connectBot: "Как подключить программу", connecting: "Подключение…", copied: "Скопировано: {text}", copiedProgram: "Скопировано", copy: "Скопировать", delete: "Удалить", deletedMessage: "Исходное сообщение удалено",
    deafened: "звук выключен", demote: "Снять с администраторов", directMessages: "Личные сообщения", dismiss: "Скрыть сообщение", done: "Готово", edit: "Изменить", edited: "изменено", endTimeout: "Снять тайм-аут",
    find: "Найти участника", firstName: "Имя", forumHint: "В форуме — публикации: выберите одну или начните новую", forward: "Переслать", forwarded: "Переслано", forwardedFrom: "Переслано от", giveTag: "Дать тег",
    hideAuthor: "Без ссылки на автора", inviteBack: "Вернуть нашего бота", join: "Вступить", joined: "Новый участник: {who}", joinThread: "Войти в ветку", joinVoice: "Войти", kick: "Исключить (как владелец)", kind: "Вид",
    kind_animation: "Анимация", kind_audio: "Аудио", kind_contact: "Контакт", kind_dice: "Кубик", kind_document: "Файл", kind_location: "Место", kind_photo: "Фото", kind_poll: "Опрос", kind_sticker: "Стикер", kind_video: "Видео", kind_video_note: "Видеосообщение", kind_voice: "Голосовое сообщение",
    language: "Язык", library: "Библиотека", lastName: "Фамилия", leave: "Выйти", leaveThread: "Выйти из ветки", leaveVoice: "Выйти из голосового канала", left: "Из группы выходит {who}", lockedThread: "Эта ветка закрыта", lost: "Песочница не отвечает; пробуем снова…",
    memberCount: "участников: {n}", memberMenu: "Действия с участником", memberRights: "Что можно участникам", members: "Участники", message: "Сообщение", messageIn: "Написать в {name}", messageMenu: "Действия с сообщением автора", messages: "Сообщения",
    markedProgram: "Выделено: скопируйте с клавиатуры", migrated: "Группа стала супергруппой", mute: "Запретить писать (как владелец)", muted: "микрофон выключен", mutedHere: "Вам запрещено писать здесь",
    newBot: "Добавить своего бота", newChannel: "Новый канал", newMessages: "Новые сообщения ↓", newPerson: "Вступает новый участник", newPost: "Новая публикация", newThread: "Новая ветка", newTopic: "Новая тема", nickname: "Ник на сервере",
    no: "Нет", noAnswer: "Приложение не отвечает", noFile: "Этот файл не прочитать", noMessages: "Сообщений пока нет", noTopics: "Без тем", notHere: "Вас нет в этой группе", notImitated: "Песочница не умеет «{what}»",
    onlyYou: "Это видите только вы", openDoor: "Принимать всех сразу", outage: "недоступен", payload: "Параметр ссылки", pinAsOwner: "Закрепить (как владелец)", pinned: "закреплено: «{text}»", pinnedBy: "{who}: сообщение закреплено", pinnedLabel: "Закреплено", plays: "Играет в {what}", privateChat: "личный чат", program: "Программа", programSteps: "Поставьте библиотеку командой `{get}`, сохраните программу в файле `{file}` и запустите её командой `{start}`. Потом напишите `{hello}`.", promote: "Сделать администратором",
    react: "Реакция", readsAll: "Читает все сообщения", refused: "Это адрес прошлого запуска. Откройте тот, который песочница печатает сейчас.", remove: "Убрать", rename: "Переименовать", renameChannel: "Переименовать канал", reopenThread: "Снова открыть ветку", reply: "Ответить", replyTo: "Ответ: {who}", retitle: "Переименовать группу", retitled: "Группа теперь называется «{title}»", roles: "Роли",
    save: "Сохранить", select: "Выберите", selfDeafen: "Выключить звук у себя", selfMute: "Выключить микрофон", send: "Отправить", serverMenu: "Меню сервера", service: "Служебное сообщение: {kind}", spoiler: "Спойлер: нажмите, чтобы прочитать",
    start: "СТАРТ", startWith: "Запустить с параметром", status_administrator: "администратор", status_creator: "владелец", status_kicked: "в бане", status_left: "вне группы", status_member: "участник", status_restricted: "с ограничениями", stream: "Показать экран", streams: "показывает экран", submit: "Отправить",
    tag: "Тег", text: "Текст", thinking: "Бот думает…", threadMade: "{who} начинает ветку: {name}", timeout: "Тайм-аут на {n} минут", title: "Название", tokenNeeded: "Откройте адрес, который песочница напечатала при запуске, целиком: он кончается на #token=…", topicClosed: "Тема закрыта", topicList: "Темы (двойной щелчок закрывает тему)", topicOpened: "Открыта тема «{name}»", topicReopened: "Тема снова открыта", topics: "С темами",
    unblockBot: "Разблокировать бота", unknownComponent: "Компонент типа {type}, которого эта страница не знает", unmute: "Снять запрет", unreachable: "Песочница недоступна", used: "использует команду", username: "Имя пользователя", video: "Камера", voiceConnected: "Голосовая связь", webAppData: "Что вернёт веб-приложение", where: "Куда", write: "Сообщение", yes: "Да", you: "Вы", youAre: "Вы —",
  },
};

/** Return the texts of a language, and times and sizes as it writes them. */
export function createTexts(wanted) {
  const known = (language) => (language in TEXTS ? language : null);
  const texts = {
    language: known(wanted) ?? known(navigator.language.slice(0, 2)) ?? "en",
    speak(language) {
      texts.language = known(language) ?? texts.language;
      texts.formats = formatsOf(texts.language);
    },
    say: (name, values = {}) =>
      TEXTS[texts.language][name].replace(/\{(\w+)\}/g, (_, one) => String(values[one] ?? "")),
    time: (at) => texts.formats.time.format(at),
    day: (at) => (Math.abs(at) < 8.64e15 ? texts.formats.day.format(at) : "∞"),
    moment: (at) => (new Date(at).toDateString() === new Date().toDateString() ? texts.time(at) : texts.day(at)),
    ago(at) {
      const minutes = Math.round((at - Date.now()) / 60_000);
      const [amount, unit] = Math.abs(minutes) < 60 ? [minutes, "minute"] : Math.abs(minutes) < 1440 ? [minutes / 60, "hour"] : [minutes / 1440, "day"];
      return texts.formats.ago.format(Math.round(amount), unit);
    },
    size(bytes) {
      const [amount, unit] = bytes < 1000 ? [bytes, "byte"] : bytes < 1e6 ? [bytes / 1e3, "kilobyte"] : [bytes / 1e6, "megabyte"];
      return new Intl.NumberFormat(texts.language, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: 1 }).format(amount);
    },
  };
  texts.speak(texts.language);
  return texts;
}

function formatsOf(language) {
  return {
    time: new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" }),
    day: new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }),
    ago: new Intl.RelativeTimeFormat(language, { numeric: "auto" }),
  };
}
