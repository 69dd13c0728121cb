"""The move from release 0.1.0, with data in it: expand, both releases at work, contract.

The old release is real: its driver works in its unpacked archive, and a bot runs on its wheel.
"""

import asyncio
import itertools
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from db import open_pool
from db.members.history import history
from db.stop_signs import MOVING
from db.upkeep import retention
from launch import postgres_schema
from launch.errors import LaunchError
from launch.migrate import SCHEMA, contract, dump_schema, expand, make_roles, migrate
from launch.servers import Server, postgres_tool, start_redis
from tests.support import fast_storage
from tests.support.old_release import NEW_DRIVER, Bot, Driver, install_wheel, psql, restore, unpack
from tests.support.postgres_programs import has_the_text_of_the_schema, start_chosen_postgres
from tests.support.recorded_events import record, settle, xp

pytestmark = pytest.mark.postgres

ROOT = Path(__file__).parents[3]
OLD_MIGRATIONS = 9
#: Rows of which one column was filled, and the other one was not.
HALF_FILLED = "SELECT count(*) FROM sync_events WHERE (account_id IS NULL) <> (member_id IS NULL)"
MISFILLED = """
    SELECT count(*) FROM transactions AS t
    JOIN accounts AS a ON a.platform = t.source AND a.account_id = t.account_id
    WHERE t.member_id <> a.member_id
"""
UNSETTLED = "SELECT count(*) FROM sync_events WHERE status IN ('pending', 'published')"
RECORDED_BY_THE_BOT = "SELECT count(*) FROM transactions WHERE account_id BETWEEN 90001 AND 90007"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Postgres whose sessions find our tables only where `migrate` has told them how."""
    with start_chosen_postgres(tmp_path_factory.mktemp("moving"), database="old") as server:
        asyncio.run(fast_storage.make_fast(server.url))
        psql(server.url, "-c", "ALTER SYSTEM RESET search_path")
        psql(server.url, "-c", "SELECT pg_reload_conf()")
        restore(server.url)
        yield server


def require_schema(url: str) -> None:
    """Compare the schema with the kept one, where its text can be the same."""
    if has_the_text_of_the_schema():
        assert dump_schema(url) == (ROOT / SCHEMA).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources of the old release."""
    return unpack(tmp_path_factory.mktemp("archive"))


@pytest.fixture
def url(server: Server) -> str:
    """The address of a database of the old release, in which everything happened once."""
    name = f"moving_{next(_numbers)}"
    psql(server.url.replace("/old", "/postgres"), "-c", f"CREATE DATABASE {name} TEMPLATE old")
    return server.url.replace("/old", f"/{name}")


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    with start_redis(tmp_path / "redis", persistent=False) as server:
        yield server.url


@pytest.fixture
def old(archive: Path, url: str, redis_url: str) -> Driver:
    return Driver(ROOT / "tests/releases/0.1.0/driver.py", archive, url, redis_url)


@pytest.fixture
def new(url: str, redis_url: str) -> Driver:
    return Driver(NEW_DRIVER, ROOT, url, redis_url)


@pytest.fixture
async def conn(url: str) -> AsyncIterator[asyncpg.Connection]:
    """A session of another program, on the same login. It names our schema by its search path."""
    conn = await asyncpg.connect(
        url,
        server_settings={
            "application_name": "somebody's report",
            "search_path": "twinstream, public",
        },
    )
    yield conn
    await conn.close()


@pytest.mark.nightly
async def test_a_bot_of_the_old_release_goes_on_while_the_schema_is_expanded(
    url, redis_url, old, conn, tmp_path
):
    async with Bot.running(install_wheel(tmp_path / "site"), url, redis_url) as bot:
        await bot.records(20)

        said = await asyncio.to_thread(migrate, url)

        # The bot's lines may be from before the move, so Postgres says whether it goes on.
        recorded_before = await conn.fetchval(RECORDED_BY_THE_BOT)

        async def records_more() -> bool:
            # asyncpg keeps a session for 50,000 statements, and the bot may fail that often.
            assert not any('relation "' in line for line in bot.delays), "its tables are gone"
            return bool(await conn.fetchval(RECORDED_BY_THE_BOT) >= recorded_before + 20)

        await bot.goes_on_until(records_more)
        await bot.stop()
    assert "make contract" in said
    # The sessions of the bot were ended: it connected again, and lost nothing of what it was told.
    assert {line.split()[1] for line in bot.delays} <= {"StorageUnavailable", "Contention"}
    assert await conn.fetchval("SELECT 1") == 1
    assert bot.recorded == await conn.fetchval(RECORDED_BY_THE_BOT)
    assert await conn.fetchval(HALF_FILLED) == 0

    old.does("settle")

    assert await conn.fetchval(UNSETTLED) == 0
    assert old.audit()["equal"]


