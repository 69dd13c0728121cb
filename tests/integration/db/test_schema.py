"""The schema, and what the code makes of a Postgres that is old, away or unable."""

import asyncio
import contextlib
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncpg
import pytest

import schemas
from db import (
    BadDatabaseUrl,
    Contention,
    Platform,
    Producer,
    SchemaOutdated,
    StorageUnavailable,
    open_pool,
)
from db.ledger import events, outbox
from db.members.accounts import remember_name
from db.pool import newest_migration
from db.reconcile import drift, passes
from db.reconcile.compared_fields import Field
from db.release_number import SERIES
from db.surfaces.display_visits import mark_shown, take
from launch.errors import LaunchError
from launch.migrate import SCHEMA, dump_schema, expand, migrate
from launch.servers import Server
from tests.support.boards import page_of
from tests.support.postgres_programs import (
    OTHER_TEXT,
    has_the_text_of_the_schema,
    start_chosen_postgres,
)
from tests.support.recorded_events import (
    achievement,
    record,
    settle,
    until_someone_waits_for_a_lock,
    xp,
)


async def fresh(postgres: Server, name: str) -> str:
    """The address of a database with nothing in it."""
    admin = await asyncpg.connect(postgres.url)
    try:
        await admin.execute(f'DROP DATABASE IF EXISTS "{name}"')
        await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
    finally:
        await admin.close()
    return postgres.url.replace("/template", f"/{name}")


async def test_the_migrations_make_the_schema_that_is_kept_for_reading(postgres, checkout: Path):
    if not has_the_text_of_the_schema():
        pytest.skip(OTHER_TEXT)
    url = await fresh(postgres, "migrated")

    migrate(url)

    assert dump_schema(url) == (checkout / SCHEMA).read_text(encoding="utf-8")


async def test_migrating_again_changes_nothing(postgres):
    url = await fresh(postgres, "migrated_twice")
    migrate(url)
    before = dump_schema(url)

    migrate(url)

    assert dump_schema(url) == before


async def test_the_migrations_can_be_taken_back(postgres, checkout: Path):
    url = await fresh(postgres, "taken_back")
    expand(url)
    conn = await asyncpg.connect(url)
    try:
        for file in sorted((checkout / "db/migrations").glob("*.sql"), reverse=True):
            down = file.read_text(encoding="utf-8").partition("-- migrate:down")[2]
            if down.strip():
                await conn.execute(down)
    finally:
        await conn.close()

    assert dump_schema(url).count("CREATE") == dump_schema(url).count("CREATE SCHEMA")


async def test_an_empty_database_is_refused_with_the_remedy(postgres):
    url = await fresh(postgres, "empty")

    with pytest.raises(SchemaOutdated, match="make migrate"):
        await open_pool(url, name="test")


async def test_an_older_database_is_refused_and_a_newer_one_serves(database_url, pool):
    await pool.execute(
        "DELETE FROM twinstream.schema_migrations WHERE version = $1", newest_migration()
    )
    with pytest.raises(SchemaOutdated, match=newest_migration()):
        await open_pool(database_url, name="test")

    await pool.execute(
        "INSERT INTO twinstream.schema_migrations (version) VALUES ('29991231000001')"
    )
    newer = await open_pool(database_url, name="test")
    await newer.close()


async def test_connections_name_their_process_and_release_forgotten_locks(database_url):
    pool = await open_pool(database_url, name="test")
    try:
        assert await pool.fetchval("SHOW application_name") == f"twinstream/{SERIES}/test"
        assert await pool.fetchval("SHOW idle_in_transaction_session_timeout") == "1min"
    finally:
        await pool.close()


async def test_a_connection_leaves_no_transaction_and_no_setting_to_the_next_user(database_url):
    pool = await open_pool(database_url, name="test", size_max=1)
    async with pool.acquire() as conn:
        await conn.execute("BEGIN")
        await conn.execute("SET LOCAL work_mem = '1MB'")
    async with pool.acquire() as conn:
        assert not conn.is_in_transaction()
        assert await conn.fetchval("SHOW work_mem") != "1MB"
    await pool.close()


async def test_a_server_that_does_not_answer_is_said_so():
    with pytest.raises(StorageUnavailable, match="DATABASE_URL"):
        await open_pool("postgresql://postgres@127.0.0.1:1/nowhere", name="test")


