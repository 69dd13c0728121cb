"""The audit: quiet about everything that is as it should be, and loud about everything that is not.

Each way to be wrong is made by hand, and turns the check red that is there for it.
"""

import asyncio
import random
from collections.abc import Sequence
from functools import partial

import asyncpg
import pytest

from config.community import StoreSetting
from db import Change, Holding, StoreUnfit, open_stores
from db.ledger.dead_letters import find_dead
from db.ledger.envelopes import Envelope
from db.ledger.events import fail
from db.ledger.ranks import RankRow, set_ranks
from db.platforms import Platform
from db.stores.port import Store
from db.upkeep.audit import PAGE_ROWS, Audit, audit
from tests.support.linking import LinkOutcome, issue_code, redeem_code
from tests.support.recorded_events import (
    achievement,
    balance,
    key_of,
    persistently,
    record,
    settle,
    xp,
)
from tests.support.tampering import tamper

MIRA, LEO, ANNA = 1001, 1002, 2003
#: Settled long ago, on its way, and buried.
SETTLED, WAITING, BURIED = xp(15, "1"), xp(7, "2"), xp(9, "3")
UNLOCKED = achievement("first_win", user_id=LEO)


async def look(pool: asyncpg.Pool, stores: dict[Platform, Store] | None = None, **more) -> Audit:
    async with pool.acquire() as conn:
        return await audit(conn, stores or {}, **more)


def red(found: Audit) -> dict[str, int]:
    return {check.name: check.different for check in found.checks if check.different}


@pytest.fixture
async def history(pool: asyncpg.Pool) -> asyncpg.Pool:
    """Members on either platform and on both, with events in every state."""
    await set_ranks(pool, [RankRow("Newcomer", 10), RankRow("Regular", 20)])
    there = [SETTLED, UNLOCKED, balance(30, "4"), balance(-10, "5")]
    await record(pool, *there, WAITING, BURIED)
    await settle(pool, *there)
    back = xp(11, "6", user_id=ANNA, source="discord")
    await record(pool, back, source="discord")
    await settle(pool, back, source="discord")
    async with pool.acquire() as conn:
        await fail(
            conn,
            idempotency_key=key_of(BURIED),
            source="telegram",
            type="xp.changed",
            payload=BURIED.payload,
            error_message="somebody said so",
        )
        code = await issue_code(conn, "telegram", MIRA)
        assert await redeem_code(conn, "discord", ANNA, code) is LinkOutcome.LINKED
    return pool


async def test_events_that_are_settled_on_their_way_or_buried_add_up(history: asyncpg.Pool):
    found = await look(history)

    assert red(found) == {}
    assert found.differences == 0
    assert (found.on_their_way, found.buried) == (1, 1)
    looked_at = {check.name: check.looked_at for check in found.checks}
    assert looked_at == {
        "accounts": 3,
        "books": 4,
        "ranks": 4,
        "achievements": 2,
        "totals": 2,
        "events": 7,
    }


