"""A bot's own table that refuses one row, or all of them: which events wait or are buried."""

import contextlib
import dataclasses
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from types import ModuleType
from typing import Any

import asyncpg
import msgspec
import pytest

import schemas
from bots.features.guessing.game import GameService
from bus import Publisher
from config import AchievementSetting, Community, Settings
from config.community import StoreSetting
from consumers.operate import dead_letters, doctor
from consumers.reconcile.store_debt_payments import DebtPayer
from consumers.runtime.resources import Resources
from consumers.settling import bonuses
from consumers.settling.role import open_role
from db import (
    Platform,
    Producer,
    RowRefused,
    RuleBroken,
    StorageUnavailable,
    StoreClosed,
    open_stores,
)
from db.stores import row_reading, row_refusals, store_debts
from db.stores.port import Change
from db.stores.savepoint import savepoint
from db.upkeep.audit import audit
from tests.support.processes import environment, start
from tests.support.reconcile import a_pass, opened, whys
from tests.support.settling import Desk, xp_payload
from tests.support.variants import variants

#: The member whose row is refused, and others whose rows are not, by their accounts on Telegram.
MIRA, NOA, OTHERS = 1001, 1002, range(1003, 1006)
IN_DISCORD = 1000

TRIGGER = """
    CREATE FUNCTION judge() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {} RETURN NEW; END $$;
    CREATE TRIGGER judge BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION judge();
"""

#: The rules that refuse Mira's row only, with Postgres's message.
ONE_ROW = {
    "a trigger": (
        TRIGGER.format("IF NEW.id = 1001 THEN RAISE EXCEPTION 'Mira is banned'; END IF;"),
        "Mira is banned",
    ),
    "row-level security": (
        (
            "ALTER TABLE users ENABLE ROW LEVEL SECURITY;"
            " CREATE POLICY readable ON users FOR SELECT USING (true);"
            " CREATE POLICY mine ON users FOR UPDATE USING (true) WITH CHECK (id <> 1001);"
        ),
        "violates row-level security policy",
    ),
    "a number too large": ("UPDATE users SET xp = 2147483647 WHERE id = 1001", "out of range"),
    "a constraint": (
        "ALTER TABLE users ADD CONSTRAINT not_mira CHECK (id <> 1001 OR xp < 3)",
        "not_mira",
    ),
    "a trigger that waits for the commit": (
        (
            TRIGGER.partition("CREATE TRIGGER")[0].format(
                "IF NEW.id = 1001 THEN RAISE EXCEPTION 'Mira is banned'; END IF;"
            )
            + "CREATE CONSTRAINT TRIGGER judge AFTER UPDATE ON users DEFERRABLE INITIALLY DEFERRED"
            " FOR EACH ROW EXECUTE FUNCTION judge()"
        ),
        "Mira is banned",
    ),
    "a domain": (
        (
            "CREATE DOMAIN points AS integer CONSTRAINT few CHECK (VALUE < 1000);"
            " ALTER TABLE users ALTER xp TYPE points; UPDATE users SET xp = 999 WHERE id = 1001"
        ),
        "few",
    ),
}

#: The statements that make the table refuse every row, with the statements that undo them.
EVERY_ROW = {
    "a right taken away": ("REVOKE UPDATE ON users FROM tenant", "GRANT UPDATE ON users TO tenant"),
    "a missing column": (
        "ALTER TABLE users RENAME balance TO coins",
        "ALTER TABLE users RENAME coins TO balance",
    ),
    "no table": ("ALTER TABLE users RENAME TO gone", "ALTER TABLE gone RENAME TO users"),
    "a trigger against every change": (
        TRIGGER.format("RAISE EXCEPTION 'the table is frozen';"),
        "DROP TRIGGER judge ON users",
    ),
    "a season that is over": (
        TRIGGER.format("IF NEW.xp <> OLD.xp THEN RAISE EXCEPTION 'the season is over'; END IF;"),
        "DROP TRIGGER judge ON users",
    ),
    "a constraint that no row fulfils": (
        "ALTER TABLE users ADD CONSTRAINT closed CHECK (xp < 0) NOT VALID",
        "ALTER TABLE users DROP CONSTRAINT closed",
    ),
}

#: A producer leaves deferred checks to the commit, because the transaction may be the bot's.
AT_ONCE = {name: one for name, one in ONE_ROW.items() if "commit" not in name}

one_row = pytest.mark.parametrize(("ddl", "words"), ONE_ROW.values(), ids=ONE_ROW)
every_row = pytest.mark.parametrize(("ddl", "mend"), EVERY_ROW.values(), ids=EVERY_ROW)
#: For what is done about a refusal, once each kind is recognised.
some_one_row = pytest.mark.parametrize(
    ("ddl", "words"),
    variants(ONE_ROW.items(), every_day=("a trigger that waits for the commit",)),
)
some_every_row = pytest.mark.parametrize(
    ("ddl", "mend"),
    variants(EVERY_ROW.items(), every_day=("a season that is over",)),
)


