"""The entries of a forgotten person in Redis: which of them go, and which must stay."""

from collections.abc import Sequence

import asyncpg

import schemas
from bus import SOURCES, Client, Entry, Keys, removal
from consumers.runtime.transactions import transaction
from db import Platform
from db.members import forgetting
from db.members.forgetting import Account


async def forget_entries(
    pool: asyncpg.Pool, redis: Client, keys: Keys, account: Account, *, secret: str
) -> int:
    """Delete what streams have of a forgotten account. Returns how many entries went.

    Events that happened since stay: they are a new member's.
    """
    deleted = 0
    for stream in (*map(keys.stream, SOURCES), keys.dead):
        async for page in removal.entries_with(redis, stream, [removal.number(account.account_id)]):
            old = await _old(pool, page, account, secret=secret)
            deleted += await removal.delete(redis, stream, [entry.id for entry in old])
    return deleted


async def forget_pages(redis: Client, keys: Keys, account: Account, *, all_of_them: bool) -> bool:
    """Delete the pages of reconcile that have the account and were compared.

    With `all_of_them` also those that were not, and their pass stops. Returns whether none is left.
    """
    wanted = [removal.number(account.account_id)]
    is_clean = True
    async for page in removal.entries_with(redis, keys.snapshots.stream, wanted):
        ids = [entry.id for entry in page]
        done = ids if all_of_them else await removal.finished(redis, keys.snapshots, ids)
        await removal.delete(redis, keys.snapshots.stream, done)
        is_clean = is_clean and len(done) == len(ids)
    return is_clean


async def _old(
    pool: asyncpg.Pool, page: Sequence[Entry], account: Account, *, secret: str
) -> list[Entry]:
    """Return the entries that are not events of today: those that count no more, or never did."""
    events: dict[Platform, list[Entry]] = {source: [] for source in SOURCES}
    old = []
    for entry in page:
        try:
            event = schemas.decode(entry.payload or b"")
        except schemas.SchemaError:
            old.append(entry)  # it was buried, or will be: no process can read it
            continue
        if (event.source, event.user_id) == account:
            events[event.source].append(entry)
    for entries in events.values():
        if entries:
            async with transaction(pool) as conn:
                places = await forgetting.find_forgotten(
                    conn, [entry.payload or b"" for entry in entries], secret=secret
                )
            old += [entries[place] for place in places]
    return old