@pytest.mark.parametrize(
    ("harm", "checks"),
    [
        ("UPDATE sync_state SET xp = xp + 1 WHERE platform = 'discord'", {"books"}),
        # The rank is judged by the ledger's XP, which is right.
        pytest.param(
            "UPDATE sync_state SET xp = 1000000 WHERE platform = 'discord'",
            {"books"},
            marks=pytest.mark.nightly,
        ),
        (
            "UPDATE sync_state SET xp = 0, rank = 0 WHERE platform = 'discord' AND rank = 2",
            {"books", "ranks"},
        ),
        pytest.param(
            "UPDATE sync_state SET balance = balance - 1", {"books"}, marks=pytest.mark.nightly
        ),
        ("DELETE FROM sync_state", {"books"}),
        ("UPDATE sync_state SET rank = rank + 1", {"ranks"}),
        pytest.param(
            "INSERT INTO ranks (rank, name, xp) VALUES (3, 'Legend', 30)",
            {"ranks"},
            marks=pytest.mark.nightly,
        ),
        ("DELETE FROM achievements WHERE platform = 'discord'", {"achievements"}),
        (
            """
            INSERT INTO achievements (member_id, platform, achievement, unlocked_at)
            SELECT min(id), 'discord', 'made_up', now() FROM members
            """,
            {"achievements"},
        ),
        ("UPDATE members SET xp = xp + 1", {"totals"}),
        pytest.param(
            "UPDATE members SET balance = balance + 1", {"totals"}, marks=pytest.mark.nightly
        ),
        (
            "DELETE FROM transactions WHERE source <> platform AND delta_xp = 15",
            {"books", "ranks", "events"},
        ),
        (
            "DELETE FROM transactions WHERE source = platform AND delta_xp = 15",
            {"books", "totals", "events"},
        ),
        pytest.param(
            "DELETE FROM transactions WHERE delta_xp = 7",
            {"books", "totals", "events"},
            marks=pytest.mark.nightly,
        ),
        (
            "UPDATE transactions SET delta_xp = 16 WHERE source <> platform AND delta_xp = 15",
            {"books", "events"},
        ),
        pytest.param(
            """
            UPDATE transactions SET achievement = 'another'
            WHERE source <> platform AND achievement IS NOT NULL
            """,
            {"achievements", "events"},
            marks=pytest.mark.nightly,
        ),
        ("DELETE FROM sync_events WHERE status = 'pending'", {"events"}),
        pytest.param(
            "DELETE FROM sync_events WHERE status = 'failed'", {"events"}, marks=pytest.mark.nightly
        ),
        (
            """
            UPDATE sync_events SET status = 'completed', processed_by = 'discord',
                processed_at = now(), published_at = now() WHERE status = 'pending'
            """,
            {"events"},
        ),
        pytest.param(
            """
            UPDATE sync_events SET status = 'pending', published_at = NULL, processed_by = NULL,
                processed_at = NULL, payload = '{}' WHERE status = 'completed'
            """,
            {"events"},
            marks=pytest.mark.nightly,
        ),
        ("UPDATE sync_events SET account_id = 9", {"events"}),
        ("UPDATE sync_state SET discord_xp = discord_xp + 1", {"books"}),
        pytest.param(
            "UPDATE sync_state SET discord_balance = discord_balance - 1",
            {"books"},
            marks=pytest.mark.nightly,
        ),
        pytest.param(
            "UPDATE transactions SET source = 'discord', account_id = 2003 WHERE delta_xp = 15",
            {"books", "events"},
            marks=pytest.mark.nightly,
        ),
        (
            "DELETE FROM accounts WHERE platform = 'discord'",
            {"accounts", "books", "ranks", "totals"},
        ),
        pytest.param(
            "UPDATE transactions SET account_id = 9 WHERE delta_xp = 7",
            {"accounts", "books", "totals", "events"},
            marks=pytest.mark.nightly,
        ),
    ],
)
async def test_every_way_to_be_wrong_is_seen(history: asyncpg.Pool, harm: str, checks: set[str]):
    await tamper(history, harm)

    found = await look(history)

    assert set(red(found)) == checks


async def test_the_books_keep_the_part_that_the_discord_account_earned(history: asyncpg.Pool):
    await record(history, xp(4, "7", user_id=ANNA, source="discord"), source="discord")

    assert red(await look(history)) == {}
    assert await history.fetch(
        "SELECT xp, discord_xp FROM sync_state WHERE platform = 'discord' AND discord_xp > 0"
    ) == [(30, 15)]


async def test_a_tampered_part_of_the_discord_account_is_named(history: asyncpg.Pool):
    await history.execute(
        "UPDATE sync_state SET discord_xp = 12 WHERE platform = 'telegram' AND discord_xp = 11"
    )

    found = await look(history)

    [books] = [check for check in found.checks if check.name == "books"]
    [one] = books.examples
    assert (one.seen, one.expected) == (
        "42 XP, 20 balance, of which Discord 12 and 0",
        "42 XP, 20 balance, of which Discord 11 and 0",
    )