#: Milliseconds that an attempt waits for a lock here, at most: what holds one keeps it throughout.
LOCK_WAIT_MS = 200


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the two seconds of each first attempt that waits in vain."""

    def briefly(
        conn: asyncpg.Connection, lock_wait_ms: int, *, keep: bool = True
    ) -> AbstractAsyncContextManager[None]:
        return savepoint(conn, min(lock_wait_ms, LOCK_WAIT_MS), keep=keep)

    for module in (row_reading, row_refusals):
        monkeypatch.setattr(module, "savepoint", briefly)


@pytest.fixture
def side() -> Platform:
    return "telegram"


@pytest.fixture
async def settings(settings: Settings, pool: asyncpg.Pool) -> Settings:
    """The consumers' user owns nothing, so that rights and policies hold for it."""
    await pool.execute(
        """
        DO $$ BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tenant') THEN
                CREATE ROLE tenant;
            END IF;
        END $$;
        CREATE TABLE users (
            id bigint PRIMARY KEY, xp integer NOT NULL DEFAULT 0, balance bigint DEFAULT 0
        );
        GRANT USAGE ON SCHEMA twinstream TO tenant;
        GRANT ALL ON ALL TABLES IN SCHEMA public, twinstream TO tenant;
        GRANT ALL ON ALL SEQUENCES IN SCHEMA public, twinstream TO tenant;
        GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA twinstream TO tenant;
        """
    )
    return msgspec.structs.replace(settings, database_url=f"{settings.database_url}?role=tenant")


@pytest.fixture
async def resources(resources: Resources, pool: asyncpg.Pool, side: Platform) -> Resources:
    """A bot keeps its members in a table `users`; five of them are linked and have a row."""
    for account_id in (MIRA, NOA, *OTHERS):
        ids = {"telegram": account_id, "discord": account_id + IN_DISCORD}
        member_id = await pool.fetchval("INSERT INTO members DEFAULT VALUES RETURNING id")
        await pool.executemany(
            "INSERT INTO accounts (platform, account_id, member_id) VALUES ($1, $2, $3)",
            [(platform, one, member_id) for platform, one in ids.items()],
        )
        await pool.execute("INSERT INTO users (id) VALUES ($1)", account_id)
    if side == "discord":
        await pool.execute("UPDATE users SET id = id + 1000 WHERE id IN (1001, 1002)")
    stores = await open_stores(resources.pool, {side: StoreSetting(table="users")})
    reconcile = msgspec.structs.replace(resources.community.reconcile, interval_ms=3_600_000)
    lucky = AchievementSetting(name="lucky_guess", title="Lucky", bonus_xp=50, bonus_balance=7)
    community = msgspec.structs.replace(
        resources.community, reconcile=reconcile, achievements=(lucky,)
    )
    return dataclasses.replace(resources, stores=stores, community=community)


@pytest.fixture
async def producer(resources: Resources) -> AsyncIterator[Producer]:
    """The producer of a bot that leaves its table to twinstream."""
    producer = Producer(resources.pool, schemas, resources.publisher, stores=resources.stores)
    yield producer
    await producer.close()


@pytest.fixture
async def paying(resources: Resources) -> DebtPayer:
    return DebtPayer(resources.pool, "telegram", resources.stores["telegram"])


def from_discord(account_id: int, amount: int = 5, entity_id: str = "1") -> bytes:
    return xp_payload(
        amount, source="discord", user_id=account_id + IN_DISCORD, entity_id=entity_id
    )


async def row_xp(pool: asyncpg.Pool, account_id: int) -> int:
    return int(await pool.fetchval("SELECT xp FROM users WHERE id = $1", account_id))


async def owe(resources: Resources, amount: int, *accounts: int) -> None:
    async with resources.pool.acquire() as conn, conn.transaction():
        rows = await conn.fetch(
            "SELECT member_id FROM accounts WHERE platform = 'telegram' AND account_id = ANY ($1)",
            list(accounts),
        )
        due = {member_id: store_debts.Amounts(amount, 0) for (member_id,) in rows}
        await store_debts.owe(conn, "telegram", due)


async def owed(pool: asyncpg.Pool) -> dict[int, tuple[int, int, str | None]]:
    """Return what accounts are owed: XP, the number of attempts, and why it is not paid."""
    rows = await pool.fetch(
        "SELECT a.account_id, d.xp, d.attempts, d.error FROM store_debts AS d"
        " JOIN accounts AS a USING (member_id, platform)"
    )
    return {account_id: tuple(rest) for account_id, *rest in rows}


async def try_again_now(pool: asyncpg.Pool) -> None:
    await pool.execute("UPDATE store_debts SET retry_at = now()")


async def settle(resources: Resources) -> None:
    async with open_role(resources, source="discord") as role:
        await role.step()


@contextlib.asynccontextmanager
async def holding(database_url: str, lock: str) -> AsyncIterator[None]:
    """Another session leaves a transaction open."""
    other = await asyncpg.connect(database_url)
    try:
        transaction = other.transaction()
        await transaction.start()
        await other.execute(lock)
        yield
        await transaction.rollback()
    finally:
        await other.close()