@pytest.mark.nightly
async def test_both_releases_work_on_the_expanded_schema_at_once(url, old, new, conn):
    migrate(url)

    await asyncio.gather(
        old.does_meanwhile("record", "12", "--round=100"),
        new.does_meanwhile("record", "12", "--round=200"),
    )
    # Each release settles what the other one recorded, and both relays publish.
    old.does("record", "6", "--round=101", "--unpublished")
    new.does("record", "6", "--round=201", "--unpublished")
    await asyncio.gather(old.does_meanwhile("settle"), new.does_meanwhile("settle"))

    assert await conn.fetchval(UNSETTLED) == 0
    assert await conn.fetchval(HALF_FILLED) == 0
    assert await conn.fetchval(MISFILLED) == 0
    assert await conn.fetchval(
        "SELECT bool_and(n = 2) FROM (SELECT count(*) AS n FROM transactions"
        " WHERE entity_id ~ '^(10|20)[01][.]' GROUP BY idempotency_key) AS e"
    )
    assert old.audit()["equal"]
    assert new.audit()["equal"]


@pytest.mark.nightly
async def test_the_new_release_reads_and_removes_what_the_old_one_recorded(url, old, new, conn):
    migrate(url)
    old.does("record", "1", "--round=100")
    new.does("record", "1", "--round=200")
    old.does("settle")

    pool = await open_pool(url, name="test", size_max=1)
    async with pool.acquire() as ours:
        seen = await history(ours, "discord", 80_001, limit=100)
        assert seen is not None
        assert {change.state for change in seen.changes} == {"arrived"}
        assert len(seen.changes) == await conn.fetchval(
            """
            SELECT count(*) FROM transactions AS t JOIN accounts AS a USING (member_id)
            WHERE t.platform = 'discord' AND (a.platform, a.account_id) = ('discord', 80001)
            """
        )
        completed = await conn.fetchval(
            "SELECT count(*) FROM sync_events WHERE status = 'completed'"
        )
        await retention.begin_if_due(ours, interval_s=0)
        while await retention.step(ours, retention_s=0, limit=1_000) is not None:
            pass
    await pool.close()

    assert completed > 100
    assert await conn.fetchval("SELECT count(*) FROM sync_events WHERE status = 'completed'") == 0
    assert old.audit()["equal"]
    assert new.audit()["equal"]


@pytest.mark.nightly
async def test_until_the_contract_neither_release_links_or_reconciles(url, old, new, conn):
    migrate(url)

    for release in (old, new):
        assert release.does("link", "2")["outcomes"] == ["paused", "paused"]
        assert release.does("reconcile")["passes"] == ["paused"]
    assert await conn.fetch("SELECT DISTINCT reason FROM stop_signs") == [(MOVING,)]
    assert "make contract" in new.runs("-m", "consumers", "doctor", may_fail=True).stdout

    contract(url, backups=None, say=print)

    assert await conn.fetchval("SELECT count(*) FROM stop_signs") == 0
    assert new.does("link", "2", "--telegram-from=70011", "--discord-from=80011")["outcomes"] == [
        "linked",
        "linked",
    ]


