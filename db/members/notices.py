"""Notices: messages that the bot of a platform has to send in private to an account's owner."""

from datetime import datetime
from typing import Final, NamedTuple

import asyncpg

from ..errors import mapped_errors
from ..platforms import Platform

#: The kind of notice that says that a code was voided, because others could read it.
CODE_VOID: Final = "code_void"


class Notice(NamedTuple):
    """One message to send. `created_at` tells a notice from a later one of the same kind."""

    account_id: int
    kind: str
    created_at: datetime
    attempts: int


async def take(
    conn: asyncpg.Connection, platform: Platform, *, limit: int, lease_s: float
) -> list[Notice]:
    """Take up to `limit` notices, the oldest first, for `lease_s` seconds.

    A process that dies before it ends or puts off a notice leaves it to the next process.
    """
    with mapped_errors():
        rows = await conn.fetch(
            "SELECT * FROM twinstream.take_notices($1, $2, $3)", platform, limit, lease_s
        )
    return [Notice(*row) for row in rows]


async def end(conn: asyncpg.Connection, platform: Platform, notice: Notice) -> None:
    """Delete a notice that was sent or cannot be sent. A later notice of its kind stays."""
    with mapped_errors():
        await conn.execute(
            "SELECT twinstream.end_notice($1, $2, $3, $4)",
            platform,
            notice.account_id,
            notice.kind,
            notice.created_at,
        )


async def put_off(
    conn: asyncpg.Connection, platform: Platform, notice: Notice, *, delay_s: float
) -> None:
    """Let `take` return a notice again, `delay_s` seconds from now at the earliest."""
    with mapped_errors():
        await conn.execute(
            "SELECT twinstream.put_off_notice($1, $2, $3, $4, $5)",
            platform,
            notice.account_id,
            notice.kind,
            notice.created_at,
            delay_s,
        )


async def drop_old(conn: asyncpg.Connection, platform: Platform, *, older_than_s: float) -> int:
    """Delete notices that could not be sent for `older_than_s` seconds. Returns how many."""
    with mapped_errors():
        count: int = await conn.fetchval(
            "SELECT twinstream.drop_old_notices($1, $2)", platform, older_than_s
        )
    return count