LOCK_ROW = f"SELECT FROM users WHERE id = {MIRA} FOR UPDATE"
LOCK_TABLE = "LOCK TABLE users IN ACCESS EXCLUSIVE MODE"


# Settling


@one_row
async def test_an_event_for_a_refused_row_is_buried_and_the_rest_arrives(
    resources: Resources, desk: Desk, pool: asyncpg.Pool, ddl: str, words: str
):
    await pool.execute(ddl)
    before = await row_xp(pool, MIRA)
    await desk.add("discord", from_discord(MIRA), *map(from_discord, (NOA, *OTHERS)))

    await settle(resources)

    assert await desk.statuses() == {"failed": 1, "completed": 4}
    reason = await pool.fetchval("SELECT error_message FROM sync_events WHERE status = 'failed'")
    assert words in reason
    assert "the table users refuses" in reason
    assert f"account {MIRA} of telegram" in reason
    assert await row_xp(pool, MIRA) == before
    assert [await row_xp(pool, one) for one in (NOA, *OTHERS)] == [5, 5, 5, 5]


@every_row
async def test_a_table_that_refuses_every_row_waits_and_buries_nothing(
    resources: Resources, desk: Desk, pool: asyncpg.Pool, ddl: str, mend: str
):
    await pool.execute(ddl)
    await desk.add("discord", *map(from_discord, (MIRA, NOA)))

    async with open_role(resources, source="discord") as role:
        with pytest.raises(StoreClosed, match="waits and nothing is buried"):
            await role.step()
        assert await desk.statuses() == {}
        await pool.execute(mend)
        await role.step()

    assert await desk.statuses() == {"completed": 2}
    assert [await row_xp(pool, one) for one in (MIRA, NOA)] == [5, 5]


async def test_a_table_that_another_session_locks_waits_and_buries_nothing(
    resources: Resources, desk: Desk, database_url: str
):
    await desk.add("discord", *map(from_discord, (MIRA, NOA)))

    async with open_role(resources, source="discord") as role:
        async with holding(database_url, LOCK_TABLE):
            with pytest.raises(StoreClosed, match="end the transaction that holds the lock"):
                await role.step()
        assert await desk.statuses() == {}
        await role.step()

    assert await desk.statuses() == {"completed": 2}


#: First Mira's row is refused for its own reason, then every row. Sequences do not roll back.
CLOSING = "CREATE SEQUENCE tries; GRANT ALL ON tries TO tenant;" + TRIGGER.format(
    "IF nextval('tries') > 4 THEN RAISE EXCEPTION 'closed'; END IF;"
    " IF NEW.id = 1001 THEN RAISE EXCEPTION 'Mira is banned'; END IF;"
)


async def test_a_table_that_closes_in_the_middle_of_a_batch_buries_nothing(
    resources: Resources, desk: Desk, pool: asyncpg.Pool
):
    await pool.execute(CLOSING)
    await desk.add("discord", *map(from_discord, (MIRA, NOA, *OTHERS)))

    with pytest.raises(StoreClosed):
        await settle(resources)

    assert await desk.statuses() == {}


async def test_a_table_that_closes_in_the_middle_of_paying_is_not_taken_for_many_refusals(
    resources: Resources, pool: asyncpg.Pool, paying: DebtPayer
):
    await pool.execute(CLOSING)
    await owe(resources, 5, MIRA, NOA, *OTHERS)

    assert await paying.step() == 0

    assert await owed(pool) == dict.fromkeys((MIRA, NOA, *OTHERS), (5, 0, None))


async def test_a_refusal_that_is_over_when_it_is_judged_buries_nothing(
    resources: Resources, desk: Desk, pool: asyncpg.Pool
):
    await pool.execute(
        "CREATE SEQUENCE tries; GRANT ALL ON tries TO tenant;"
        + TRIGGER.format("IF nextval('tries') = 1 THEN RAISE EXCEPTION 'closed'; END IF;")
    )
    await desk.add("discord", from_discord(MIRA))

    await settle(resources)

    assert await desk.statuses() == {"completed": 1}
    assert await row_xp(pool, MIRA) == 5


async def test_many_banned_neighbours_do_not_make_a_table_look_closed(
    resources: Resources, desk: Desk, pool: asyncpg.Pool
):
    await pool.execute("INSERT INTO users (id) SELECT generate_series(1, 40)")
    await pool.execute(
        "INSERT INTO users (id) SELECT id FROM generate_series(400, 1060) AS id"
        " ON CONFLICT DO NOTHING"
    )
    await desk.add("discord", from_discord(OTHERS[-1]))
    await settle(resources)
    await pool.execute(TRIGGER.format("IF NEW.id <> 1005 THEN RAISE EXCEPTION 'no'; END IF;"))
    await desk.add("discord", from_discord(MIRA))

    await settle(resources)

    assert await desk.statuses() == {"completed": 1, "failed": 1}


