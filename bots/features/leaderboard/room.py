"""The command /top and the buttons under its answers."""

from typing import Final

from bots.features.command import (
    Answer,
    Asker,
    Choice,
    Command,
    Press,
    Pressed,
    Question,
    TextParameter,
)
from bots.features.room import Room
from bots.runtime.room_services import Services
from bots.texts.buttons import PressButton, Rows
from bots.texts.languages import Texts, marked
from db.members import boards
from db.members.boards import After, Before, Board, First, Mine, Page

from . import texts
from .requests import Request, read_value, read_words, value_of

ACTION: Final = "top"
_CHOICES: Final = (
    Choice("xp", marked("XP")),
    Choice("month", marked("XP this month")),
    Choice("week", marked("XP this week")),
    Choice("coins", marked("Coins")),
    Choice("streak", marked("Days in a row")),
    Choice("thanks", marked("Thanks")),
)


def buttons(board: Board, page: Page, spoken: Texts) -> Rows:
    """Return the buttons under a page: to other pages of the board, and to other boards. Pure."""
    turns = []
    if page.has_previous:
        turns.append(PressButton(spoken.gettext("« First"), ACTION, value_of(board, First())))
        before = Before(page.lines[0].key)
        turns.append(PressButton(spoken.gettext("‹ Back"), ACTION, value_of(board, before)))
    if page.has_next:
        after = After(page.lines[-1].key)
        turns.append(PressButton(spoken.gettext("Next ›"), ACTION, value_of(board, after)))
    if page.own.place is not None and not any(line.is_own for line in page.lines):
        turns.append(PressButton(spoken.gettext("My place"), ACTION, value_of(board, Mine())))
    others: tuple[tuple[tuple[Board, str], ...], ...] = (
        (
            ("xp", spoken.gettext("XP")),
            ("month", spoken.gettext("XP this month")),
            ("week", spoken.gettext("XP this week")),
        ),
        (
            ("balance", spoken.gettext("Coins")),
            ("streak", spoken.gettext("Days in a row")),
            ("reputation", spoken.gettext("Thanks")),
        ),
    )
    switches = tuple(
        tuple(
            PressButton(f"• {label}" if other == board else label, ACTION, value_of(other))
            for other, label in row
        )
        for row in others
    )
    return ((tuple(turns), *switches)) if turns else switches


class Leaderboard:
    """Answers /top and the buttons under its answers. It keeps no state."""

    def __init__(self, services: Services) -> None:
        self._database = services.database
        self._earnings = services.earnings
        self._mark = services.mark
        self._community = services.community

    async def show(self, question: Question[str]) -> Answer:
        """Answer /top."""
        written = question.argument if isinstance(question.argument, str) else ""
        request = read_words(written)
        if request is None:
            return Answer(texts.unclear(question.asker.texts))
        return await self._page(question.asker, request)

    async def press(self, pressed: Pressed) -> Answer:
        """Show the page to which a button leads."""
        return await self._page(pressed.asker, read_value(pressed.value))

    async def _page(self, asker: Asker, request: Request) -> Answer:
        board = request.board
        # The asker's place is that of all they have earned.
        await self._earnings.close_windows_of(asker.account_id)
        async with self._database.connection() as conn:
            page = await boards.read_page(
                conn, self._database.platform, asker.account_id, board, request.position
            )
        text = texts.table(board, page, asker.name, asker.texts, self._mark, self._community)
        return Answer(text, buttons=buttons(board, page, asker.texts))


def open_room(services: Services) -> Room:
    """Open the room."""
    room = Leaderboard(services)
    return Room(
        commands=(
            Command(
                name="top",
                description=marked("The boards of members, and your own place"),
                handler=room.show,
                parameter=TextParameter(
                    name="board",
                    hint=marked("The board: XP, this month, this week, coins, days, or thanks"),
                    choices=_CHOICES,
                ),
                aliases=("leaderboard", "leaders", "топ", "лидеры"),
            ),
        ),
        presses=(Press(action=ACTION, handler=room.press, refuse_others=texts.open_your_own),),
    )
