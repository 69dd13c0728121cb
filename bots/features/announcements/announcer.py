"""Announcing to the community who has reached a new rank or unlocked an achievement.

One message holds everything that came within a few seconds, so that a busy minute is no flood.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from bots.runtime.backoff import backoff_s
from bots.runtime.database import Database
from bots.runtime.delivery import PerhapsSent, Unsent
from bots.texts.languages import Texts
from bots.texts.markup import Markup
from config import Community
from db import DbError
from db.error_causes.logged_causes import LoggedCauses
from db.surfaces import announcements

from .texts import announcement

log = structlog.get_logger("twinstream.bots")

#: Seconds between messages, so at most 15 a minute: Telegram allows a bot 20 messages a minute in
#: a group, and answers to commands count too.
INTERVAL_S = 4.0
#: Announcements taken for one message: more than one message shows, so that a backlog ends soon.
TAKEN_MAX = 1_000
#: Age in seconds at which a promotion is no news any more and is dropped unannounced.
NEWS_S_MAX = 600.0

#: Seconds between attempts at most, so that several fall into NEWS_S_MAX.
RETRY_S_MAX = 120.0

Send = Callable[[str], Awaitable[None]]


class Announcer:
    """Announces in one place what one platform has displayed to people, each change once.

    A message whose fate is unknown is not sent again: a missing announcement is better than a
    repeated one. An announcement that could not be sent for NEWS_S_MAX seconds is dropped.
    """

    def __init__(
        self, database: Database, community: Community, texts: Texts, mark: Markup, send: Send
    ) -> None:
        self._database = database
        self._community = community
        self._texts = texts
        self._mark = mark
        self._send = send
        #: Seconds until the next step.
        self.pause_s = INTERVAL_S
        self._refusals = 0
        self._refusal_news = LoggedCauses()
        self._outage_news = LoggedCauses()

    async def run(self) -> None:
        """Announce until cancelled."""
        while True:
            try:
                await self.step()
            except DbError as error:
                log_at = log.warning if self._outage_news.is_new(str(error)) else log.debug
                log_at("announcements.delayed", why=str(error))
            else:
                if self._outage_news.end():
                    log.info("announcements.resumed")
            await asyncio.sleep(self.pause_s)

    async def step(self) -> int:
        """Send one message with everything that is new. Returns how many announcements it made."""
        platform = self._database.platform
        async with self._database.connection() as conn:
            await announcements.drop_old(conn, platform, older_than_s=NEWS_S_MAX)
            taken = await announcements.take(conn, platform, limit=TAKEN_MAX)
        self.pause_s = INTERVAL_S
        text = announcement(taken, self._texts, self._mark, self._community)
        if not text:
            return 0
        try:
            await self._send(text)
        except Unsent as error:
            async with self._database.connection() as conn:
                await announcements.give_back(conn, platform, taken)
            self._rest(error, len(taken))
            return 0
        except PerhapsSent as error:
            log.warning("announcement.unconfirmed", announcements=len(taken), why=str(error))
            return 0
        self._refusals = 0
        log.info("announcement.sent", announcements=len(taken))
        return len(taken)

    def _rest(self, error: Unsent, count: int) -> None:
        """Try again after a pause, the longer the more refusals follow one another."""
        self._refusals += 1
        longer_s = backoff_s(self._refusals, first_s=error.retry_s, max_s=RETRY_S_MAX, chance=0.0)
        self.pause_s = max(INTERVAL_S, error.retry_s, longer_s)
        is_news = self._refusal_news.is_new(str(error), wait_s=self.pause_s)
        log_at = log.warning if is_news else log.debug
        log_at(
            "announcement.unsent",
            announcements=count,
            why=str(error),
            again_in_s=round(self.pause_s, 1),
        )