async def test_a_table_with_no_other_row_waits(
    resources: Resources, desk: Desk, pool: asyncpg.Pool
):
    await pool.execute("DELETE FROM users WHERE id <> $1", MIRA)
    await pool.execute(ONE_ROW["a trigger"][0])
    await desk.add("discord", from_discord(MIRA))

    with pytest.raises(StoreClosed, match="Mira is banned; it has no other row by which to tell"):
        await settle(resources)

    assert await desk.statuses() == {}


async def test_the_only_row_is_refused_for_its_amount_alone(
    resources: Resources, desk: Desk, pool: asyncpg.Pool
):
    await pool.execute("DELETE FROM users WHERE id <> $1", MIRA)
    await pool.execute(ONE_ROW["a number too large"][0])
    await desk.add("discord", from_discord(MIRA))

    await settle(resources)

    assert await desk.statuses() == {"failed": 1}


async def test_a_locked_row_costs_itself_alone_and_is_never_buried(
    resources: Resources, desk: Desk, pool: asyncpg.Pool, paying: DebtPayer, database_url: str
):
    await desk.add("discord", *map(from_discord, (MIRA, NOA, *OTHERS)))

    async with holding(database_url, LOCK_ROW):
        await settle(resources)

        assert await desk.statuses() == {"completed": 5}
        assert await row_xp(pool, NOA) == 5
        assert await row_xp(pool, MIRA) == 0
        assert await owed(pool) == {MIRA: (5, 0, None)}
    assert await paying.step() == 1
    assert await row_xp(pool, MIRA) == 5
    assert await owed(pool) == {}


async def test_what_the_table_does_not_want_of_a_debt_buries_no_event(
    resources: Resources, desk: Desk, pool: asyncpg.Pool, paying: DebtPayer
):
    await pool.execute("ALTER TABLE users ADD CONSTRAINT no_debts CHECK (xp >= 0)")
    await owe(resources, -50, MIRA)
    await desk.add("discord", from_discord(MIRA))

    await settle(resources)
    assert await desk.statuses() == {"completed": 1}
    assert await row_xp(pool, MIRA) == 5
    await paying.step()
    await desk.add("discord", from_discord(MIRA, 60, "2"))
    await settle(resources)

    assert await row_xp(pool, MIRA) == 65
    [(amount, tries, why)] = (await owed(pool)).values()
    assert (amount, tries) == (-50, 1)
    assert "no_debts" in (why or "")
    await try_again_now(pool)
    assert await paying.step() == 1
    assert await row_xp(pool, MIRA) == 15


# DebtPayer


@some_one_row
async def test_a_debt_that_a_row_refuses_is_set_aside_and_the_others_are_paid(
    resources: Resources, pool: asyncpg.Pool, paying: DebtPayer, ddl: str, words: str
):
    await pool.execute(ddl)
    await owe(resources, 5, MIRA, NOA, *OTHERS)

    assert await paying.step() == 4
    assert [await paying.step() for _ in range(5)] == [0] * 5

    [(account_id, (amount, tries, why))] = (await owed(pool)).items()
    assert (account_id, amount, tries) == (MIRA, 5, 1)
    assert words in (why or "")
    assert await pool.fetchval("SELECT retry_at > now() FROM store_debts")


async def test_each_retry_of_a_debt_waits_longer_and_it_is_paid_once_the_row_takes_it(
    resources: Resources, pool: asyncpg.Pool, paying: DebtPayer
):
    await pool.execute(ONE_ROW["a trigger"][0])
    await owe(resources, 5, MIRA)
    waits = []
    for _ in range(12):
        await paying.step()
        waits.append(await pool.fetchval("SELECT retry_at - updated_at FROM store_debts"))
        await try_again_now(pool)
    assert (await owed(pool))[MIRA][1] == 12
    assert sorted(waits) == waits
    assert waits[-1].total_seconds() < 2 * store_debts.RETRY_S_MAX

    await pool.execute("DROP TRIGGER judge ON users")
    await paying.step()

    assert await row_xp(pool, MIRA) == 5
    assert await owed(pool) == {}


@some_every_row
async def test_a_table_that_refuses_every_row_is_paid_nothing_and_passes_go_on(
    resources: Resources, pool: asyncpg.Pool, ddl: str, mend: str
):
    await pool.execute(ddl)
    await owe(resources, 5, MIRA, NOA)

    async with opened(resources) as role:
        report = await a_pass(role, resources.pool)

    assert report.status == "finished"
    assert await owed(pool) == {MIRA: (5, 0, None), NOA: (5, 0, None)}
    await pool.execute(mend)
    assert await DebtPayer(resources.pool, "telegram", resources.stores["telegram"]).step() == 2


async def test_a_locked_table_is_left_alone_and_passes_go_on(
    resources: Resources, pool: asyncpg.Pool, database_url: str
):
    await owe(resources, 5, MIRA, NOA)

    async with holding(database_url, LOCK_TABLE), opened(resources) as role:
        report = await a_pass(role, resources.pool)

    assert report.status == "finished"
    [left_out] = report.left_out
    assert "end the transaction that holds the lock" in left_out
    assert await owed(pool) == {MIRA: (5, 0, None), NOA: (5, 0, None)}