@pytest.mark.parametrize(
    "url", ["postgresql://127.0.0.1:port/x", "not an address", "mysql://127.0.0.1/x"]
)
async def test_an_address_that_is_none_is_no_outage(url):
    with pytest.raises(BadDatabaseUrl, match="postgresql://user:password@host"):
        await open_pool(url, name="test")


async def test_a_database_that_does_not_exist_is_said_so(postgres):
    with pytest.raises(StorageUnavailable, match="no_such_database"):
        await open_pool(postgres.url.replace("/template", "/no_such_database"), name="test")


class Silence:
    """A publisher that is never reached in these tests."""

    async def publish(self, source: Platform, payloads: Sequence[bytes]) -> list[str]:
        raise AssertionError("nothing was committed")


@pytest.mark.postgres
async def test_a_killed_postgres_is_storage_unavailable_and_serves_again_after_a_restart(
    tmp_path_factory,
):
    folder = tmp_path_factory.mktemp("killed")
    with start_chosen_postgres(folder) as server:
        migrate(server.url)
        port = int(server.url.rpartition(":")[2].partition("/")[0])
        pool = await open_pool(server.url, name="test")
        producer = Producer(pool, schemas, Silence())
        grant: dict[str, Any] = {
            "user_id": 1,
            "delta_xp": 5,
            "source": "telegram",
            "reason": "game",
            "entity_id": "1",
        }
        conn = await pool.acquire()
        server.kill()
        for work in (
            events.record(conn, "telegram", [xp(15)]),
            page_of(conn),
            remember_name(conn, "telegram", 1001, "Ann"),
        ):
            with pytest.raises(StorageUnavailable):
                await work
        with contextlib.suppress(asyncpg.PostgresConnectionError):
            await pool.release(conn)  # asyncpg resets the session, if it has not noticed its end
        with pytest.raises(StorageUnavailable):
            await producer.create_xp_change_event(**grant)

        with start_chosen_postgres(folder, port=port):
            await record(pool, xp(15))
            await settle(pool, xp(15))
            await pool.close()


async def test_a_terminated_session_is_storage_unavailable(pool):
    async with pool.acquire() as conn, pool.acquire() as admin:
        await admin.execute("SELECT pg_terminate_backend($1)", conn.get_server_pid())

        with pytest.raises(StorageUnavailable):
            await events.record(conn, "telegram", [xp(15)])


@pytest.mark.parametrize(
    "trouble",
    [
        "SET default_transaction_read_only = on",
        "ALTER TABLE transactions RENAME TO elsewhere",
        "ALTER TABLE sync_state DROP COLUMN version",
    ],
)
async def test_trouble_of_the_database_itself_is_not_blamed_on_an_event(pool, trouble):
    """Else a consumer would bury every event that comes while a standby is read-only."""
    async with pool.acquire() as conn:
        await conn.execute(trouble)

        with pytest.raises(StorageUnavailable):
            async with conn.transaction():
                await events.record(conn, "telegram", [xp(15)])


async def test_a_right_that_was_not_granted_is_not_blamed_on_an_event(pool):
    async with pool.acquire() as conn:
        await conn.execute("CREATE ROLE reader")
        try:
            await conn.execute("GRANT USAGE ON SCHEMA twinstream TO reader")
            await conn.execute("GRANT SELECT ON ALL TABLES IN SCHEMA twinstream TO reader")
            await conn.execute("SET ROLE reader")
            with pytest.raises(StorageUnavailable, match="permission denied"):
                await events.record(conn, "telegram", [xp(15)])
        finally:
            await conn.execute("RESET ROLE")
            await conn.execute("DROP OWNED BY reader")
            await conn.execute("DROP ROLE reader")


async def test_a_deadlock_is_contention(pool):
    """Another program's transaction locks members in the wrong order."""
    await record(pool, xp(1, user_id=1), xp(1, user_id=2))
    async with pool.acquire() as conn, pool.acquire() as theirs:
        foreign = theirs.transaction()
        await foreign.start()
        await theirs.execute("SET LOCAL deadlock_timeout = '1h'")  # so that ours is the victim
        await theirs.execute("SELECT FROM members WHERE id = 2 FOR UPDATE")

        async def ours() -> None:
            async with conn.transaction():
                await conn.execute("SET LOCAL deadlock_timeout = '300ms'")
                await events.record(
                    conn, "telegram", [xp(1, "2", user_id=1), xp(1, "2", user_id=2)]
                )

        recording = asyncio.create_task(ours())
        await until_someone_waits_for_a_lock(pool)
        locking = asyncio.create_task(theirs.execute("SELECT FROM members WHERE id = 1 FOR UPDATE"))
        with pytest.raises(Contention):
            await recording
        await locking
        await foreign.rollback()