def only_moved(url: str, old: Driver, new: Driver, monkeypatch, tmp_path: Path) -> None:
    """`make migrate` was cut off before its first migration."""
    for file in sorted((ROOT / "db/migrations").glob("*.sql"))[:OLD_MIGRATIONS]:
        shutil.copy(file, tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr("launch.migrate.MIGRATIONS", tmp_path)
        expand(url)


def only_expanded(url: str, old: Driver, new: Driver, monkeypatch, tmp_path: Path) -> None:
    migrate(url)


def both_at_work(url: str, old: Driver, new: Driver, monkeypatch, tmp_path: Path) -> None:
    migrate(url)
    new.does("record", "6", "--round=200")
    old.does("record", "6", "--round=100")
    new.does("settle")
    new.does("record", "6", "--round=201", "--unpublished")


def only_the_new_one_at_work(
    url: str, old: Driver, new: Driver, monkeypatch, tmp_path: Path
) -> None:
    migrate(url)
    new.does("record", "6", "--round=200")
    new.does("settle")
    new.does("record", "6", "--round=201")
    new.does("record", "6", "--round=202", "--unpublished")


async def go_back(old: Driver, conn: asyncpg.Connection) -> None:
    """The new processes are stopped, the old ones started, and the sign is removed."""
    assert "up to date" in old.runs("-m", "launch", "migrate").stdout
    await conn.execute("DELETE FROM stop_signs WHERE release = '0.1'")
    old.does("record", "6", "--round=300")
    old.does("settle")
    links = old.does("link", "4", "--telegram-from=70011", "--discord-from=80011")["outcomes"]
    assert links == ["linked"] * 4
    assert await conn.fetchval(UNSETTLED) == 0


async def test_the_old_release_takes_over_what_the_new_one_left(url, old, new, conn):
    """The way back by day, from the middle of the switch."""
    migrate(url)
    new.does("record", "6", "--round=200")

    await go_back(old, conn)

    assert old.audit()["equal"]


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(only_moved, marks=pytest.mark.nightly),
        pytest.param(only_expanded, marks=pytest.mark.nightly),
        pytest.param(both_at_work, marks=pytest.mark.nightly),
        pytest.param(only_the_new_one_at_work, marks=pytest.mark.nightly),
    ],
)
async def test_before_the_contract_the_old_release_takes_over_again(
    url, old, new, conn, monkeypatch, tmp_path, step: Callable[..., None]
):
    step(url, old, new, monkeypatch, tmp_path)
    assert old.does("link", "1")["outcomes"] == ["paused"]

    await go_back(old, conn)
    assert old.does("reconcile")["passes"] == ["finished"]
    assert old.audit()["equal"]

    # And forward once more, to the end.
    migrate(url)
    assert old.does("link", "1")["outcomes"] == ["paused"]
    await asyncio.gather(
        new.does_meanwhile("record", "12", "--round=400"),
        asyncio.to_thread(contract, url, backups=None, say=print),
    )
    new.does("settle")

    assert new.audit()["equal"]
    assert await conn.fetchval("SELECT count(*) FROM links") == await conn.fetchval(
        "SELECT count(*) FROM (SELECT FROM accounts GROUP BY member_id HAVING count(*) = 2) AS l"
    )
    require_schema(url)
    assert "nothing" in capture(lambda say: contract(url, backups=None, say=say))


def capture(work: Callable[[Callable[[str], None]], None]) -> str:
    said: list[str] = []
    work(said.append)
    return "\n".join(said)


async def test_the_contract_refuses_while_an_old_session_lives(url, conn):
    migrate(url)
    session = await asyncpg.connect(
        url, server_settings={"application_name": "twinstream/consumers"}
    )

    with pytest.raises(LaunchError, match="twinstream/consumers"):
        contract(url, backups=None, say=print)

    assert await conn.fetchval("SELECT count(*) FROM contracts") == 0
    assert await conn.fetchval("SELECT count(*) FROM stop_signs") == 2
    await session.close()
    contract(url, backups=None, say=print)
    assert await conn.fetchval("SELECT count(*) FROM contracts") == 1


@pytest.mark.nightly
async def test_a_contract_that_was_cut_off_is_made_again(url, new, conn, monkeypatch, tmp_path):
    migrate(url)
    broken = tmp_path / "broken.sql"
    broken.write_text("SELECT 1 / 0")
    with monkeypatch.context() as patched:
        patched.setattr("launch.contract.OPEN", broken)
        with pytest.raises(LaunchError, match="division by zero"):
            contract(url, backups=None, say=print)

    # The new release goes on, and still links nothing.
    new.does("record", "4", "--round=200")
    new.does("settle")
    assert new.does("link", "1")["outcomes"] == ["paused"]
    assert new.audit()["equal"]
    with pytest.raises(asyncpg.CheckViolationError, match="only added to"):
        await conn.execute("DELETE FROM transactions")

    contract(url, backups=None, say=print)

    assert new.audit()["equal"]
    require_schema(url)


