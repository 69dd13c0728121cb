"""`python -m consumers reread`: brings back what a restored Postgres no longer knows.

Finished entries stay on the streams for `keep_finished_ms`. A Postgres that was restored from a
backup has lost the events that were settled since, and no other part of twinstream misses them:
Redis says that they are settled, and the ledger has never heard of them. So the groups read their
streams once more from the start. An event that the ledger has takes no effect again.
"""

from datetime import UTC, datetime
from typing import NamedTuple

import asyncpg

import schemas
from bus import SOURCES, Client, Keys, deliver_again, entries_after
from bus.entry import id_ms
from config.outside_text.terminal import Terminal
from consumers.runtime.stream_rebuild import Rebuild
from consumers.runtime.transactions import transaction
from db import Platform
from db.ledger import entries

#: Entries that one step looks at: a reply of less than 1 MB, if each has the size of an event.
PAGE_ENTRIES = 50


class Found(NamedTuple):
    """The entries of one stream, beside the ledger."""

    entries: int
    missing: int
    """Events that the ledger of the opposite platform does not have."""
    unreadable: int
    """Entries that carry no event. They are buried again."""
    oldest_id: str | None


async def reread(
    pool: asyncpg.Pool, redis: Client, keys: Keys, console: Terminal, *, dry_run: bool
) -> None:
    """Have both streams read once more from the start, and print what that brings back.

    The consumers may run meanwhile. A second call changes nothing more.

    Raises:
        BusError, StorageUnavailable: not now.
    """
    for source in SOURCES:
        subscription = keys.subscription(source)
        found = await look(pool, redis, keys, source)
        if not dry_run:
            # A lost stream is made as always: its events become pending before it is there.
            await Rebuild(pool, redis, keys)(source)
            await deliver_again(redis, subscription)
        console.print(_sentence(subscription.stream, found), soft_wrap=True)
    console.print(
        "Nothing was changed."
        if dry_run
        else "The roles `to-discord` and `to-telegram` settle them; see that they run."
    )


async def look(pool: asyncpg.Pool, redis: Client, keys: Keys, source: Platform) -> Found:
    """Compare the entries of one stream with the ledger. Changes nothing."""
    stream = keys.stream(source)
    seen = missing = unreadable = 0
    oldest: str | None = None
    last = "0-0"
    while page := await entries_after(redis, stream, last, limit=PAGE_ENTRIES):
        oldest = oldest or page[0][0]
        last = page[-1][0]
        seen += len(page)
        wanted = [_key(payload) for _, payload in page]
        asked = {key for key in wanted if key is not None}
        async with transaction(pool) as conn:
            known = await entries.lock_rows(conn, schemas.opposite(source), asked)
        missing += len(asked - known.keys())
        unreadable += wanted.count(None)
    return Found(seen, missing, unreadable, oldest)


def _key(payload: bytes | None) -> str | None:
    try:
        return schemas.decode(payload or b"").idempotency_key
    except schemas.SchemaError:
        return None


def _sentence(stream: str, found: Found) -> str:
    if found.oldest_id is None:
        return f"{stream}: no entries, so nothing of it can come back"
    since = datetime.fromtimestamp(id_ms(found.oldest_id) / 1_000, UTC)
    return (
        f"{stream}: {found.entries} entries since {since:%Y-%m-%d %H:%M:%S} UTC,"
        f" {found.missing} of them events that the ledger does not have,"
        f" {found.unreadable} without an event"
    )