async def test_a_lock_that_is_not_to_be_had_in_time_is_contention(pool):
    await record(pool, xp(1))
    async with pool.acquire() as conn, pool.acquire() as theirs, theirs.transaction():
        await theirs.execute("SELECT FROM members FOR UPDATE")
        await conn.execute("SET lock_timeout = '50ms'")

        with pytest.raises(Contention):
            await events.record(conn, "telegram", [xp(1, "2")])
        await conn.execute("RESET lock_timeout")


async def test_a_snapshot_that_hides_a_new_member_is_contention_and_no_endless_loop(pool):
    """A foreign bot's own transaction may be REPEATABLE READ."""
    async with pool.acquire() as conn, conn.transaction(isolation="repeatable_read"):
        await conn.fetchval("SELECT count(*) FROM members")
        await record(pool, xp(1))

        with pytest.raises(Contention):
            async with conn.transaction():
                await events.record(conn, "telegram", [xp(1, "2")])


async def test_an_event_recorded_twice_under_repeatable_read_is_contention(pool):
    await record(pool, xp(1))
    async with pool.acquire() as conn, conn.transaction(isolation="repeatable_read"):
        await conn.fetchval("SELECT count(*) FROM members")
        await record(pool, xp(1, "2"))

        with pytest.raises(Contention):
            async with conn.transaction():
                await events.record(conn, "telegram", [xp(1, "2")])


#: The migration that adds the rules of the state machines.
STATE_RULES = "20261128000010"
#: A statement that breaks each rule of STATE_RULES.
STATE_BREAKS = {
    "surface_name_known": "UPDATE surfaces SET surface = 'colour' WHERE surface <> 'rank'",
    "surface_numbers_not_negative": "UPDATE surfaces SET wanted = -1",
    "surface_shown_or_unconfirmed": "UPDATE surfaces SET unconfirmed = '{0,1}'",
    "surface_unconfirmed_has_numbers": (
        "UPDATE surfaces SET shown = NULL, unconfirmed = '{}' WHERE surface <> 'rank'"
    ),
    "surface_shown_has_time": "UPDATE surfaces SET shown_at = NULL, announce = false",
    "surface_forgotten_is_not_shown": "UPDATE surfaces SET forgotten = true",
    "surface_parked_says_why": "UPDATE surfaces SET parked = 'role:7', retry_at = 'infinity'",
    "surface_never_retried_is_parked": "UPDATE surfaces SET retry_at = 'infinity'",
    "surface_announced_was_reached": "UPDATE surfaces SET announce = true, announced = 0",
    "sync_event_pending_is_unpublished": (
        "UPDATE sync_events SET published_at = now() WHERE status = 'pending'"
    ),
    "sync_event_published_has_time": (
        "UPDATE sync_events SET published_at = NULL WHERE status = 'completed'"
    ),
    "sync_event_only_completed_is_processed": (
        "UPDATE sync_events SET processed_by = 'discord' WHERE status = 'pending'"
    ),
    "sync_event_processed_by_opposite": (
        "UPDATE sync_events SET processed_by = source WHERE status = 'completed'"
    ),
    "sync_event_completed_has_no_error": (
        "UPDATE sync_events SET error_message = 'so' WHERE status = 'completed'"
    ),
    "drift_decided_has_time": "UPDATE drift SET decision = 'watched', why = 'so'",
    "drift_decided_says_why": "UPDATE drift SET decision = 'watched', decided_at = now()",
    "drift_only_repaired_has_event": "UPDATE drift SET idempotency_key = 'tg_game_1_1'",
    "reconcile_run_running_has_no_end": "UPDATE reconcile_runs SET finished_at = now()",
    "reconcile_run_only_stopped_says_why": "UPDATE reconcile_runs SET stopped_because = 'so'",
    "reconcile_run_of_one_or_of_everybody": (
        "UPDATE reconcile_runs SET everybody = true, member_id = 1"
    ),
}
BREAKS = STATE_BREAKS | {
    "sync_event_has_account": "UPDATE sync_events SET account_id = NULL WHERE status = 'pending'",
    "link_policy_known": "UPDATE links SET policy = 'least'",
    "link_ends_after_it_began": "UPDATE links SET unlinked_at = linked_at - interval '1 second'",
}


