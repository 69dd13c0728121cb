"""A replica of Postgres takes over, and the old primary stays up without taking writes."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

import schemas
from config import Community, Settings
from consumers.runtime.resources import Resources, open_resources
from db import Producer, StorageUnavailable, open_pool
from db.sessions import notifications
from db.upkeep.audit import audit
from launch.servers import Server
from tests.support.patience import PATIENCE_S
from tests.support.postgres_replica import Replicated, ask, replicated
from tests.support.reconcile import let_everything_arrive
from tests.support.settling import until

EVENTS_BEFORE, EVENTS_AFTER = 10, 10
WRITTEN = "SELECT count(*) FROM twinstream.sync_events"
LISTENS = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE '%/relay-listen'"


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Replicated]:
    with replicated(tmp_path) as servers:
        yield servers


class Bot:
    """A bot whose members win one game after the other, and which tries again while it cannot."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self.created = 0

    async def close(self) -> None:
        await self._producer.close()

    async def win(self) -> None:
        self.created += 1
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    await self._producer.create_xp_change_event(
                        user_id=1000 + self.created % 7,
                        delta_xp=1,
                        source="telegram",
                        reason="game_guess",
                        entity_id=str(self.created),
                    )
                except StorageUnavailable:
                    await asyncio.sleep(0.01)
                    continue
                return


@pytest.mark.postgres
async def test_processes_find_the_new_primary_beside_an_old_one_that_only_reads(
    servers: Replicated,
    redis_server: Server,
    community: Community,
    keys,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(notifications, "LOOK_EVERY_S", 0.1)
    monkeypatch.setattr(notifications, "CONNECT_AGAIN_S", 0.1)
    settings = Settings(redis_url=redis_server.url, database_url=servers.url)
    stop = asyncio.Event()
    async with (
        open_resources(settings, community, stop, keys=keys) as resources,
        notifications.listening(servers.url),
        await open_pool(servers.url, name="bot", size_max=3) as pool,
    ):
        bot = Bot(Producer(pool, schemas, resources.publisher))

        # Given a primary at work, and connections of each process to it
        for _ in range(EVENTS_BEFORE):
            await bot.win()
        await let_everything_arrive(resources)
        await asyncio.to_thread(servers.until_even)

        # When the replica takes over
        await asyncio.to_thread(servers.promote)
        for _ in range(EVENTS_AFTER):
            await bot.win()
        await until(lambda: has_settled(resources), what="the consumers settle again")
        await let_everything_arrive(resources)

        # Then the new primary has everything, and every process is connected to it
        assert ask(servers.primary, WRITTEN) == [EVENTS_BEFORE]
        assert ask(servers.replica, WRITTEN) == [EVENTS_BEFORE + EVENTS_AFTER]
        async with pool.acquire() as conn:
            assert (await audit(conn, {})).differences == 0

        async def listens() -> bool:
            return ask(servers.replica, LISTENS) == [1]

        await until(listens, what="the relay listens to the new primary")
        await bot.close()


async def has_settled(resources: Resources) -> bool:
    try:
        await let_everything_arrive(resources)
    except StorageUnavailable:
        return False
    return True


async def test_a_login_that_was_read_only_for_a_while_writes_again(
    database_url: str, pool: asyncpg.Pool
):
    """As after `ALTER ROLE ... SET default_transaction_read_only`, lifted later."""
    name = await pool.fetchval("SELECT current_database()")
    change = "UPDATE twinstream.members SET xp = xp"
    await pool.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    async with await open_pool(database_url, name="test", size_max=2) as ours:
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await ours.execute(change)

        await pool.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")

        await ours.execute(change)
