"""Slots: one living process holds a number at a time, and a dead one's is free at once."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import asyncpg
import pytest
from structlog.testing import capture_logs

from db.sessions import slots
from db.sessions.slots import Lease, SlotTaken, lease_slots
from tests.support.settling import until

LOCK = "SELECT pg_advisory_lock(hashtext('twinstream.slots.discord'), $1)"
SESSIONS = """
    SELECT pid FROM pg_stat_activity
    WHERE application_name LIKE 'twinstream/%/slots' AND datname = current_database()
"""


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "CONNECT_AGAIN_S", 0.01)
    monkeypatch.setattr(slots, "LOOK_EVERY_S", 0.05)
    monkeypatch.setattr(slots, "NOTICED_S_MAX", 0.5)


@contextlib.asynccontextmanager
async def leased(database_url: str, *groups: str, first: int = 1) -> AsyncIterator[Lease]:
    async with lease_slots(database_url, groups or ("discord",), first=first) as lease:
        yield lease


async def test_each_process_gets_the_next_free_number_of_each_group(database_url):
    async with (
        leased(database_url, "discord", "reconcile") as one,
        leased(database_url, "discord") as two,
        leased(database_url, "telegram", "reconcile") as three,
        leased(database_url, "discord", first=7) as seven,
        leased(database_url, "discord", first=7) as mistaken,
    ):
        assert one.slots == {"discord": 1, "reconcile": 1}
        assert two.slots == {"discord": 2}
        assert three.slots == {"telegram": 1, "reconcile": 2}
        assert (seven.slots, mistaken.slots) == ({"discord": 7}, {"discord": 8})


async def test_a_number_is_free_again_when_its_process_has_ended(database_url):
    async with leased(database_url):
        pass

    async def is_first() -> bool:
        async with leased(database_url) as again:
            return again.slots == {"discord": 1}

    await until(is_first, what="Postgres ended the session")


async def test_a_process_whose_session_ends_takes_its_number_again(database_url, pool):
    async with leased(database_url) as one:
        losing = asyncio.create_task(one.lost())
        pid = await pool.fetchval(SESSIONS)
        await pool.execute("SELECT pg_terminate_backend($1)", pid)

        async def is_back() -> bool:
            return await pool.fetchval(SESSIONS) not in (None, pid)

        await until(is_back, what="a new session")
        async with leased(database_url) as two:
            assert two.slots == {"discord": 2}
        assert not losing.done()
        losing.cancel()


@contextlib.asynccontextmanager
async def read_only(pool: asyncpg.Pool) -> AsyncIterator[None]:
    """A server that takes no writes, as one that a failover left behind."""
    await pool.execute("ALTER SYSTEM SET default_transaction_read_only = on")
    try:
        await pool.execute("SELECT pg_reload_conf()")
        yield
    finally:
        await pool.execute("ALTER SYSTEM RESET default_transaction_read_only")
        await pool.execute("SELECT pg_reload_conf()")


async def test_a_process_keeps_its_number_while_its_server_takes_no_writes(database_url, pool):
    async with leased(database_url) as one:
        losing = asyncio.create_task(one.lost())
        pids = {await pool.fetchval(SESSIONS)}

        async def changed_thrice() -> bool:
            pids.add(await pool.fetchval(SESSIONS))
            return losing.done() or len(pids - {None}) > 3

        async with read_only(pool):
            await until(changed_thrice, what="three new sessions, or the loss of the slot")
        assert not losing.done(), losing
        losing.cancel()


async def test_a_process_that_works_on_without_its_lock_says_why_once(database_url, pool):
    name = await pool.fetchval("SELECT current_database()")
    admin = await asyncpg.connect(database_url, database="postgres")
    with capture_logs() as lines:
        async with leased(database_url):
            pid = await pool.fetchval(SESSIONS)

            async def is_back() -> bool:
                return [line["event"] for line in lines].count("slots.leased") == 2

            async def is_said() -> bool:
                return any(line["event"] == "slots.lapsed" for line in lines)

            await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            try:
                await pool.execute("SELECT pg_terminate_backend($1)", pid)
                await until(is_said, what="the process says that it has no lock")
            finally:
                await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
                await admin.close()
            await until(is_back, what="a new session")

    assert [line["event"] for line in lines] == ["slots.leased", "slots.lapsed", "slots.leased"]
    assert "not currently accepting connections" in lines[1]["why"]


async def test_a_process_whose_number_was_taken_meanwhile_is_told(database_url, pool):
    other = await asyncpg.connect(database_url)
    async with leased(database_url) as one:
        # It waits for the number, so Postgres gives it the number when the session ends.
        waiting = asyncio.create_task(other.execute(LOCK, 1))

        async def waits() -> bool:
            return bool(await pool.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))

        await until(waits, what="another process wants the number")
        await pool.execute(f"SELECT pg_terminate_backend(pid) FROM ({SESSIONS}) AS s")
        await waiting

        with pytest.raises(SlotTaken, match="slot 1 of the group discord"):
            await one.lost()
    await other.close()


async def test_without_a_group_no_session_is_opened(database_url, pool):
    async with lease_slots(database_url, (), first=3) as lease:
        assert lease.slots == {}
        assert await pool.fetchval(SESSIONS) is None