async def a_row_in_every_state_machine(pool: asyncpg.Pool) -> None:
    """One event completed and one pending, what they want shown, a link, a pass with a finding."""
    await pool.execute("INSERT INTO links (telegram_account_id, discord_account_id) VALUES (1, 2)")
    await record(pool, xp(15), achievement("first_win"))
    await settle(pool, xp(15))
    for visit in await take(pool, "telegram", limit=10, lease_s=60.0):
        await mark_shown(pool, visit)
    async with pool.acquire() as conn, conn.transaction():
        run = await passes.begin(conn, cause="asked", owner="test", lease_s=60.0)
        assert run is not None
        found = drift.Difference(
            "telegram", "books", 1, 1, 1001, Field.parse("xp"), "16", "15", 1, ""
        )
        await drift.add(conn, run.id, [found])


async def test_a_state_that_the_code_never_makes_is_refused_by_the_name_of_its_rule(pool):
    await a_row_in_every_state_machine(pool)

    for rule, statement in BREAKS.items():
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await pool.execute(statement)

        assert refused.value.constraint_name == rule


CHANGES_OF_THE_LEDGER = {
    "update": "UPDATE transactions SET delta_xp = 1000",
    "update of no row": "UPDATE transactions SET reason = reason WHERE false",
    "upsert": (
        "INSERT INTO transactions OVERRIDING SYSTEM VALUE SELECT * FROM transactions"
        " ON CONFLICT ON CONSTRAINT transaction_once DO UPDATE SET delta_xp = 1000"
    ),
    "delete": "DELETE FROM transactions",
    "truncate": "TRUNCATE transactions",
    "truncate with others": "TRUNCATE sync_events, transactions RESTART IDENTITY",
}


@pytest.mark.parametrize("change", CHANGES_OF_THE_LEDGER.values(), ids=CHANGES_OF_THE_LEDGER.keys())
async def test_the_ledger_is_only_added_to(pool, change):
    await record(pool, xp(15))
    await settle(pool, xp(15))
    before = await pool.fetch("SELECT * FROM transactions ORDER BY id")

    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await pool.execute(change)

    assert refused.value.constraint_name == "ledger_is_only_added_to"
    assert await pool.fetch("SELECT * FROM transactions ORDER BY id") == before


#: The migrations that make the index of the relay.
RELAY_INDEX = ["20261128000011", "20261128000012"]
#: The rows of `a_row_in_every_state_machine`, as the schema before the rules has them. An entry
#: names its member there, so the code of today cannot write it.
ROWS_BEFORE_THE_RULES = """
    INSERT INTO members (xp) VALUES (15);
    INSERT INTO accounts (platform, account_id, member_id) VALUES ('telegram', 1001, 1);
    INSERT INTO sync_events (idempotency_key, source, type, member_id, payload, status,
            published_at, processed_by, processed_at) VALUES
        ('xp', 'telegram', 'xp.changed', 1, '{}', 'completed', now(), 'discord', now()),
        ('win', 'telegram', 'achievement.unlocked', 1, '{}', 'pending', NULL, NULL, NULL);
    INSERT INTO transactions (idempotency_key, platform, source, type, member_id, account_id,
            delta_xp, achievement, reason, entity_id, occurred_at) VALUES
        ('xp', 'telegram', 'telegram', 'xp.changed', 1, 1001, 15, NULL, 'game', '1', now()),
        ('xp', 'discord', 'telegram', 'xp.changed', 1, 1001, 15, NULL, 'game', '1', now()),
        ('win', 'telegram', 'telegram', 'achievement.unlocked', 1, 1001, 0, 'win', 'game', '1',
            now());
    INSERT INTO surfaces (member_id, platform, surface, wanted, shown, shown_at) VALUES
        (1, 'telegram', 'rank', 0, 0, now()), (1, 'telegram', 'achievement:win', 1, 1, now());
    INSERT INTO reconcile_runs (cause, owner, lease_until) VALUES ('asked', 'test', now());
    INSERT INTO drift (run_id, platform, subject, subject_id, field, seen, expected)
        VALUES (1, 'telegram', 'books', 1, 'xp', '16', '15');
"""


