"""A bot's own table of members: what arrives there, what is owed, what is refused."""

import asyncio
import sys
from collections.abc import Sequence
from functools import partial
from types import ModuleType
from typing import Any

import asyncpg
import pytest

import schemas
from config.community import StoreSetting
from db import Producer, RuleBroken, StorageUnavailable, Store, StoreUnfit, open_stores
from db.ledger import events
from db.ledger.envelopes import Envelope
from db.members import accounts
from db.stores import store_debts
from db.stores.port import Change
from tests.support.linking import LinkOutcome, issue_code, redeem_code
from tests.support.recorded_events import balance, persistently, record, xp

USERS = """
    CREATE TABLE users (
        id bigint PRIMARY KEY, name text, xp integer NOT NULL DEFAULT 0, balance bigint
    )
"""
MIRA_TG, MIRA_DC = 1001, 2002


@pytest.fixture
async def users(pool: asyncpg.Pool) -> asyncpg.Pool:
    """A database in which a Telegram bot keeps its members."""
    await pool.execute(USERS)
    return pool


@pytest.fixture
async def store(users: asyncpg.Pool) -> Store:
    stores = await open_stores(users, {"telegram": StoreSetting(table="users")})
    return stores["telegram"]


async def settle(pool: asyncpg.Pool, store: Store | None, *envelopes: Envelope) -> frozenset[str]:
    """Let events from Discord arrive in Telegram."""
    async with pool.acquire() as conn, conn.transaction():
        return await events.settle(conn, "telegram", "discord", envelopes, store=store)


async def arrive(pool: asyncpg.Pool, store: Store | None, *envelopes: Envelope) -> None:
    await record(pool, *envelopes, source="discord")
    await settle(pool, store, *envelopes)


async def pay(pool: asyncpg.Pool, store: Store, *, after: int = 0, limit: int = 100) -> Any:
    async with pool.acquire() as conn, conn.transaction():
        return await store_debts.pay(conn, "telegram", store, after=after, limit=limit)