#: The places on disk of the two large tables and the indexes of their keys.
FILES = """
    SELECT array_agg(pg_relation_filenode(c.oid) ORDER BY c.relname)
    FROM pg_class AS c WHERE c.relname = ANY ($1) AND c.relnamespace = 'twinstream'::regnamespace
"""


async def test_keys_compare_byte_by_byte_after_the_contract_and_nothing_is_written_anew(url, conn):
    migrate(url)
    tables = ["sync_events", "transactions"]
    before = await conn.fetchval(FILES, [*tables, "sync_event_once_in_c", "transaction_once_in_c"])

    contract(url, backups=None, say=print)

    assert before == await conn.fetchval(FILES, [*tables, "sync_event_once", "transaction_once"])
    require_schema(url)


#: The policies of the two large tables, which say what each role may write.
POLICIES = """
    SELECT array_agg(p::text ORDER BY p.tablename, p.policyname) FROM pg_policies AS p
    WHERE schemaname = 'twinstream'
"""


async def test_the_policies_of_the_roles_are_after_the_contract_as_they_were(
    url, conn, monkeypatch, tmp_path
):
    migrate(url)
    make_roles(url, prefix="moving")
    await conn.execute(
        """CREATE POLICY "an operator's" ON twinstream.transactions AS RESTRICTIVE
        FOR DELETE TO moving_reader, moving_web USING (idempotency_key <> 'it''s')"""
    )
    before = await conn.fetchval(POLICIES)
    # `db/roles.sql` makes its own anew at the end: nothing may be open to all before that.
    broken = tmp_path / "broken.sql"
    broken.write_text("SELECT 1 / 0")
    with monkeypatch.context() as patched:
        patched.setattr("launch.contract.ADD_UP", broken)
        with pytest.raises(LaunchError, match="division by zero"):
            contract(url, backups=None, say=print)

    assert await conn.fetchval(POLICIES) == before
    assert len(before) > 5

    contract(url, backups=None, say=print)


async def test_a_process_at_work_goes_on_through_the_contract(url):
    """Its prepared statements stay as they are, though the collation of the keys changes."""
    migrate(url)
    pool = await open_pool(url, name="test", size_max=1)
    try:
        for number in range(6):
            if number == 3:
                contract(url, backups=None, say=print)
            event = xp(15, f"contract-{number}", user_id=1002)
            await record(pool, event)
            await settle(pool, event)
            await record(pool, event)
    finally:
        await pool.close()


async def test_a_database_of_the_old_release_is_not_contracted_before_it_is_expanded(url, conn):
    with pytest.raises(LaunchError, match="make migrate"):
        contract(url, backups=None, say=print)


@pytest.mark.nightly
async def test_the_backup_of_the_contract_leads_back_to_the_old_release(
    url, old, new, conn, tmp_path
):
    migrate(url)
    new.does("record", "6", "--round=200")

    said = capture(lambda say: contract(url, backups=tmp_path / "backups", say=say))

    [backup] = (tmp_path / "backups").iterdir()
    assert str(backup) in said
    # Until then, an old process waits and buries nothing.
    failed = await conn.fetchval("SELECT count(*) FROM sync_events WHERE status = 'failed'")
    done = old.runs(str(ROOT / "tests/releases/0.1.0/driver.py"), "record", may_fail=True)
    assert "StorageUnavailable" in done.stderr
    assert failed == await conn.fetchval("SELECT count(*) FROM sync_events WHERE status = 'failed'")

    # The restore will lose all this.
    assert new.does("link", "2", "--telegram-from=70011", "--discord-from=80011")["outcomes"] == [
        "linked",
        "linked",
    ]
    new.does("unlink", "1", "--telegram-from=70012")
    new.does("record", "12", "--round=300")
    new.does("settle")
    assert new.audit()["equal"]
    # Events that are on the streams only, and in no backup.
    new.does("record", "2", "--round=301")

    # As docs/upgrade.md has it.
    page = (ROOT / "docs/upgrade.md").read_text(encoding="utf-8")
    drop, lift, view = re.findall(
        r"""-c ['"]((?:DROP|DELETE|CREATE) .+?)['"](?= \\$|$)""", page, re.M
    )
    psql(url, "-c", drop)
    pg_restore(url, backup)
    psql(url, "-c", lift, "-c", view)

    assert "up to date" in old.runs("-m", "launch", "migrate").stdout
    assert await conn.fetchval("SELECT count(*) FROM transactions WHERE entity_id ~ '^30[01]'") == 0
    old.does("settle")
    assert old.does("link", "1", "--telegram-from=70011", "--discord-from=80011")["outcomes"] == [
        "linked"
    ]
    assert await conn.fetchval(UNSETTLED) == 0
    assert old.audit()["equal"]


