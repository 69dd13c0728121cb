"""Sending notices: private messages to the owners of accounts.

A notice is a row in Postgres, so its owner gets it whichever process wrote it, also after a
restart.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from bots.runtime.backoff import backoff_s
from bots.runtime.database import Database
from bots.runtime.delivery import PerhapsSent, Unsent, Unwanted
from bots.texts.buttons import Rows
from bots.texts.languages import Texts
from bots.texts.markup import Markup
from db import DbError
from db.error_causes.logged_causes import LoggedCauses
from db.members import notices
from db.members.notices import Notice

from .texts import notice_buttons, notice_text

log = structlog.get_logger("twinstream.bots")

#: Seconds between looks at Postgres: short enough that the owner of a posted code hears of it
#: while they still look at the chat.
INTERVAL_S = 3.0
#: Notices taken at once. They are rare; more would only be leased for longer than needed.
TAKEN_MAX = 20
#: Attempts to send one notice, with delays in seconds that double from the first to the longest.
ATTEMPTS_MAX = 8
DELAY_FIRST_S = 30.0
DELAY_MAX_S = 3_600.0
#: Age in seconds at which a notice about a code is dropped: the code has expired long since.
#: Notices of acts stay for weeks (`drop_old`).
NOTICE_S_MAX = 24 * 3_600.0
#: Seconds for which a process leases a notice; after a kill another process gets it then.
LEASE_S = 300.0

Send = Callable[[int, str, Rows], Awaitable[None]]


class Notifier:
    """Sends one platform's notices, each until it arrived or was refused for good.

    A notice whose fate is unknown is sent again: a repeated notice is better than a missing one.
    One that was refused for good waits for its owner's next command (`UnsentNotices`).
    """

    def __init__(
        self, database: Database, undo_days: int, texts: Texts, mark: Markup, send: Send
    ) -> None:
        self._database = database
        self._undo_days = undo_days
        self._texts = texts
        self._mark = mark
        self._send = send
        self._outage_news = LoggedCauses()

    async def run(self) -> None:
        """Send notices until cancelled."""
        while True:
            try:
                await self.step()
            except DbError as error:
                log_at = log.warning if self._outage_news.is_new(str(error)) else log.debug
                log_at("notices.delayed", why=str(error))
            else:
                if self._outage_news.end():
                    log.info("notices.resumed")
            await asyncio.sleep(INTERVAL_S)

    async def step(self) -> int:
        """Send the notices that are due. Returns how many were sent or refused for good."""
        ended = 0
        for notice in await self._take():
            ended += await self._tell(notice)
        return ended

    async def _take(self) -> list[Notice]:
        """Take the notices that are due; no other process gets them for LEASE_S seconds."""
        platform = self._database.platform
        async with self._database.connection() as conn:
            await notices.drop_old(conn, platform, older_than_s=NOTICE_S_MAX)
            return await notices.take(conn, platform, limit=TAKEN_MAX, lease_s=LEASE_S)

    async def _tell(self, notice: Notice) -> bool:
        known = {"account_id": notice.account_id, "kind": notice.kind}
        try:
            text = notice_text(notice, self._undo_days, self._texts, self._mark)
            if text is None:
                # A newer release wrote it, so the bot of that release has the text.
                return False
            await self._send(notice.account_id, text, notice_buttons(notice, self._texts))
        except Unwanted as error:
            log.info("notice.refused", **known, why=str(error))
            await self._leave_to_command(notice)
            return True
        except (Unsent, PerhapsSent) as error:
            least_s = error.retry_s if isinstance(error, Unsent) else 0.0
            await self._retry_later(notice, str(error), least_s=least_s)
            return False
        except Exception:
            log.exception("notice.failed", **known)
            await self._retry_later(notice, "an unexpected error")
            return False
        else:
            log.info("notice.sent", **known)
        await self._end(notice)
        return True

    async def _retry_later(self, notice: Notice, why: str, *, least_s: float = 0.0) -> None:
        longer_s = backoff_s(notice.attempts, first_s=DELAY_FIRST_S, max_s=DELAY_MAX_S, chance=0.0)
        delay_s = max(least_s, longer_s)
        is_last = notice.attempts >= ATTEMPTS_MAX
        log.warning(
            "notice.unsent",
            account_id=notice.account_id,
            kind=notice.kind,
            why=why,
            again_in_s=None if is_last else delay_s,
        )
        if is_last:
            await self._leave_to_command(notice)
            return
        async with self._database.connection() as conn:
            await notices.put_off(conn, self._database.platform, notice, delay_s=delay_s)

    async def _leave_to_command(self, notice: Notice) -> None:
        """Send a notice no more: it is shown at its owner's next command."""
        async with self._database.connection() as conn:
            await notices.put_off(conn, self._database.platform, notice, delay_s=None)

    async def _end(self, notice: Notice) -> None:
        """Delete a notice that was sent."""
        async with self._database.connection() as conn:
            await notices.end(conn, self._database.platform, notice)