async def link(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as conn:
        code = await issue_code(conn, "telegram", MIRA_TG)
        assert await redeem_code(conn, "discord", MIRA_DC, code) is LinkOutcome.LINKED


async def link_fresh(pool: asyncpg.Pool) -> None:
    """Link Mira's accounts before anything happened to her."""
    async with pool.acquire() as conn:
        await accounts.ensure(conn, "telegram", [MIRA_TG])
    await link(pool)


async def row(pool: asyncpg.Pool, account_id: int = MIRA_TG) -> tuple[int, int | None] | None:
    found = await pool.fetchrow("SELECT xp, balance FROM users WHERE id = $1", account_id)
    return None if found is None else tuple(found)


async def owed(pool: asyncpg.Pool) -> list[tuple[int, int]]:
    rows = await pool.fetch("SELECT xp, balance FROM store_debts ORDER BY member_id")
    return [tuple(one) for one in rows]


def discord_xp(amount: int, entity_id: str = "d1") -> Envelope:
    return xp(amount, entity_id, user_id=MIRA_DC, source="discord")


async def test_an_event_that_arrives_is_added_to_the_table_once(users, store):
    await users.execute("INSERT INTO users (id, xp) VALUES ($1, 5)", MIRA_TG)
    await link_fresh(users)
    coins = balance(3, "c1", user_id=MIRA_DC, source="discord")

    await arrive(users, store, discord_xp(10), coins)
    again = await settle(users, store, discord_xp(10), coins)

    assert again == frozenset()
    assert await row(users) == (15, 3)
    assert await owed(users) == []


async def test_a_link_by_code_owes_the_table_what_its_row_lacks(users, store):
    await users.execute("INSERT INTO users (id, xp) VALUES ($1, 0)", MIRA_TG)
    await arrive(users, store, discord_xp(10))
    async with users.acquire() as conn:
        code = await issue_code(conn, "telegram", MIRA_TG)
        await redeem_code(conn, "discord", MIRA_DC, code, stores=["telegram"])

    assert await owed(users) == [(10, 0)]
    await pay(users, store)

    assert await row(users) == (10, 0)
    assert await owed(users) == []


async def test_an_event_that_is_rolled_back_changes_no_table(users, store):
    await users.execute("INSERT INTO users (id) VALUES ($1)", MIRA_TG)
    await link_fresh(users)
    await record(users, discord_xp(10), source="discord")

    async with users.acquire() as conn:
        transaction = conn.transaction()
        await transaction.start()
        await events.settle(conn, "telegram", "discord", [discord_xp(10)], store=store)
        await transaction.rollback()

    assert await row(users) == (0, None)


async def test_a_member_without_a_row_is_owed_and_paid_when_it_appears(users, store):
    await link_fresh(users)
    await arrive(users, store, discord_xp(10))
    await arrive(users, store, discord_xp(7, "d2"))
    assert await owed(users) == [(17, 0)]
    assert (await pay(users, store)).paid == 0

    await users.execute("INSERT INTO users (id, xp) VALUES ($1, 100)", MIRA_TG)
    payment = await pay(users, store)

    assert payment == store_debts.Payment(1, {}, None)
    assert await row(users) == (117, 0)
    assert await owed(users) == []
    assert (await pay(users, store)).paid == 0


async def test_the_next_event_brings_along_what_was_owed(users, store):
    await link_fresh(users)
    await arrive(users, store, discord_xp(10))
    await users.execute("INSERT INTO users (id) VALUES ($1)", MIRA_TG)

    await arrive(users, store, discord_xp(7, "d2"))

    assert await row(users) == (17, 0)
    assert await owed(users) == []


async def test_linking_later_brings_what_the_other_account_earned(users, store):
    await users.execute("INSERT INTO users (id, xp) VALUES ($1, 5)", MIRA_TG)
    await arrive(users, store, discord_xp(10))
    await record(users, xp(5, user_id=MIRA_TG))
    assert await owed(users) == [(10, 0)]

    await link(users)
    await pay(users, store)

    assert await row(users) == (15, 0)
    assert await owed(users) == []


async def test_debts_of_both_accounts_add_up_when_they_are_linked(users, store):
    async with users.acquire() as conn, conn.transaction():
        await accounts.ensure(conn, "telegram", [MIRA_TG])
        member_id = await conn.fetchval("SELECT id FROM members")
        await store_debts.owe(conn, "telegram", {member_id: store_debts.Amounts(1, 2)})
    await arrive(users, store, discord_xp(10))

    await link(users)

    assert await owed(users) == [(11, 2)]


async def test_paying_walks_through_many_in_rounds(users, store):
    async with users.acquire() as conn, conn.transaction():
        await accounts.ensure(conn, "telegram", range(1, 6))
        members = await conn.fetch("SELECT id FROM members")
        await store_debts.owe(
            conn, "telegram", {member_id: store_debts.Amounts(1, 0) for (member_id,) in members}
        )
    await users.execute("INSERT INTO users (id) VALUES (2), (4), (5)")

    first = await pay(users, store, limit=2)
    second = await pay(users, store, after=first.upto, limit=2)
    third = await pay(users, store, after=second.upto, limit=2)

    assert (first, second, third) == ((1, {}, 2), (1, {}, 4), (1, {}, None))
    assert await owed(users) == [(1, 0), (1, 0)]


async def test_two_payers_pay_once(users, store):
    await link_fresh(users)
    await arrive(users, store, discord_xp(10))
    await users.execute("INSERT INTO users (id) VALUES ($1)", MIRA_TG)

    paid = await asyncio.gather(*(pay(users, store) for _ in range(8)))

    assert sum(one.paid for one in paid) == 1
    assert await row(users) == (10, 0)


async def test_the_bots_own_changes_and_ours_all_count(users, store):
    """The bot adds to its row in transactions of its own while events arrive: nothing is lost."""
    await users.execute("INSERT INTO users (id) VALUES ($1)", MIRA_TG)
    await link_fresh(users)
    producer = Producer(users, schemas, NoBus())

    async def play(number: int) -> None:
        async with producer.transaction() as conn:
            await producer.create_xp_change_event(
                user_id=MIRA_TG,
                delta_xp=1,
                source="telegram",
                reason="game",
                entity_id=str(number),
                conn=conn,
            )
            await conn.execute("UPDATE users SET xp = xp + 1 WHERE id = $1", MIRA_TG)

    async def receive(number: int) -> None:
        envelope = discord_xp(100, f"d{number}")
        await record(users, envelope, source="discord")
        await settle(users, store, envelope)

    await asyncio.gather(
        *(persistently(partial(play, n)) for n in range(20)),
        *(persistently(partial(receive, n)) for n in range(20)),
    )
    await producer.close()

    assert await row(users) == (20 + 2000, 0)
    assert await books_xp(users) == 2020


class NoBus:
    """A bus that is away."""

    async def publish(self, source: str, payloads: Sequence[bytes]) -> Sequence[str]:
        raise ConnectionError("away")


async def books_xp(pool: asyncpg.Pool) -> int:
    return int(await pool.fetchval("SELECT sum(xp) FROM sync_state WHERE platform = 'telegram'"))


async def test_a_producer_with_the_store_changes_the_table_itself(users, store):
    await users.execute("INSERT INTO users (id) VALUES ($1)", MIRA_TG)
    producer = Producer(users, schemas, NoBus(), stores={"telegram": store})
    event: dict[str, Any] = {
        "user_id": MIRA_TG,
        "delta_xp": 15,
        "source": "telegram",
        "reason": "game",
    }

    await producer.create_xp_change_event(**event, entity_id="1")
    await producer.create_xp_change_event(**event, entity_id="1")
    await producer.close()

    assert await row(users) == (15, 0)


async def test_a_narrow_column_refuses_in_words_that_name_the_table(users, store):
    await users.execute("INSERT INTO users (id, xp) VALUES ($1, 2147483647)", MIRA_TG)
    await link_fresh(users)
    await record(users, discord_xp(10), source="discord")

    with pytest.raises(RuleBroken, match="the table users refuses the change: integer out of"):
        await settle(users, store, discord_xp(10))


async def test_a_constraint_of_the_bots_refuses_too(users, store):
    await users.execute("ALTER TABLE users ADD CONSTRAINT not_too_rich CHECK (xp < 100)")
    await users.execute("INSERT INTO users (id) VALUES ($1)", MIRA_TG)
    await link_fresh(users)
    await record(users, discord_xp(100), source="discord")

    with pytest.raises(RuleBroken, match="not_too_rich") as error:
        await settle(users, store, discord_xp(100))

    assert error.value.rule == "store_not_too_rich"


@pytest.mark.parametrize(
    ("ddl", "setting", "sentence"),
    [
        ("", {"table": "nobody"}, "there is no table nobody"),
        ("", {"table": "users; DROP TABLE users"}, "is no name"),
        ("", {"table": "users", "xp": "xp) --"}, "is no name"),
        ("", {"table": "users", "xp": "points"}, "users has no column points; it has balance, id"),
        ("", {"table": "users", "xp": "name"}, "users.name is text, but it must hold whole"),
        (
            "CREATE TABLE loose (id bigint, xp bigint, balance bigint)",
            {"table": "loose"},
            "ALTER TABLE loose ADD UNIQUE (id)",
        ),
        (
            "ALTER TABLE users ADD total bigint GENERATED ALWAYS AS (xp * 2) STORED",
            {"table": "users", "xp": "total"},
            'the table users cannot be used: column "total" can only be updated to DEFAULT',
        ),
        (
            "CREATE RULE keep AS ON UPDATE TO users DO INSTEAD NOTHING",
            {"table": "users"},
            "the table users cannot be used: cannot perform UPDATE RETURNING",
        ),
        ("", {"class_": "no_such_module:Store"}, "No module named"),
        ("", {"class_": "json:loads"}, "cannot be used (TypeError"),
        ("", {"class_": "fractions:Fraction"}, "no async method apply and no snapshot"),
    ],
)
async def test_a_store_that_cannot_work_is_refused_at_start(users, ddl, setting, sentence):
    if ddl:
        await users.execute(ddl)

    with pytest.raises(StoreUnfit) as error:
        await open_stores(users, {"telegram": StoreSetting(**setting)})

    assert sentence in str(error.value)
    assert str(error.value).startswith("stores.telegram: ")


async def test_what_a_trigger_refuses_for_now_ends_no_process_at_its_start(users):
    await users.execute(
        """
        CREATE FUNCTION frozen() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE EXCEPTION 'the season is over'; END
        $$;
        CREATE TRIGGER frozen BEFORE UPDATE ON users EXECUTE FUNCTION frozen();
        """
    )

    assert await open_stores(users, {"telegram": StoreSetting(table="users")})


async def test_a_missing_right_is_told_with_the_grant(users, postgres):
    role = "bystander"
    await users.execute(f"DROP ROLE IF EXISTS {role}; CREATE ROLE {role}")
    try:
        async with users.acquire() as conn:
            await conn.execute(f"SET ROLE {role}")
            with pytest.raises(StoreUnfit, match="GRANT SELECT, UPDATE ON users TO"):
                await open_stores(Only(conn), {"telegram": StoreSetting(table="users")})
            await conn.execute("RESET ROLE")
    finally:
        await users.execute(f"DROP ROLE {role}")


class Only:
    """A pool of one connection."""

    def __init__(self, conn: asyncpg.Connection) -> None:
        self._conn = conn

    def acquire(self) -> "Only":
        return self

    async def __aenter__(self) -> asyncpg.Connection:
        return self._conn

    async def __aexit__(self, *_: object) -> None:
        pass


async def test_names_with_spaces_and_upper_case_work_in_quotes(pool):
    await pool.execute(
        'CREATE SCHEMA bot; CREATE TABLE bot."My Users" ("userId" bigint UNIQUE, "XP" bigint,'
        " coins smallint)"
    )
    setting = StoreSetting(table='bot."My Users"', id='"userId"', xp='"XP"', balance="Coins")
    store = (await open_stores(pool, {"telegram": setting}))["telegram"]
    await pool.execute('INSERT INTO bot."My Users" VALUES (7, NULL, 2), (9, 1, 1)')

    async with pool.acquire() as conn:
        absent = await store.apply(conn, [Change(7, 5, 1), Change(8, 1, 1)])
        holdings = await store.snapshot(conn, 0, 10)
        among = await store.snapshot(conn, 0, 10, [8, 9])

    assert list(absent) == [8]
    assert [tuple(one) for one in holdings] == [(7, 5, 3), (9, 1, 1)]
    assert [tuple(one) for one in among] == [(9, 1, 1)]


async def test_a_class_of_another_program_serves_with_plain_tuples(pool, own_module):
    own_module.Ledger = Memory
    setting = StoreSetting(class_="somebodys_store:Ledger", options={"start": 5})
    store = (await open_stores(pool, {"telegram": setting}))["telegram"]
    await link_fresh(pool)

    await arrive(pool, store, discord_xp(10))

    assert isinstance(store, Memory)
    assert store.rows == {MIRA_TG: [15, 5]}


async def test_a_class_that_fails_holds_the_events_back_and_buries_none(pool, own_module):
    own_module.Ledger = Broken
    setting = StoreSetting(class_="somebodys_store:Ledger")
    store = (await open_stores(pool, {"telegram": setting}))["telegram"]
    await link_fresh(pool)
    await record(pool, discord_xp(10), source="discord")

    with pytest.raises(StorageUnavailable, match="the store of telegram failed: KeyError"):
        await settle(pool, store, discord_xp(10))


@pytest.fixture
def own_module(monkeypatch: pytest.MonkeyPatch) -> Any:
    module = ModuleType("somebodys_store")
    monkeypatch.setitem(sys.modules, "somebodys_store", module)
    return module


class Memory:
    """Books in memory, as another program might have them."""

    def __init__(self, start: int) -> None:
        self.rows = {MIRA_TG: [start, start]}

    async def apply(self, conn: object, changes: Sequence[tuple[int, int, int]]) -> list[int]:
        for account_id, delta_xp, delta_balance in changes:
            self.rows[account_id][0] += delta_xp
            self.rows[account_id][1] += delta_balance
        return []

    async def snapshot(
        self, conn: object, after: int, limit: int, among: Sequence[int] | None = None
    ) -> list[tuple[int, int, int]]:
        return [(i, xp, coins) for i, (xp, coins) in sorted(self.rows.items()) if i > after][:limit]


class Broken:
    """A class with a mistake in it."""

    async def apply(self, conn: object, changes: object) -> list[int]:
        raise KeyError("users")

    async def snapshot(self, conn: object, after: int, limit: int, among: object = None) -> list:
        return []


async def test_the_class_of_the_manual_does_what_the_manual_says(pool, own_module, checkout):
    [code] = [
        block.partition("```")[0]
        for block in (checkout / "docs/integrate.md").read_text().split("```python\n")
        if block.startswith("class JsonStore")
    ]
    exec(code, vars(own_module))
    await pool.execute("CREATE TABLE players (telegram_id bigint UNIQUE, stats jsonb)")
    await pool.execute("""INSERT INTO players VALUES ($1, '{"xp": 5, "coins": 1}')""", MIRA_TG)
    setting = StoreSetting(class_="somebodys_store:JsonStore", options={"table": "players"})
    store = (await open_stores(pool, {"telegram": setting}))["telegram"]
    await link_fresh(pool)

    await arrive(pool, store, discord_xp(10))

    async with pool.acquire() as conn:
        assert await store.snapshot(conn, 0, 10) == [(MIRA_TG, 15, 1)]
        assert await store.snapshot(conn, 0, 10, [7]) == []
        assert await store.apply(conn, [Change(7, 1, 1)]) == [7]