def pg_restore(url: str, backup: Path) -> None:
    """Restore a backup; before Postgres 17 the tool complains of one setting (docs/upgrade.md)."""
    done = subprocess.run(
        [str(postgres_tool("pg_restore")), "-d", url, str(backup)],
        capture_output=True,
        text=True,
        check=False,
    )
    complaints = [line for line in done.stderr.splitlines() if "could not execute query" in line]
    assert all("transaction_timeout" in line for line in complaints), done.stderr
    assert done.returncode == len(complaints) <= 1


async def test_without_pg_dump_there_is_no_contract(url, conn, monkeypatch, tmp_path):
    migrate(url)

    def no_tool(name: str) -> Path:
        raise LaunchError(f"{name} is not installed")

    monkeypatch.setattr("launch.contract.postgres_tool", no_tool)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(LaunchError, match="--without-backup"):
        contract(url, backups=tmp_path / "backups", say=print)

    assert await conn.fetchval("SELECT count(*) FROM contracts") == 0


async def test_a_new_database_has_nothing_to_wait_for(server):
    name = f"moving_{next(_numbers)}"
    url = server.url.replace("/old", f"/{name}")

    said = migrate(url)  # which creates the database, too

    assert "contract" not in said
    assert psql(url, "-c", "SELECT release FROM twinstream.contracts") == "0.2\n"
    assert psql(url, "-c", "SELECT count(*) FROM twinstream.stop_signs") == "0\n"


async def test_a_table_that_is_locked_delays_the_bots_for_a_moment_only(url, conn, monkeypatch):
    monkeypatch.setattr(postgres_schema, "TRIES_MAX", 2)
    monkeypatch.setattr(postgres_schema, "LOCK_TIMEOUT_S", 0.1)
    async with conn.transaction():
        await conn.fetchval("SELECT count(*) FROM transactions")  # such as a backup

        with pytest.raises(LaunchError, match="another transaction holds a table"):
            await asyncio.to_thread(migrate, url)

    assert psql(url, "-c", "SELECT count(*) FROM stop_signs") == "0\n"
    migrate(url)
    assert psql(url, "-c", "SELECT count(*) FROM stop_signs") == "2\n"


async def test_no_table_is_moved_where_the_old_release_would_not_find_it(url):
    psql(url, "-c", "ALTER ROLE postgres SET search_path = public")
    try:
        with pytest.raises(LaunchError, match="search path of this login or address is public"):
            migrate(url)
    finally:
        psql(url, "-c", "ALTER ROLE postgres RESET search_path")

    assert psql(url, "-c", "SELECT count(*) FROM public.stop_signs") == "0\n"


async def test_processes_of_the_old_release_with_another_login_find_the_moved_tables(url):
    psql(url, "-c", "CREATE ROLE app LOGIN PASSWORD 'app'", "-c", "GRANT ALL ON members TO app")
    theirs = re.sub("//[^@]+@", "//app:app@", url)
    session = await asyncpg.connect(
        theirs, server_settings={"application_name": "twinstream/consumers"}
    )
    try:
        await asyncio.to_thread(migrate, url)

        assert session.is_closed()
        assert psql(theirs, "-c", "SELECT count(*) FROM members") == "49\n"
    finally:
        psql(url, "-c", "DROP OWNED BY app", "-c", "DROP ROLE app")


async def test_what_another_program_notes_in_schema_migrations_stays(url, new):
    """A bot with the same tool, in the same schema: both programs had one table."""
    psql(url, "-c", "INSERT INTO schema_migrations VALUES ('20200101000000')")
    before = psql(url, "-c", "TABLE public.schema_migrations ORDER BY 1")

    migrate(url)

    assert psql(url, "-c", "TABLE public.schema_migrations ORDER BY 1") == before
    ours = psql(url, "-c", "TABLE twinstream.schema_migrations").split()
    assert sorted(ours) == sorted(
        file.name.partition("_")[0] for file in (ROOT / "db/migrations").glob("*.sql")
    )
    new.does("record", "1")


