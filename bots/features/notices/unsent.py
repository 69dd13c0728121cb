"""Notices that the platform refused: shown in private beside the answer to a command."""

import asyncio
from functools import partial

import structlog

from bots.features.command import Answer, Asker, Sent
from bots.runtime.database import Database
from bots.texts.markup import Markup
from db import DbError
from db.members import notices
from db.members.notices import Notice

from .texts import notice_buttons, notice_text

log = structlog.get_logger("twinstream.bots")

#: Notices shown at once; more would crowd out the answer. The next command shows the rest.
SHOWN_MAX = 3
#: Seconds for which a command has a notice. If the platform does not show it, a later command does.
LEASE_S = 60.0


class UnsentNotices:
    """Takes a member's unsent notices for one command, and ends those that were shown."""

    def __init__(self, database: Database, undo_days: int, mark: Markup) -> None:
        self._database = database
        self._undo_days = undo_days
        self._mark = mark
        self._ending: set[asyncio.Task[None]] = set()

    async def answers(self, asker: Asker) -> list[Answer]:
        """Return the notices that wait for this member. None while Postgres is unavailable."""
        try:
            async with self._database.connection() as conn:
                waiting = await notices.take_refused(
                    conn,
                    self._database.platform,
                    asker.account_id,
                    limit=SHOWN_MAX,
                    lease_s=LEASE_S,
                )
        except DbError as error:
            log.info("notices.not_read", account_id=asker.account_id, why=str(error))
            return []
        answers = []
        for notice in waiting:
            text = notice_text(notice, self._undo_days, asker.texts, self._mark)
            if text is not None:
                answers.append(
                    Answer(
                        text,
                        must_arrive=True,
                        buttons=notice_buttons(notice, asker.texts),
                        on_sent=partial(self._end_soon, notice),
                    )
                )
        return answers

    def _end_soon(self, notice: Notice, _: Sent) -> None:
        ending = asyncio.create_task(self._end(notice))
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)

    async def _end(self, notice: Notice) -> None:
        known = {"account_id": notice.account_id, "kind": notice.kind}
        try:
            async with self._database.connection() as conn:
                await notices.end(conn, self._database.platform, notice)
        except DbError as error:
            # It is shown once more: better than not at all.
            log.info("notice.not_ended", **known, why=str(error))
        else:
            log.info("notice.shown", **known)