async def test_an_account_with_entries_and_no_member_is_named(history: asyncpg.Pool):
    await history.execute("DELETE FROM accounts WHERE platform = 'discord'")

    found = await look(history)

    [accounts] = [check for check in found.checks if check.name == "accounts"]
    assert [tuple(one) for one in accounts.examples] == [
        (f"account {ANNA} of discord", "no member", "a member")
    ]


async def test_a_completed_event_that_was_cleaned_away_is_no_difference(history: asyncpg.Pool):
    await history.execute("DELETE FROM sync_events WHERE status = 'completed'")

    assert red(await look(history)) == {}


async def test_a_buried_entry_that_was_never_recorded_is_no_mismatch(history: asyncpg.Pool):
    async with history.acquire() as conn:
        await fail(
            conn,
            idempotency_key="entry:sync:telegram:1-1",
            source="telegram",
            type="unknown",
            payload=b"junk",
            error_message="no event",
        )
        assert len(await find_dead(conn, limit=10)) == 2

    assert red(await look(history)) == {}


async def test_all_differences_are_counted_and_few_are_told(pool: asyncpg.Pool):
    await record(pool, *(xp(1, str(number), user_id=number) for number in range(1, 51)))
    await pool.execute("UPDATE sync_state SET xp = 3")

    found = await look(pool, examples_max=5)

    [books] = [check for check in found.checks if check.name == "books"]
    assert (books.different, len(books.examples)) == (50, 5)
    assert found.differences == 50
    assert {(one.seen, one.expected) for one in books.examples} == {
        ("3 XP, 0 balance", "1 XP, 0 balance")
    }


async def test_nothing_looks_wrong_while_everything_moves(pool: asyncpg.Pool):
    """Every event is a transaction, so no moment shows half of one."""
    chance = random.Random(6)
    done = asyncio.Event()

    async def play() -> None:
        number = 0
        while not done.is_set():
            number += 1
            envelopes = [
                xp(1, f"{number}.{one}", user_id=chance.randrange(1, 30)) for one in range(5)
            ]
            await persistently(partial(record, pool, *envelopes))
            if chance.random() < 0.8:
                await persistently(partial(settle, pool, *envelopes))

    playing = asyncio.create_task(play())
    try:
        async with asyncio.timeout(60):
            while await pool.fetchval("SELECT count(*) FROM transactions") < 300:
                assert red(await look(pool)) == {}
    finally:
        done.set()
        await playing


@pytest.fixture
async def stores(history: asyncpg.Pool) -> dict[Platform, Store]:
    """Telegram's members live in a table: Mira has a row, what Leo is owed waits for his."""
    await history.execute("CREATE TABLE users (id bigint PRIMARY KEY, xp bigint, balance bigint)")
    await history.execute(
        """
        INSERT INTO users SELECT account_id, xp, balance
        FROM accounts JOIN sync_state USING (member_id, platform)
        WHERE platform = 'telegram' AND account_id = $1
        """,
        MIRA,
    )
    await history.execute("INSERT INTO users VALUES (9, 0, 0)")
    return await open_stores(history, {"telegram": StoreSetting(table="users")})


async def test_a_table_of_members_adds_up_to_the_ledger_less_what_is_owed(
    history: asyncpg.Pool, stores: dict[Platform, Store]
):
    assert red(await look(history, stores)) == {}

    await history.execute("UPDATE users SET xp = xp - 5 WHERE id = $1", MIRA)
    await history.execute(
        """
        INSERT INTO store_debts (member_id, platform, xp)
        SELECT member_id, 'telegram', 5 FROM accounts WHERE account_id = $1
        """,
        MIRA,
    )
    assert red(await look(history, stores)) == {}