async def test_rows_that_break_a_rule_are_corrected_when_the_rule_comes(
    postgres, checkout: Path, tmp_path: Path, monkeypatch
):
    """A release before the rules, or an operator's own statement, may have left such rows."""
    url = await fresh(postgres, "broken_rules")
    for file in sorted((checkout / "db/migrations").glob("*.sql")):
        if file.name < STATE_RULES:
            shutil.copy(file, tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr("launch.migrate.MIGRATIONS", tmp_path)
        expand(url)
    async with asyncpg.create_pool(url, min_size=1, max_size=2) as pool:
        await pool.execute(ROWS_BEFORE_THE_RULES)
        for rule, harm in STATE_BREAKS.items():
            if rule not in ("surface_name_known", "surface_numbers_not_negative"):
                await pool.execute(harm)

        migrate(url)

        surfaces = await pool.fetch("SELECT * FROM surfaces ORDER BY surface")
        assert [(one["shown"], one["unconfirmed"]) for one in surfaces] == [
            (None, None),
            (None, [0, 1, 0]),
        ]
        assert {(one["parked"], one["error"]) for one in surfaces} == {
            ("role:7", "parked because of role:7")
        }
        events = await pool.fetch("SELECT status, published_at, processed_by FROM sync_events")
        assert {(status, at is None, by) for status, at, by in events} == {
            ("completed", False, "discord"),
            ("pending", True, None),
        }
        [finding] = await pool.fetch("SELECT decision, why, idempotency_key FROM drift")
        assert tuple(finding) == ("watched", "so", None)
        [run] = await pool.fetch("SELECT status, finished_at, stopped_because FROM reconcile_runs")
        assert tuple(run) == ("running", None, None)


async def test_the_rules_can_be_added_again_after_an_attempt_that_was_cut_off(postgres):
    url = await fresh(postgres, "rules_twice")
    migrate(url)
    before = dump_schema(url)
    conn = await asyncpg.connect(url)
    try:
        await conn.execute("ALTER TABLE drift DROP CONSTRAINT drift_decided_says_why")
        await conn.execute(
            "DELETE FROM twinstream.schema_migrations WHERE version = $1", STATE_RULES
        )
    finally:
        await conn.close()

    migrate(url)

    # A later migration has replaced this rule, and is not applied again.
    replaced = "CONSTRAINT surface_name_known"
    after = dump_schema(url)
    assert after.count(replaced) == before.count(replaced) == 1
    assert [line for line in after.splitlines() if replaced not in line] == [
        line for line in before.splitlines() if replaced not in line
    ]


async def test_an_index_that_was_cut_off_while_it_was_made_is_not_relied_on(postgres):
    url = await fresh(postgres, "half_an_index")
    migrate(url)
    conn = await asyncpg.connect(url)
    try:
        await conn.execute(
            "UPDATE pg_index SET indisvalid = false"
            " WHERE indexrelid = 'sync_events_to_publish'::regclass"
        )
        await conn.execute(
            "DELETE FROM twinstream.schema_migrations WHERE version = ANY ($1)", RELAY_INDEX
        )
        with pytest.raises(LaunchError, match="REINDEX INDEX CONCURRENTLY sync_events_to_publish"):
            migrate(url)
        await conn.execute("REINDEX INDEX CONCURRENTLY sync_events_to_publish")
    finally:
        await conn.close()

    migrate(url)


class Explained:
    """A connection that keeps the plans of statements and runs none of them."""

    def __init__(self, conn: asyncpg.Connection) -> None:
        self._conn = conn
        self.plan = ""

    async def fetch(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        rows = await self._conn.fetch(f"EXPLAIN {statement}", *arguments)
        self.plan += "\n".join(line for (line,) in rows)
        return []


async def test_the_relay_reads_its_page_from_an_index_of_its_platform(pool):
    """Else the backlog of one platform would be read over for each page of the other."""
    await record(pool, xp(1))
    await pool.execute(
        """
        INSERT INTO sync_events (idempotency_key, source, type, account_id, payload)
        SELECT 'dc_game_1_' || g, 'discord', 'xp.changed', 1, '{}'
        FROM generate_series(1, 20000) AS g
        """
    )
    await pool.execute("ANALYZE sync_events")
    async with pool.acquire() as conn:
        explained = Explained(conn)
        await outbox.take_unpublished(explained, "telegram", older_than_s=5.0, limit=500)

    assert "sync_events_to_publish" in explained.plan
    assert "Sort" not in explained.plan
