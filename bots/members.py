"""What the bots ask the record about the members of one platform."""

import contextlib
from collections.abc import AsyncIterator
from datetime import datetime

import asyncpg

import db
from db import LinkOutcome, Profile, Standing
from db.errors import mapped_errors
from db.surfaces import Shown, put_back, show_again, shown_before
from schemas import Source

TOP_LINES = 10
CONNECTION_WAIT_S = 5.0


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

    async def redeem_code(self, account_id: int, name: str, code: str) -> LinkOutcome:
        """Link this account with the one that asked for `code` on the other platform."""
        async with self._connection() as conn:
            outcome = await db.redeem_code(conn, self._platform, account_id, code)
            await db.see(conn, self._platform, account_id, name)
            return outcome

    async def show_again(self, account_id: int) -> None:
        """Have a member's rank shown anew: they left and came back, so it is not shown any more."""
        async with self._connection() as conn:
            await show_again(conn, self._platform, account_id)

    async def shown(self, account_id: int, moment: datetime) -> Shown:
        """Return what somebody who looked at `moment` should have seen of a member."""
        async with self._connection() as conn:
            return await shown_before(conn, self._platform, account_id, moment)

    async def put_back(self, account_id: int) -> None:
        """Have a member's rank and achievements shown anew: people changed them by hand."""
        async with self._connection() as conn:
            await put_back(conn, self._platform, account_id)

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncpg.Connection]:
        with mapped_errors():
            async with self._pool.acquire(timeout=CONNECTION_WAIT_S) as conn:
                yield conn