@pytest.mark.parametrize(
    ("harm", "seen"),
    [
        ("UPDATE users SET xp = xp + 1 WHERE id = 1001", "43 XP, 20 balance"),
        pytest.param(
            "UPDATE users SET balance = 0 WHERE id = 1001",
            "42 XP, 0 balance",
            marks=pytest.mark.nightly,
        ),
        ("DELETE FROM users WHERE id = 1001", "no row"),
        ("UPDATE users SET xp = 4 WHERE id = 9", "4 XP, 0 balance"),
        pytest.param(
            "INSERT INTO users VALUES (1, 1, 1)", "1 XP, 1 balance", marks=pytest.mark.nightly
        ),
        pytest.param(
            "INSERT INTO users VALUES (99999, 1, 1)", "1 XP, 1 balance", marks=pytest.mark.nightly
        ),
    ],
)
async def test_every_wrong_row_of_a_table_is_seen(
    history: asyncpg.Pool, stores: dict[Platform, Store], harm: str, seen: str
):
    await history.execute(harm)

    found = await look(history, stores)

    assert red(found) == {"store of telegram": 1}
    [one] = found.checks[-1].examples
    assert one.seen == seen


class Overtaken:
    """A table that something arrives in just before it is read."""

    def __init__(self, store: Store, arrive) -> None:
        self.apply = store.apply
        self._store = store
        self._arrive = arrive

    async def snapshot(self, conn, after, limit, among=None):
        await self._arrive()
        return await self._store.snapshot(conn, after, limit, among)


async def test_table_and_ledger_are_read_in_one_view(
    history: asyncpg.Pool, stores: dict[Platform, Store]
):
    async def arrive() -> None:
        await history.execute("UPDATE users SET xp = xp + 1 WHERE id = $1", MIRA)

    stores["telegram"] = Overtaken(stores["telegram"], arrive)

    assert red(await look(history, stores)) == {}


async def test_accounts_that_only_discords_own_table_knows_are_its_own_business(
    history: asyncpg.Pool,
):
    await history.execute("CREATE TABLE players (id bigint PRIMARY KEY, xp int, balance int)")
    await history.execute(
        """
        INSERT INTO players SELECT account_id, xp, balance
        FROM accounts JOIN sync_state USING (member_id, platform) WHERE platform = 'discord'
        """
    )
    await history.execute("INSERT INTO players VALUES (5, 1, 1)")
    stores = await open_stores(history, {"discord": StoreSetting(table="players")})

    assert red(await look(history, stores)) == {}


async def test_a_table_of_more_than_one_page_is_looked_at_whole(pool: asyncpg.Pool):
    await pool.execute("CREATE TABLE users (id bigint PRIMARY KEY, xp bigint, balance bigint)")
    await pool.execute(
        "INSERT INTO users SELECT g, 0, 0 FROM generate_series(1, $1) g", PAGE_ROWS * 2
    )
    await pool.execute("UPDATE users SET xp = 1 WHERE id = $1", PAGE_ROWS * 2)
    stores = await open_stores(pool, {"telegram": StoreSetting(table="users")})

    found = await look(pool, stores)

    assert found.checks[-1].looked_at == PAGE_ROWS * 2
    assert red(found) == {"store of telegram": 1}


class Unordered:
    """Another program's class that takes `after` for a hint."""

    async def apply(self, conn: asyncpg.Connection, changes: Sequence[Change]) -> list[int]:
        return []

    async def snapshot(self, conn, after, limit, among=None) -> list[Holding]:
        return [Holding(3, 0, 0), Holding(2, 0, 0)]


async def test_a_store_that_returns_rows_in_no_order_is_refused(pool: asyncpg.Pool):
    with pytest.raises(StoreUnfit, match="in account order"):
        await look(pool, {"telegram": Unordered()})


async def test_the_audit_changes_nothing_and_locks_nothing(history: asyncpg.Pool):
    """A write in the middle of it commits, and is not part of what it sees."""
    names: list[str] = []
    writes: list[asyncio.Task] = []
    envelope: Envelope = xp(1, "77")

    def tell(name: str) -> None:
        names.append(name)
        if name == "ranks":
            writes.append(asyncio.create_task(record(history, envelope)))

    found = await look(history, tell=tell)
    await asyncio.gather(*writes)

    assert names == ["accounts", "books", "ranks", "achievements", "totals", "events"]
    assert red(found) == {}
    assert found.on_their_way == 1
