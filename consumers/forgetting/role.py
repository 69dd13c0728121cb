"""The role that forgets people: in Postgres, in Redis, and on the list beside the backups.

A request goes through these steps, each of which may be repeated:
1. The platforms take off the roles and the tag that they show of the member.
2. One transaction forgets the person in Postgres, or nothing of them (`forget_person`).
3. The marks of their accounts are appended to the list of the forgotten.
4. Entries on streams that have their ids are deleted, and then the request.

A process that dies in between leaves the request, and the next one goes on from there.
"""

import contextlib
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

import asyncpg
import structlog

from consumers.runtime.resources import Resources
from consumers.runtime.transactions import transaction
from db import RuleBroken, StoreClosed
from db.members import forgetting, forgotten_list
from db.members.forgetting import Account, Request
from db.stop_signs import Paused

from .streams import forget_entries, forget_pages

log = structlog.get_logger("twinstream.forgetting")

#: Seconds that the platforms have to take off what they show. A visit takes seconds; a display role
#: that does not run, or a platform that is away, must not keep anybody from being forgotten.
UNDRESS_S: Final = 600.0
#: Seconds that pages of a pass of reconcile have to be compared. They are within seconds.
PAGES_S: Final = 600.0
#: Marks that one step appends to the list.
MARKS_PER_STEP: Final = 1_000


class Forgetting:
    """The role that meets requests to be forgotten, one at a time."""

    pause_s = 1.0

    def __init__(self, resources: Resources, *, undress_s: float = UNDRESS_S) -> None:
        self._pool = resources.pool
        self._redis = resources.redis
        self._keys = resources.keys
        self._stores = resources.stores
        self._secret = resources.settings.forget_secret
        path = resources.settings.twinstream_forgotten_list
        self._list = None if path is None else Path(path)
        self._undress_s = undress_s
        #: The newest mark of the database that is known to be on the list.
        self._listed = 0
        #: The lines of the list, as it was at the start; None once every mark was looked for in it.
        self._on_list: set[tuple[str, datetime]] | None = None
        self._is_list_read = False
        self._is_told = False

    def describe(self) -> Mapping[str, object]:
        """Say whether people can be forgotten here, and where the list is."""
        return {
            "has_secret": self._secret is not None,
            "forgotten_list": None if self._list is None else str(self._list),
            "undress_s": self._undress_s,
        }

    async def step(self) -> int:
        """Bring the list up to date, and one request a step further. Returns how much was done."""
        listed = await self._bring_list_up_to_date()
        if self._secret is None:
            await self._tell_that_there_is_no_secret()
            return listed
        account: Account | None = None
        try:
            async with transaction(self._pool) as conn:
                request = await forgetting.take(conn)
                if request is None:
                    return listed
                account = request.account
                if request.forgotten_at is not None:
                    pass
                elif await forgetting.undress(conn, request, wait_s=self._undress_s):
                    await self._forget(conn, request, self._secret)
                else:
                    await forgetting.put_off(conn, account)
                    return listed
        except (RuleBroken, StoreClosed, Paused) as error:
            if account is None:
                raise
            await self._note_failure(account, error)
            return listed
        if request.forgotten_at is not None:
            await self._finish(request, self._secret)
        return listed + 1

    async def _forget(self, conn: asyncpg.Connection, request: Request, secret: str) -> None:
        accounts = await forgetting.forget(
            conn, request.account, secret=secret, stores=self._stores
        )
        log.info("person.forgotten", accounts=len(accounts), platform=request.platform)

    async def _finish(self, request: Request, secret: str) -> None:
        account = request.account
        assert request.forgotten_s is not None
        is_late = request.forgotten_s > PAGES_S
        if not await forget_pages(self._redis, self._keys, account, all_of_them=is_late):
            async with transaction(self._pool) as conn:
                await forgetting.put_off(conn, account)
            return
        deleted = await forget_entries(self._pool, self._redis, self._keys, account, secret=secret)
        async with transaction(self._pool) as conn:
            await forgetting.finish(conn, request)
        log.info("entries.erased", platform=account.platform, entries=deleted)

    async def _note_failure(self, account: Account, error: Exception) -> None:
        async with transaction(self._pool) as conn:
            await forgetting.put_off(conn, account, error=str(error))
        # Without the id: lines of the log outlive the person's wish.
        log.error("person.not_forgotten", platform=account.platform, why=type(error).__name__)

    async def _bring_list_up_to_date(self) -> int:
        """Append the marks of the database that the list does not have."""
        if self._list is None:
            return 0
        if not self._is_list_read:
            self._on_list = {
                (one.mark, one.forgotten_at) for one in forgotten_list.read(self._list)
            }
            self._is_list_read = True
        async with transaction(self._pool) as conn:
            marks = await forgotten_list.after(conn, self._listed, limit=MARKS_PER_STEP)
        new = [one for one in marks if (one.mark, one.forgotten_at) not in (self._on_list or ())]
        if new:
            forgotten_list.append(self._list, new)
            log.info("forgotten_list.extended", accounts=len(new))
        if marks:
            self._listed = marks[-1].number
        if len(marks) < MARKS_PER_STEP:
            self._on_list = None
        return len(new)

    async def _tell_that_there_is_no_secret(self) -> None:
        async with transaction(self._pool) as conn:
            waiting = await forgetting.waiting(conn)
        if waiting and not self._is_told:
            log.error("people.not_forgotten", waiting=waiting, why="FORGET_SECRET is not set")
        self._is_told = waiting > 0


@contextlib.asynccontextmanager
async def open_role(resources: Resources) -> AsyncIterator[Forgetting]:
    """Open the role `forgetting`."""
    yield Forgetting(resources)