async def test_a_locked_row_keeps_no_other_member_from_being_paid(
    resources: Resources, pool: asyncpg.Pool, paying: DebtPayer, database_url: str
):
    await owe(resources, 5, MIRA, NOA, *OTHERS)

    async with holding(database_url, LOCK_ROW):
        assert await paying.step() == 4
        assert await owed(pool) == {
            MIRA: (5, 1, "another transaction holds a lock on the row"),
        }
    await try_again_now(pool)
    assert await paying.step() == 1


async def test_a_trigger_that_drops_the_change_does_not_keep_paying_busy(
    resources: Resources, desk: Desk, pool: asyncpg.Pool, paying: DebtPayer
):
    await pool.execute(TRIGGER.format("IF NEW.id = 1001 THEN RETURN NULL; END IF;"))
    await desk.add("discord", *map(from_discord, (MIRA, NOA)))

    await settle(resources)
    assert [await paying.step() for _ in range(5)] == [0] * 5

    assert await desk.statuses() == {"completed": 2}
    assert await owed(pool) == {MIRA: (5, 1, "it has no row, or its row was not changed")}


async def test_doctor_says_whose_row_does_not_take_what_it_is_owed(
    resources: Resources, pool: asyncpg.Pool, paying: DebtPayer, tmp_path: Path, checkout: Path
):
    await pool.execute(ONE_ROW["a trigger"][0])
    await owe(resources, 5, MIRA, NOA)
    await paying.step()
    text = (checkout / "twinstream.example.toml").read_text()
    config = tmp_path / "twinstream.toml"
    config.write_text(f'{text}\n[stores.telegram]\ntable = "users"\n')
    settings = Settings(database_url=resources.settings.database_url, twinstream_config=str(config))

    found = [one async for one in doctor.examine(settings) if one.what == "store of telegram"]

    [diagnosis] = found
    assert f"1 members are owed what their rows do not take, such as account {MIRA}" in (
        diagnosis.remedy or ""
    )
    assert "Mira is banned" in (diagnosis.remedy or "")

    config.write_text(text)  # the table is connected no more
    [later] = [one async for one in doctor.examine(settings) if one.what == "store of telegram"]
    assert later.remedy is None
    assert "has no [stores.telegram]" in later.note


# The producer


async def earn(producer: Producer, account_id: int, amount: int = 5) -> None:
    await producer.create_xp_change_event(
        user_id=account_id, delta_xp=amount, source="telegram", reason="dig", entity_id="1"
    )


@pytest.mark.parametrize(
    ("ddl", "words"), variants(AT_ONCE.items(), every_day=("a trigger", "a domain"))
)
async def test_the_producer_says_that_the_table_refuses_this_member(
    producer: Producer, pool: asyncpg.Pool, ddl: str, words: str
):
    await pool.execute(ddl)

    with pytest.raises(RuleBroken, match=words) as refusal:
        await earn(producer, MIRA)
    await earn(producer, NOA)

    assert isinstance(refusal.value, RowRefused)
    assert refusal.value.user_ids == (MIRA,)
    assert await pool.fetchval("SELECT count(*) FROM sync_events") == 1
    assert await row_xp(pool, NOA) == 5


@some_every_row
async def test_the_producer_waits_for_a_table_that_refuses_every_row(
    producer: Producer, pool: asyncpg.Pool, ddl: str, mend: str
):
    await pool.execute(ddl)
    with pytest.raises(StorageUnavailable):
        await earn(producer, MIRA)

    await pool.execute(mend)
    await earn(producer, MIRA)

    assert await row_xp(pool, MIRA) == 5


async def test_of_many_events_the_producer_names_the_member_whose_row_is_refused(
    producer: Producer, pool: asyncpg.Pool
):
    await pool.execute(ONE_ROW["a trigger"][0])
    batch = [schemas.decode(xp_payload(5, user_id=one)) for one in (NOA, MIRA, *OTHERS)]

    with pytest.raises(RowRefused) as refusal:
        await producer.create_events(batch)

    assert refusal.value.user_ids == (MIRA,)
    assert await pool.fetchval("SELECT count(*) FROM sync_events") == 0


async def test_a_banned_members_win_is_not_owed_for_ever(producer: Producer, pool: asyncpg.Pool):
    await pool.execute(ONE_ROW["a trigger"][0])
    game = GameService(source="telegram", rewards=producer, think=lambda low, high: 5)

    for entity_id in ("1", "2"):  # a second round, so the first win is not kept for later
        with pytest.raises(RuleBroken, match="Mira is banned"):
            await game.guess(MIRA, 5, entity_id=entity_id)


async def test_the_callers_own_lock_timeout_is_kept(producer: Producer, resources: Resources):
    async with resources.pool.acquire() as conn, conn.transaction():
        await conn.execute("SET LOCAL lock_timeout = '17s'")
        await producer.create_xp_change_event(
            user_id=MIRA, delta_xp=5, source="telegram", reason="dig", entity_id="1", conn=conn
        )
        assert await conn.fetchval("SELECT current_setting('lock_timeout')") == "17s"


