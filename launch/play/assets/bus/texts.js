// The texts of the bus, in English and Russian.

export const TEXTS = {
  en: {
    account: "account {id}", achievement: "achievement {value}", achievementOf: "the achievement {value}", acknowledged: "Acknowledged by the group {group}", allRead: "all read",
    amount_balance: "{value} coins", amount_xp: "{value} XP", asked: "{platform} tells the bot what {name} did", away_postgres: "Postgres is away. The page goes on with what it has.", away_redis: "Redis is away. Events are still recorded; they wait for it.", away_sandbox: "The sandbox is away.",
    books: "Books on {platform}: {xp} XP, {balance} coins", booksNow: "Books on {platform}", buried: "buried", call: "{call} → {status}", completed: "Settled for {platform}: the event is completed", copied: "Copied", copy: "Copy",
    empty: "Nothing has crossed yet. Write /daily in one of the chats, and watch.", entries: "{n} entries", entry: "Entry {id} on {stream}", event: "event {id}", failed: "Buried: {error}", inTerminal: "The same in a terminal", journey: "From {source} to {target}",
    lane: "{stream}, read by the group {group}", ledger: "Ledger entry {id} on {platform}: {amount}", level: "level {n}", linkedMark: "the mark of linked members", lost: "Redis lost it {n} times; it was published again", missing: "the stream does not exist yet",
    ms: "{n} ms", nobody: "no consumer reads it", noRows: "(no rows)", noTrace: "this key cannot be typed in a shell", noRank: "no rank", nothing: "(nothing)", passedOver: "{n} more events crossed that are not drawn", perSecond: "{n} events a second", raw: "Raw form of: {step}",
    read: "Read by {consumer}", readBy: "read by {names}", recorded: "Event {id} is recorded, in one transaction", s: "{n} s", shown: "{platform} shows {what}", stories: "Events, the newest first", trace: "Its whole life in a terminal",
    unacknowledged: "{n} unacknowledged", unread: "{n} unread", waits: "waits", waits_pending: "Waits to be put on the stream", waits_published: "On the stream. Waits for a consumer to settle it", waits_shown: "Waits until the other side shows it", wanted: "{platform} should show {what}",
  },
  ru: {
    account: "аккаунт {id}", achievement: "достижение {value}", achievementOf: "достижение {value}", acknowledged: "Подтверждено группой {group}", allRead: "всё прочитано",
    amount_balance: "{value} монет", amount_xp: "{value} XP", asked: "{platform} сообщает боту, что сделал участник {name}", away_postgres: "Postgres недоступен. Страница показывает то, что успела узнать.", away_redis: "Redis недоступен. События записываются и ждут его.", away_sandbox: "Песочница недоступна.",
    books: "Счёт в {platform}: {xp} XP, монет: {balance}", booksNow: "Счёт в {platform}", buried: "похоронено", call: "{call} → {status}", completed: "Проведено для {platform}: событие завершено", copied: "Скопировано", copy: "Копировать",
    empty: "Пока ничего не перешло. Напишите /daily в одном из чатов и смотрите.", entries: "записей: {n}", entry: "Запись {id} в {stream}", event: "событие {id}", failed: "Похоронено: {error}", inTerminal: "То же в терминале", journey: "Из {source} в {target}",
    lane: "{stream}, читает группа {group}", ledger: "Проводка {id} в {platform}: {amount}", level: "уровень {n}", linkedMark: "знак связанных участников", lost: "Redis терял его {n} раз; оно опубликовано снова", missing: "потока ещё нет",
    ms: "{n} мс", nobody: "его никто не читает", noRows: "(строк нет)", noTrace: "этот ключ нельзя набрать в терминале", noRank: "без ранга", nothing: "(пусто)", passedOver: "перешло и не нарисовано событий: {n}", perSecond: "событий в секунду: {n}", raw: "Как есть: {step}",
    read: "Прочитано: {consumer}", readBy: "читают {names}", recorded: "Событие {id} записано, одной транзакцией", s: "{n} с", shown: "{platform} показывает {what}", stories: "События, сначала новые", trace: "Вся его жизнь в терминале",
    unacknowledged: "не подтверждено: {n}", unread: "не прочитано: {n}", waits: "ждёт", waits_pending: "Ждёт публикации в потоке", waits_published: "В потоке. Ждёт, пока его проведут", waits_shown: "Ждёт, пока это покажет другая сторона", wanted: "{platform} должен показать {what}",
  },
};
