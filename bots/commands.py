"""What each command does, on whichever platform it was sent: from an asker to an answer."""

import contextlib
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import structlog

from config import Community
from db import Contention, Paused, StorageUnavailable
from schemas import Source, opposite

from . import answers, reasons
from .game import GameService, Won
from .markup import Markup
from .members import Members
from .texts import PLATFORM_NAMES, Texts

log = structlog.get_logger("twinstream.bots")

_NUMBER_CHARS_MAX = 9


class Asker(NamedTuple):
    """Who asks: their account on this platform, the name they go by, and their language."""

    account_id: int
    name: str
    texts: Texts


class Subject(NamedTuple):
    """Whom an administrator asks about: an account on this platform, and its name if known."""

    account_id: int
    name: str | None = None


class Commands:
    """The commands of one platform's bot. Answers are ready to send, in the asker's language.

    While the record is away every command still answers, and says so.
    """

    def __init__(
        self,
        *,
        platform: Source,
        game: GameService,
        members: Members,
        community: Community,
        mark: Markup,
    ) -> None:
        self._platform = platform
        self._other = PLATFORM_NAMES[opposite(platform)]
        self._game = game
        self._members = members
        self._community = community
        self._mark = mark

    def start(self, asker: Asker) -> str:
        """Say hello."""
        return answers.welcome(asker.texts)

    def help(self, asker: Asker) -> str:
        """List the commands."""
        return answers.menu(asker.texts, self._mark)

    async def guess(self, asker: Asker, text: str, *, entity_id: str) -> str:
        """Take a turn in the game. `entity_id` names the update, so that a win is paid once."""
        turn = await self._game.guess(asker.account_id, _number(text), entity_id=entity_id)
        answer = answers.turn(turn, asker.texts, self._mark, self._community)
        if not isinstance(turn, Won) or turn.reward is None:
            return answer
        with contextlib.suppress(StorageUnavailable, Contention):  # the win itself is recorded
            profile = await self._members.profile(asker.account_id, asker.name)
            if profile is not None:
                return f"{answer}\n{answers.total(profile, asker.texts, self._mark)}"
        return answer

    async def profile(self, asker: Asker) -> str:
        """Show what the asker has."""

        async def look() -> str:
            profile = await self._members.profile(asker.account_id, asker.name)
            return answers.card(profile, asker.name, asker.texts, self._mark, self._community)

        return await _or_say_away(look, asker)

    async def why(self, asker: Asker, about: Subject | None = None) -> str:
        """Show what changed last for the asker, or for whom they may ask about.

        Whoever calls this with `about` has seen that the asker is an administrator.
        """
        account_id, name = about or (asker.account_id, asker.name)

        async def look() -> str:
            found = await self._members.history(account_id)
            shown = name or (found and found.display_name) or f"#{account_id}"
            return reasons.listed(
                found, shown, self._platform, asker.texts, self._mark, self._community
            )

        return await _or_say_away(look, asker)

    async def top(self, asker: Asker) -> str:
        """Show who has the most XP."""

        async def look() -> str:
            return answers.table(await self._members.top(), asker.texts, self._mark)

        return await _or_say_away(look, asker)

    async def link(self, asker: Asker, code: str) -> str:
        """Give a one-time code, or redeem the one that was sent."""

        async def give() -> str:
            try:
                issued = await self._members.issue_code(asker.account_id, asker.name)
            except Paused:
                return answers.linking_paused(asker.texts)
            return answers.code(issued, self._other, asker.texts, self._mark)

        async def redeem() -> str:
            done = await self._members.redeem_code(asker.account_id, asker.name, code)
            log.info("link.attempted", account_id=asker.account_id, outcome=done.outcome.value)
            name = done.other_name
            return answers.linked(done.outcome, self._other, name, asker.texts, self._mark)

        return await _or_say_away(redeem if code else give, asker)


async def _or_say_away(answer: Callable[[], Awaitable[str]], asker: Asker) -> str:
    try:
        return await answer()
    except (StorageUnavailable, Contention) as error:
        log.warning("record.away", account_id=asker.account_id, why=str(error))
        return answers.away(asker.texts)


def _number(text: str) -> int | None:
    """Read a guess: None for none, and 0, which no game has, for anything but a whole number."""
    text = text.strip()
    if not text:
        return None
    if text.isascii() and text.isdecimal() and len(text) <= _NUMBER_CHARS_MAX:
        return int(text)
    return 0