# Bonuses


def unlocked_in_discord(account_id: int, achievement: str = "lucky_guess") -> bytes:
    return schemas.encode(
        schemas.achievement_unlocked(
            user_id=account_id + IN_DISCORD,
            achievement=achievement,
            source="discord",
            occurred_at=schemas.decode(from_discord(account_id)).occurred_at,
        )
    )


async def failed(pool: asyncpg.Pool) -> dict[str, str]:
    rows = await pool.fetch(
        "SELECT idempotency_key, error_message FROM sync_events WHERE status = 'failed'"
    )
    return dict(rows)


XP_BONUS, BALANCE_BONUS = (
    f"tg_achievement_bonus_{MIRA}_lucky_guess",
    f"tg_achievement_bonus.balance_{MIRA}_lucky_guess",
)


async def test_a_refused_bonus_is_on_record_and_can_be_replayed(
    resources: Resources, desk: Desk, pool: asyncpg.Pool
):
    await pool.execute(ONE_ROW["a trigger"][0])
    await desk.add("discord", unlocked_in_discord(MIRA))

    await settle(resources)

    assert await desk.statuses() == {"completed": 1, "failed": 2}
    assert set(await failed(pool)) == {XP_BONUS, BALANCE_BONUS}
    assert all("Mira is banned" in why for why in (await failed(pool)).values())

    await pool.execute("DROP TRIGGER judge ON users")
    replayed = await replay(resources)

    assert (len(replayed.sent), replayed.refused) == (2, {})
    assert await failed(pool) == {}
    assert await row_xp(pool, MIRA) == 50
    assert await desk.stream_length("telegram") == 2


async def test_the_operators_command_gives_a_bonus_that_was_buried(
    resources: Resources,
    pool: asyncpg.Pool,
    desk: Desk,
    checkout: Path,
    tmp_path: Path,
    own_redis_url: str,
):
    text = (checkout / "twinstream.example.toml").read_text().replace("#bonus_xp", "bonus_xp")
    config = tmp_path / "twinstream.toml"
    config.write_text(f'{text}\n[stores.telegram]\ntable = "users"\n')
    bonus = Community.from_toml(config).achievements[0]
    lucky = msgspec.structs.replace(resources.community, achievements=(bonus,))
    await pool.execute(ONE_ROW["a trigger"][0])
    await desk.add("discord", unlocked_in_discord(MIRA, bonus.name))
    await settle(dataclasses.replace(resources, community=lucky))
    assert await failed(pool)
    await pool.execute("DROP TRIGGER judge ON users")
    command = await start(
        *("consumers", "dead", "replay", "--all"),
        environ=environment(
            DATABASE_URL=resources.settings.database_url,
            REDIS_URL=own_redis_url,
            TWINSTREAM_CONFIG=str(config),
        ),
    )

    assert await command.wait() == 0
    assert await failed(pool) == {}
    assert await row_xp(pool, MIRA) == bonus.bonus_xp


async def test_a_bonus_that_is_refused_again_stays_buried(
    resources: Resources, desk: Desk, pool: asyncpg.Pool
):
    await pool.execute(ONE_ROW["a trigger"][0])
    await desk.add("discord", unlocked_in_discord(MIRA))
    await settle(resources)

    replayed = await replay(resources)

    assert replayed.sent == ()
    assert all("Mira is banned" in why for why in replayed.refused.values())
    assert set(await failed(pool)) == {XP_BONUS, BALANCE_BONUS}


async def test_what_only_looks_like_a_bonus_is_not_replayed(
    resources: Resources, pool: asyncpg.Pool, desk: Desk
):
    """A million XP for an achievement, by way of the dead letters: Noa does not have it."""
    forged = xp_payload(1_000_000, user_id=NOA, reason=bonuses.REASON, entity_id="lucky_guess")
    await pool.execute(
        "INSERT INTO sync_events (idempotency_key, source, type, payload, status, error_message)"
        " VALUES ($1, 'telegram', 'xp_changed', $2, 'failed', 'refused')",
        schemas.decode(forged).idempotency_key,
        forged.decode(),
    )

    replayed = await replay(resources)

    [why] = replayed.refused.values()
    assert "does not have the achievement" in why
    assert await desk.stream_length("telegram") == 0


async def test_a_bonus_whose_key_is_taken_is_on_record_too(
    resources: Resources, desk: Desk, pool: asyncpg.Pool
):
    """Release 0.1 let an event of Noa's have the key of the balance that Mira is to be given."""
    await pool.execute(
        "INSERT INTO transactions (idempotency_key, platform, source, type, account_id, delta_xp,"
        " reason, entity_id, occurred_at)"
        " VALUES ($1, 'telegram', 'telegram', 'xp.changed', $2, 1, 'dig', '1', now())",
        BALANCE_BONUS,
        NOA,
    )
    await desk.add("discord", unlocked_in_discord(MIRA))

    await settle(resources)

    assert await row_xp(pool, MIRA) == 50
    assert set(await failed(pool)) == {f"entry:bonus:{BALANCE_BONUS}"}