#: A bot's own tables, by names that ours have too. Some have other columns, some the same.
BOT = """
    CREATE TABLE members (id serial PRIMARY KEY, nick text NOT NULL);
    CREATE TABLE accounts (id int PRIMARY KEY, member_id int REFERENCES members (id));
    CREATE TABLE transactions (id serial PRIMARY KEY, member_id int, amount int NOT NULL,
        CONSTRAINT transaction_has_one_effect CHECK (amount <> 0));
    CREATE TABLE achievements (member_id int, name text, PRIMARY KEY (member_id, name));
    CREATE TABLE ranks (rank int PRIMARY KEY, title text);
    CREATE TABLE snapshots (at timestamptz PRIMARY KEY, body jsonb);
    CREATE TABLE schema_migrations (version varchar(14) PRIMARY KEY);
    CREATE FUNCTION ladder() RETURNS int LANGUAGE sql AS 'SELECT 1';
    INSERT INTO members (nick) VALUES ('Ann'), ('Ben');
    INSERT INTO accounts VALUES (1, 1);
    INSERT INTO transactions (member_id, amount) VALUES (1, 5);
    INSERT INTO achievements VALUES (1, 'first');
    INSERT INTO ranks VALUES (1, 'Newcomer');
    INSERT INTO snapshots VALUES ('2026-01-01', '{}');
    INSERT INTO schema_migrations VALUES ('20260101000000'), ('20261122000001');
"""


async def test_a_bots_own_tables_stay_as_they_are(server, redis_url):
    name = f"moving_{next(_numbers)}"
    psql(server.url.replace("/old", "/postgres"), "-c", f"CREATE DATABASE {name}")
    url = server.url.replace("/old", f"/{name}")
    psql(url, "-c", BOT)
    before = dump_of_public(url)

    migrate(url)
    new = Driver(NEW_DRIVER, ROOT, url, redis_url)
    new.does("record", "4")
    new.does("settle")
    assert new.does("link", "2")["outcomes"] == ["linked", "linked"]
    assert new.does("reconcile")["passes"] == ["finished"]

    assert dump_of_public(url) == before
    assert new.audit()["equal"]
    # The bot, on the same login, still finds its own tables by their short names.
    assert psql(url, "-c", "SELECT nick FROM members ORDER BY id") == "Ann\nBen\n"
    assert psql(url, "-c", "SELECT ladder()") == "1\n"


def dump_of_public(url: str) -> str:
    return subprocess.run(
        [str(postgres_tool("pg_dump")), "--schema=public", "--restrict-key=bot", url],
        capture_output=True,
        text=True,
        check=True,
    ).stdout


async def greet_as_postgres_13(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer as an old server does until it is ready for the first statement."""

    def message(kind: bytes, body: bytes) -> bytes:
        return kind + (len(body) + 4).to_bytes(4, "big") + body

    ssl_request = 8
    size = int.from_bytes(await reader.readexactly(4), "big")
    await reader.readexactly(size - 4)
    if size == ssl_request:
        writer.write(b"N")
        size = int.from_bytes(await reader.readexactly(4), "big")
        await reader.readexactly(size - 4)
    for kind, body in (
        (b"R", bytes(4)),
        (b"S", b"server_version\x0013.16\x00"),
        (b"S", b"client_encoding\x00UTF8\x00"),
        (b"K", bytes(8)),
        (b"Z", b"I"),
    ):
        writer.write(message(kind, body))
    await writer.drain()
    await reader.read(1)  # the client says that it goes
    writer.close()


async def test_a_postgres_that_is_too_old_is_refused_in_one_sentence():
    old_server = await asyncio.start_server(greet_as_postgres_13, "127.0.0.1", 0)
    port = old_server.sockets[0].getsockname()[1]
    async with old_server:
        with pytest.raises(LaunchError) as refused:
            await asyncio.to_thread(migrate, f"postgresql://bot@127.0.0.1:{port}/bot")

    assert str(refused.value) == (
        "this is Postgres 13, and twinstream needs 14 or newer: upgrade the server first"
    )
