"""Notices: messages that the bot of a platform has to send in private to an account's owner."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

import asyncpg

from ..errors import mapped_errors
from ..platforms import Platform

#: The kind of notice that says that a code was voided, because others could read it.
CODE_VOID: Final = "code_void"
#: The kinds that tell of an act: a link, its end, its undoing, and a move, which tells the new
#: account, the old one, and the one on the other platform.
LINKED: Final = "linked"
UNLINKED: Final = "unlinked"
LINK_UNDONE: Final = "link_undone"
MOVED_HERE: Final = "moved_here"
MOVED_AWAY: Final = "moved_away"
PARTNER_MOVED: Final = "partner_moved"


class Notice(NamedTuple):
    """One message to send. `created_at` tells a notice from a later one of its kind and subject."""

    account_id: int
    kind: str
    subject: str
    """The number of the act that it tells of, or empty."""
    created_at: datetime
    attempts: int
    details: Mapping[str, Any]
    """The other account (`platform`, `account_id`), the actor (`by`) and the `reason`, if any."""
    name: str | None
    """The name of the other account, if one is known."""


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
    return [_notice(row) for row in rows]


async def take_refused(
    conn: asyncpg.Connection, platform: Platform, account_id: int, *, limit: int, lease_s: float
) -> list[Notice]:
    """Take the notices that could not be sent to an account, to show them beside an answer."""
    with mapped_errors():
        rows = await conn.fetch(
            "SELECT * FROM twinstream.take_notices($1, $2, $3, $4)",
            platform,
            limit,
            lease_s,
            account_id,
        )
    return [_notice(row) for row in rows]


def _notice(row: asyncpg.Record) -> Notice:
    notice = Notice(*row)
    return notice._replace(details=json.loads(row["details"]))


async def end(conn: asyncpg.Connection, platform: Platform, notice: Notice) -> None:
    """Delete a notice that was told. A later notice of its kind and subject stays."""
    with mapped_errors():
        await conn.execute(
            "SELECT twinstream.end_notice($1, $2, $3, $4, $5)",
            platform,
            notice.account_id,
            notice.kind,
            notice.created_at,
            notice.subject,
        )


async def end_of_link(conn: asyncpg.Connection, platform: Platform, account_id: int) -> None:
    """Delete the notice of a link, because its account has just seen the link in an answer."""
    with mapped_errors():
        await conn.execute("SELECT twinstream.end_notice_of_link($1, $2)", platform, account_id)


async def put_off(
    conn: asyncpg.Connection, platform: Platform, notice: Notice, *, delay_s: float | None
) -> None:
    """Let `take` return a notice again, `delay_s` seconds from now at the earliest.

    With None it is not sent any more: it waits for its owner's next command (`take_refused`).
    """
    with mapped_errors():
        await conn.execute(
            "SELECT twinstream.put_off_notice($1, $2, $3, $4, $5, $6)",
            platform,
            notice.account_id,
            notice.kind,
            notice.created_at,
            delay_s,
            notice.subject,
        )


async def drop_old(conn: asyncpg.Connection, platform: Platform, *, older_than_s: float) -> int:
    """Delete notices that nobody read for `older_than_s` seconds. Returns how many.

    Those that tell of an act stay for 30 days.
    """
    with mapped_errors():
        count: int = await conn.fetchval(
            "SELECT twinstream.drop_old_notices($1, $2)", platform, older_than_s
        )
    return count
