// The texts of the bus, in English and Russian.

/** Which form of a text a number needs. */
export function form(language, value) {
  return new Intl.PluralRules(language).select(Math.abs(value));
}

export const TEXTS = {
  en: {
    account: "account {id}", achievement: "achievement {value}", achievementOf: "the achievement {value}", acknowledged: "Acknowledged by the group {group}", allRead: "all read",
    amount_balance_few: "{value} coins", amount_balance_many: "{value} coins", amount_balance_one: "{value} coin", amount_balance_other: "{value} coins", amount_xp: "{value} XP", asked: "{platform} tells the bot what {name} did", away_postgres: "Postgres is away. The page goes on with what it has.", away_redis: "Redis is away. Events are still recorded; they wait for it.", away_sandbox: "The sandbox is away.",
    books: "Books on {platform}: {xp} XP, {balance} coins", booksNow: "Books on {platform}", buried: "buried", call: "{call} → {status}", completed: "Settled for {platform}: the event is completed", copied: "Copied", copy: "Copy",
    empty: "Nothing has crossed yet. Write /daily in one of the chats, and watch.", entries_few: "{n} entries", entries_many: "{n} entries", entries_one: "{n} entry", entries_other: "{n} entries", entry: "Entry {id} on {stream}", event: "event {id}", failed: "Buried: {error}", inTerminal: "The same in a terminal", journey: "From {source} to {target}",
    lane: "{stream}, read by the group {group}", ledger: "Ledger entry {id} on {platform}: {amount}", level: "level {n}", linkedMark: "the mark of linked members", lost: "Redis lost it {n} times; it was published again", missing: "the stream does not exist yet",
    ms: "{n} ms", nobody: "no consumer reads it", noRank: "no rank", nothing: "(nothing)", passedOver: "{n} more events crossed that are not drawn", perSecond: "{n} events a second",
    read: "Read by {consumer}", readBy: "read by {names}", recorded: "Event {id} is recorded, in one transaction", s: "{n} s", shown: "{platform} shows {what}", stories: "Events, the newest first", trace: "Its whole life in a terminal",
    unacknowledged: "{n} unacknowledged", unread: "{n} unread", waits: "waits", waits_pending: "Waits to be put on the stream", waits_published: "On the stream. Waits for a consumer to settle it", waits_shown: "Waits until the other side shows it", wanted: "{platform} should show {what}",
  },
  ru: {
    account: "аккаунт {id}", achievement: "достижение {value}", achievementOf: "достижение {value}", acknowledged: "Подтверждено группой {group}", allRead: "всё прочитано",
    amount_balance_few: "{value} монеты", amount_balance_many: "{value} монет", amount_balance_one: "{value} монета", amount_balance_other: "{value} монеты", amount_xp: "{value} XP", asked: "{platform} сообщает боту, что сделал участник {name}", away_postgres: "Postgres недоступен. Страница показывает то, что успела узнать.", away_redis: "Redis недоступен. События записываются и ждут его.", away_sandbox: "Песочница недоступна.",
    books: "Счёт в {platform}: {xp} XP, монет: {balance}", booksNow: "Счёт в {platform}", buried: "похоронено", call: "{call} → {status}", completed: "Проведено для {platform}: событие завершено", copied: "Скопировано", copy: "Копировать",
    empty: "Пока ничего не перешло. Напишите /daily в одном из чатов и смотрите.", entries_few: "{n} записи", entries_many: "{n} записей", entries_one: "{n} запись", entries_other: "{n} записи", entry: "Запись {id} в {stream}", event: "событие {id}", failed: "Похоронено: {error}", inTerminal: "То же в терминале", journey: "Из {source} в {target}",
    lane: "{stream}, читает группа {group}", ledger: "Проводка {id} в {platform}: {amount}", level: "уровень {n}", linkedMark: "знак связанных участников", lost: "Redis потерял его (потерь: {n}); оно опубликовано снова", missing: "потока ещё нет",
    ms: "{n} мс", nobody: "его никто не читает", noRank: "без ранга", nothing: "(пусто)", passedOver: "перешло и не нарисовано событий: {n}", perSecond: "событий в секунду: {n}",
    read: "Прочитано: {consumer}", readBy: "читают {names}", recorded: "Событие {id} записано, одной транзакцией", s: "{n} с", shown: "{platform} показывает {what}", stories: "События, сначала новые", trace: "Вся его жизнь в терминале",
    unacknowledged: "не подтверждено: {n}", unread: "не прочитано: {n}", waits: "ждёт", waits_pending: "Ждёт публикации в потоке", waits_published: "В потоке. Ждёт, пока его проведут", waits_shown: "Ждёт, пока это покажет другая сторона", wanted: "{platform} должен показать {what}",
  },
};