async def replay(resources: Resources) -> dead_letters.Replayed:
    producer = Producer(
        resources.pool, schemas, resources.publisher, stores=resources.stores, may_reserve=True
    )

    async def give_bonus(event: schemas.Event) -> str | None:
        return await bonuses.give_again(producer, resources.community, event)

    replayed = await dead_letters.replay(
        resources.pool, Publisher(resources.redis, resources.keys), ids=None, give_bonus=give_bonus
    )
    await producer.close()
    return replayed


async def test_a_closed_table_holds_the_achievement_back_with_its_bonus(
    resources: Resources, desk: Desk, pool: asyncpg.Pool
):
    ddl, mend = EVERY_ROW["a right taken away"]
    await pool.execute(ddl)
    await desk.add("discord", unlocked_in_discord(MIRA))

    async with open_role(resources, source="discord") as role:
        with pytest.raises(StoreClosed):
            await role.step()
        assert await failed(pool) == {}
        await pool.execute(mend)
        await role.step()

    assert await row_xp(pool, MIRA) == 50


# Repairing


@pytest.mark.parametrize("side", ["discord"])
@pytest.mark.parametrize(
    ("hinder", "words"),
    [
        (
            TRIGGER.format("IF NEW.id = 2001 THEN RAISE EXCEPTION 'Mira is banned'; END IF;"),
            "Mira is banned",
        ),
        (
            TRIGGER.format("IF NEW.id = 2001 THEN RETURN NULL; END IF;"),
            "its row was not changed",
        ),
    ],
    ids=["refused", "dropped"],
)
async def test_what_cannot_be_repaired_is_left_with_the_reason_and_the_rest_is_repaired(
    resources: Resources, producer: Producer, pool: asyncpg.Pool, hinder: str, words: str
):
    for account_id in (2001, 2002):
        await producer.create_xp_change_event(
            user_id=account_id, delta_xp=9, source="discord", reason="dig", entity_id="1"
        )
    await pool.execute("UPDATE users SET xp = 4 WHERE id IN (2001, 2002)")
    await pool.execute("DELETE FROM users WHERE id < 2000")
    await pool.execute(hinder)

    async with opened(resources) as role:
        for _ in range(2):
            assert (await a_pass(role, resources.pool, accepted=True)).status == "finished"

    assert [await row_xp(pool, one) for one in (2001, 2002)] == [4, 9]
    assert sum(words in why for why in await whys(pool)) == 1


@pytest.mark.parametrize("side", ["discord"])
async def test_a_locked_row_is_left_for_a_later_pass(
    resources: Resources, producer: Producer, pool: asyncpg.Pool, database_url: str
):
    await producer.create_xp_change_event(
        user_id=2001, delta_xp=9, source="discord", reason="dig", entity_id="1"
    )
    await pool.execute("UPDATE users SET xp = 4 WHERE id = 2001")
    await pool.execute("DELETE FROM users WHERE id < 2000")

    async with opened(resources) as role:
        async with holding(database_url, "SELECT FROM users WHERE id = 2001 FOR UPDATE"):
            for _ in range(2):
                await a_pass(role, resources.pool, accepted=True)
            assert "another transaction holds a lock" in (await whys(pool))[-1]
        for _ in range(2):
            await a_pass(role, resources.pool, accepted=True)

    assert await row_xp(pool, 2001) == 9


# Classes of other programs


class Rows:
    """A bot's own class over the table `users`, with a rule of its own."""

    refuses: Callable[[int], bool] = staticmethod(lambda account_id: account_id == MIRA)

    async def apply(self, conn: Any, changes: Sequence[tuple[int, int, int]]) -> list[int]:
        absent = []
        for account_id, xp, balance in changes:
            self.judge(account_id)
            done = await conn.execute(
                "UPDATE users SET xp = xp + $2, balance = balance + $3 WHERE id = $1",
                account_id,
                xp,
                balance,
            )
            if done == "UPDATE 0":
                absent.append(account_id)
        return absent

    def judge(self, account_id: int) -> None:
        if self.refuses(account_id):
            raise KeyError(f"no wallet for {account_id}")

    async def snapshot(
        self, conn: Any, after: int, limit: int, among: Sequence[int] | None = None
    ) -> list[tuple[int, int, int]]:
        rows = await conn.fetch(
            "SELECT id, xp, balance FROM users"
            " WHERE id > $1 AND ($3::bigint[] IS NULL OR id = ANY ($3)) ORDER BY id LIMIT $2",
            after,
            limit,
            among,
        )
        for one in rows:
            self.judge(one["id"])
        return [tuple(row) for row in rows]


