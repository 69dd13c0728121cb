"""What the bots ask the record about the members of one platform."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import NamedTuple

import asyncpg

import db
from db import Announcement, LinkOutcome, Platform, Profile, Standing
from db.errors import mapped_errors
from db.members import notices
from db.members.history import History, history
from db.members.linking import void_codes
from db.members.notices import Notice
from db.surfaces import announcements
from db.surfaces.returns import Shown, put_back, seen_again, show_again, shown_before
from schemas import Source

TOP_LINES = 10
CHANGES_SHOWN_MAX = 12
CONNECTION_WAIT_S = 5.0
#: What is older is not announced any more.
NEWS_S_MAX = 600.0
#: What an owner could not be told for so long is not told any more.
NOTICE_S_MAX = 24 * 3_600.0
#: How long a notice is in one process's hands. It outlives a killed process by as much.
NOTICE_LEASE_S = 300.0


class Redeemed(NamedTuple):
    """What became of a code, and by which name the other account goes if that is linked now."""

    outcome: LinkOutcome
    other_name: str | None


class Members:
    """The members as one platform knows them. Every method may raise `db.StorageUnavailable`."""

    def __init__(self, pool: asyncpg.Pool, platform: Source) -> None:
        self._pool = pool
        self._platform = platform

    async def profile(self, account_id: int, name: str) -> Profile | None:
        """Return the profile of a member who goes by `name` now; None if there is nothing yet."""
        async with self._connection() as conn:
            await db.see(conn, self._platform, account_id, name)
            return await db.profile(conn, self._platform, account_id)

    async def history(self, account_id: int) -> History | None:
        """Return what changed last for a member, at most CHANGES_SHOWN_MAX; None if nothing did."""
        async with self._connection() as conn:
            return await history(conn, self._platform, account_id, limit=CHANGES_SHOWN_MAX)

    async def top(self) -> list[Standing]:
        """Return the members with the most XP, at most TOP_LINES of them."""
        async with self._connection() as conn:
            return await db.top(conn, self._platform, limit=TOP_LINES)

    async def issue_code(self, account_id: int, name: str) -> str:
        """Make a one-time code that links this account; an earlier code of theirs is void now."""
        async with self._connection() as conn:
            code = await db.issue_code(conn, self._platform, account_id)
            await db.see(conn, self._platform, account_id, name)
            return code

    async def redeem_code(self, account_id: int, name: str, code: str) -> Redeemed:
        """Link this account with the one that asked for `code` on the other platform."""
        async with self._connection() as conn:
            outcome = await db.redeem_code(conn, self._platform, account_id, code)
            await db.see(conn, self._platform, account_id, name)
            if outcome is not LinkOutcome.LINKED:
                return Redeemed(outcome, None)
            return Redeemed(outcome, await db.name_elsewhere(conn, self._platform, account_id))

    async def void_codes(self, codes: Sequence[str]) -> list[Platform]:
        """Make void what of these is a live code; returns on which platforms they were issued."""
        async with self._connection() as conn:
            return await void_codes(conn, codes)

    async def take_notices(self, limit: int) -> list[Notice]:
        """Take what owners of accounts are to be told; it is given to nobody else meanwhile."""
        async with self._connection() as conn:
            await notices.drop_old(conn, self._platform, older_than_s=NOTICE_S_MAX)
            return await notices.take(conn, self._platform, limit=limit, lease_s=NOTICE_LEASE_S)

    async def end_notice(self, notice: Notice) -> None:
        """Forget a notice: it was told, or cannot be."""
        async with self._connection() as conn:
            await notices.end(conn, self._platform, notice)

    async def put_notice_off(self, notice: Notice, delay_s: float) -> None:
        """Have a notice taken again later: it was not told."""
        async with self._connection() as conn:
            await notices.put_off(conn, self._platform, notice, delay_s=delay_s)

    async def show_again(self, account_id: int) -> None:
        """Have a member's rank shown anew: they left and came back, so it is not shown any more."""
        async with self._connection() as conn:
            await show_again(conn, self._platform, account_id)

    async def seen_again(self, account_id: int) -> None:
        """Have a member's rank shown who was thought not to be there, and was heard of."""
        async with self._connection() as conn:
            await seen_again(conn, self._platform, account_id)

    async def shown(self, account_id: int, moment: datetime) -> Shown:
        """Return what somebody who looked at `moment` should have seen of a member."""
        async with self._connection() as conn:
            return await shown_before(conn, self._platform, account_id, moment)

    async def put_back(self, account_id: int) -> None:
        """Have a member's rank and achievements shown anew: people changed them by hand."""
        async with self._connection() as conn:
            await put_back(conn, self._platform, account_id)

    async def take_announcements(self, limit: int) -> list[Announcement]:
        """Take what is new and still news; it is not given to anybody again."""
        async with self._connection() as conn:
            await announcements.drop_old(conn, self._platform, older_than_s=NEWS_S_MAX)
            return await announcements.take(conn, self._platform, limit=limit)

    async def give_announcements_back(self, taken: Sequence[Announcement]) -> None:
        """Have announcements taken again: they were not sent."""
        async with self._connection() as conn:
            await announcements.give_back(conn, self._platform, taken)

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncpg.Connection]:
        with mapped_errors():
            async with self._pool.acquire(timeout=CONNECTION_WAIT_S) as conn:
                yield conn
