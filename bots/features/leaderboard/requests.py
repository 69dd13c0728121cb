"""The board and the page that a member asks for, as words behind /top and as values of buttons.

Pure functions. A button has all that its page needs, so it works after a restart, and behind any
number of changes: a page goes on behind the row that was the last one when it was shown.
"""

from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from bots.texts.buttons import base36
from db.members.boards import (
    LINES,
    PLACE_MAX,
    TOP,
    After,
    Before,
    Board,
    First,
    Key,
    Mine,
    Numbered,
    Position,
)

#: The words behind /top for each board, in lower case.
_BOARD_WORDS: Final[dict[Board, str]] = {
    "xp": "xp points all total опыт очки всего всё все",
    "month": "month monthly месяц месяца",
    "week": "week weekly неделя неделю недели",
    "balance": "coins coin balance money монеты монет баланс деньги",
    "streak": "streak streaks days daily серия серии стрик дни",
    "reputation": "thanks reputation rep благодарности репутация репа спасибо",
}
_WORDS: Final = {word: board for board, words in _BOARD_WORDS.items() for word in words.split()}
_MINE: Final = frozenset(["me", "mine", "my", "я", "моё", "мое", "мой"])
#: Words that mean nothing by themselves: "top of this week", "за неделю".
_SILENT: Final = frozenset(
    ["by", "of", "for", "this", "the", "за", "по", "в", "на", "эту", "этот", "время"]
)
#: Letters of boards in the values of buttons.
_LETTERS: Final[dict[Board, str]] = {
    "xp": "x",
    "month": "m",
    "week": "w",
    "balance": "c",
    "streak": "s",
    "reputation": "r",
}
_BY_LETTER: Final = {letter: board for board, letter in _LETTERS.items()}
#: The kinds of pages in the values of buttons.
_FIRST: Final = "f"
_MINE_LETTER: Final = "m"
_AFTER: Final = "a"
_BEFORE: Final = "b"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class Request(NamedTuple):
    """A page of a board."""

    board: Board = "xp"
    position: Position = First()


def read_words(text: str) -> Request | None:
    """Return what is asked for by the words behind /top; None if one of them is not known."""
    board: Board = "xp"
    position: Position = First()
    for word in text.lower().split():
        if word in _WORDS:
            # XP has periods; of everything else there is one board.
            board = _WORDS[word] if board in ("xp", "week", "month") else board
        elif word in _MINE:
            position = Mine()
        elif word.isascii() and word.isdecimal() and len(word) <= len(str(PLACE_MAX)):
            position = Numbered(min(max(1, int(word)), PLACE_MAX // LINES))
        elif word not in _SILENT:
            return None
    return Request(board, position)


def value_of(board: Board, position: Position | None = None) -> str:
    """Return the value of a button that leads to a page; None: the board is opened anew."""
    letter = _LETTERS[board]
    match position:
        case None:
            return letter
        case First():
            return f"{letter}{_FIRST}"
        case Mine():
            return f"{letter}{_MINE_LETTER}"
        case After(key):
            return f"{letter}{_AFTER}{_written(key)}"
        case Before(key):
            return f"{letter}{_BEFORE}{_written(key)}"
        case Numbered():
            raise ValueError("no button leads to a page by its number")


def read_value(value: str) -> Request:
    """Return what a button asks for; the first page of XP if a later release wrote it."""
    board = _BY_LETTER.get(value[:1], "xp")
    kind, key = value[1:2], _read_key(value[2:])
    if kind == _MINE_LETTER:
        return Request(board, Mine())
    if kind == _AFTER and key is not None:
        return Request(board, After(key))
    if kind == _BEFORE and key is not None:
        return Request(board, Before(key))
    return Request(board)


def _written(key: Key) -> str:
    moment = (key.reached_at - _EPOCH) // _MICROSECOND
    return ".".join(map(base36, (key.score, max(0, moment), key.member_id)))


def _read_key(text: str) -> Key | None:
    try:
        score, moment, member_id = (int(part, 36) for part in text.split("."))
        reached_at = _EPOCH + moment * _MICROSECOND
    except (ValueError, OverflowError):
        return None
    key = Key(score, reached_at, member_id)
    return key if max(key.score, key.member_id) <= TOP.score else None