class Hasty(Rows):
    """It swallows Postgres's error, so the transaction is aborted when it returns."""

    async def apply(self, conn: Any, changes: Sequence[tuple[int, int, int]]) -> list[int]:
        if any(account_id == MIRA for account_id, _, _ in changes):
            with contextlib.suppress(asyncpg.PostgresError):
                await conn.execute("SELECT 1 / 0")
            return []
        return await super().apply(conn, changes)

    def judge(self, account_id: int) -> None:
        pass


class Remote(Rows):
    """It asks another service, which does not know Mira."""

    def judge(self, account_id: int) -> None:
        if self.refuses(account_id):
            raise ConnectionError("404")


class Closed(Rows):
    refuses = staticmethod(lambda account_id: True)


async def with_class(
    resources: Resources, monkeypatch: pytest.MonkeyPatch, kind: type[Rows]
) -> Resources:
    module = ModuleType("somebodys_store")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    vars(module)["Rows"] = kind
    setting = StoreSetting(class_="somebodys_store:Rows")
    stores = await open_stores(resources.pool, {"telegram": setting})
    return dataclasses.replace(resources, stores=stores)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Rows, "the store of telegram failed: KeyError: 'no wallet for 1001'"),
        (Hasty, "current transaction is aborted"),
        (Remote, "ConnectionError: 404"),
    ],
)
async def test_what_a_class_raises_for_one_member_buries_that_members_event(
    resources: Resources, desk: Desk, pool: asyncpg.Pool, monkeypatch, kind: type[Rows], words: str
):
    resources = await with_class(resources, monkeypatch, kind)
    await desk.add("discord", *map(from_discord, (MIRA, NOA, *OTHERS)))

    await settle(resources)

    assert await desk.statuses() == {"failed": 1, "completed": 4}
    [why] = (await failed(pool)).values()
    assert words in why
    assert [await row_xp(pool, one) for one in (MIRA, NOA)] == [0, 5]


async def test_an_error_that_a_class_raises_for_every_member_makes_events_wait(
    resources: Resources, desk: Desk, monkeypatch
):
    resources = await with_class(resources, monkeypatch, Closed)
    await desk.add("discord", *map(from_discord, (MIRA, NOA)))

    with pytest.raises(StoreClosed, match="KeyError: 'no wallet for"):
        await settle(resources)

    assert await desk.statuses() == {}


async def test_a_row_that_a_class_cannot_read_costs_a_pass_that_row_alone(
    resources: Resources, pool: asyncpg.Pool, monkeypatch
):
    resources = await with_class(resources, monkeypatch, Rows)
    await pool.execute("UPDATE users SET xp = 70 WHERE id = $1", NOA)
    await owe(resources, 0, MIRA, *OTHERS)

    async with opened(resources) as role:
        report = await a_pass(role, resources.pool, accepted=True)

    assert (report.status, report.left_out) == ("finished", [])
    found = await pool.fetch("SELECT account_id FROM drift ORDER BY 1")
    assert [account_id for (account_id,) in found] == [NOA]
    [(account_id, (_, _, why))] = (await owed(pool)).items()
    assert account_id == MIRA
    assert "no wallet" in (why or "")


async def test_an_audit_says_that_a_class_cannot_be_read(resources: Resources, monkeypatch):
    resources = await with_class(resources, monkeypatch, Rows)

    async with resources.pool.acquire() as conn:
        with pytest.raises(StorageUnavailable, match="KeyError: 'no wallet for 1001'"):
            await audit(conn, resources.stores)


async def test_a_lost_connection_is_no_refusal(
    resources: Resources, desk: Desk, pool: asyncpg.Pool
):
    await pool.execute(
        TRIGGER.format("PERFORM pg_terminate_backend(pg_backend_pid());")
        + "ALTER FUNCTION judge SECURITY DEFINER"
    )
    await desk.add("discord", from_discord(MIRA))

    with pytest.raises(StorageUnavailable) as away:
        await settle(resources)

    assert not isinstance(away.value, StoreClosed)
    assert await desk.statuses() == {}


# Names


@pytest.mark.parametrize(
    ("table", "shown"), [("user", '"user"'), ("Order", '"order"'), ('"Group"', '"Group"')]
)
async def test_a_table_may_be_called_by_a_word_of_sqls(
    resources: Resources, pool: asyncpg.Pool, table: str, shown: str
):
    await pool.execute(
        f'CREATE TABLE {shown} (id bigint PRIMARY KEY, "user" bigint, "limit" bigint);'
        f" INSERT INTO {shown} VALUES ({MIRA}, 1, 1)"
    )
    setting = StoreSetting(table=table, xp="user", balance="limit")
    with pytest.raises(Exception, match=f"GRANT SELECT, UPDATE ON {shown} TO"):
        await open_stores(resources.pool, {"telegram": setting})
    await pool.execute(f"GRANT SELECT, UPDATE ON {shown} TO tenant")

    store = (await open_stores(resources.pool, {"telegram": setting}))["telegram"]
    async with resources.pool.acquire() as conn:
        assert list(await store.apply(conn, [Change(MIRA, 4, 5)])) == []
        assert [tuple(one) for one in await store.snapshot(conn, 0, 10)] == [(MIRA, 5, 6)]
