"""Telling the community who has reached a new rank or unlocked an achievement.

One message tells all that came within a few seconds, so that a busy minute is no flood.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from config import Community
from db import Announcement, DbError
from db.surfaces import ACHIEVEMENT_PREFIX

from .answers import shortened
from .markup import Markup
from .members import Members
from .texts import Texts

log = structlog.get_logger("twinstream.bots")

#: At most 15 messages a minute: Telegram allows 20 in a group, and answers count too.
INTERVAL_S = 4.0
NAMES_MAX = 10
TAKEN_MAX = 1_000

Send = Callable[[str], Awaitable[None]]


class Unsent(Exception):
    """The platform refused a message for certain, so it may be sent again later."""


class PerhapsSent(Exception):
    """Nobody knows what became of a message. It is not sent again: once too few beats twice."""


class Announcer:
    """Announces in one place what was shown to people on one platform, each time once.

    What nobody could be told for a while is not news any more, and is dropped.
    """

    def __init__(
        self, members: Members, community: Community, texts: Texts, mark: Markup, send: Send
    ) -> None:
        self._members = members
        self._community = community
        self._texts = texts
        self._mark = mark
        self._send = send

    async def run(self) -> None:
        """Announce for ever, until cancelled."""
        while True:
            try:
                await self.step()
            except DbError as error:
                log.warning("announcements.waiting", why=str(error))
            await asyncio.sleep(INTERVAL_S)

    async def step(self) -> int:
        """Send one message about all that is new. Returns how many announcements it made."""
        taken = await self._members.take_announcements(TAKEN_MAX)
        text = announcement(taken, self._texts, self._mark, self._community)
        if not text:
            return 0
        try:
            await self._send(text)
        except Unsent as error:
            await self._members.give_announcements_back(taken)
            log.warning("announcement.unsent", announcements=len(taken), why=str(error))
            return 0
        except PerhapsSent as error:
            log.warning("announcement.uncertain", announcements=len(taken), why=str(error))
            return 0
        log.info("announcement.sent", announcements=len(taken))
        return len(taken)


def announcement(
    taken: Sequence[Announcement], texts: Texts, mark: Markup, community: Community
) -> str:
    """Write a line for each of the first NAMES_MAX, and how many more there are. Pure.

    A rank or achievement that twinstream.toml does not have (any more) is passed over.
    """
    lines = [line for one in taken if (line := _line(one, texts, mark, community))]
    left = len(lines) - NAMES_MAX
    if left > 0:
        lines = lines[:NAMES_MAX]
        lines.append(texts.ngettext("... and {count} more", "... and {count} more", left))
    return "\n".join(lines)


def _line(one: Announcement, texts: Texts, mark: Markup, community: Community) -> str:
    name = mark.plain(shortened(one.display_name or texts.gettext("A member")))
    if one.surface.startswith(ACHIEVEMENT_PREFIX):
        setting = community.achievement(one.surface.removeprefix(ACHIEVEMENT_PREFIX))
        if setting is None:
            return ""
        return texts.gettext(
            "🏆 {name} has unlocked {title}", name=name, title=_bold(mark, setting.title)
        )
    rank = community.rank(one.number)
    if rank is None:
        return ""
    return texts.gettext("🎉 {name} is {rank} now", name=name, rank=_bold(mark, rank.name))


def _bold(mark: Markup, text: str) -> str:
    return mark.bold(mark.plain(text))
