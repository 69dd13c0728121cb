"""PgBouncer in transaction mode between our processes and Postgres."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import asyncpg
import msgspec
import pytest
import structlog

import schemas
from config import Settings
from consumers.operate import doctor
from consumers.relay.role import Relay
from consumers.relay.role import open_role as open_relay
from consumers.runtime.resources import Resources
from db import BadDatabaseUrl, Producer, open_pool
from db.sessions.notifications import POOLED
from db.sessions.slots import lease_slots
from db.upkeep.audit import audit
from launch import migrate
from launch.errors import LaunchError
from launch.servers import Server
from tests.support.linking import LinkOutcome, issue_code, redeem_code
from tests.support.pgbouncer import pgbouncer
from tests.support.reconcile import a_pass, let_everything_arrive, opened
from tests.support.settling import Desk, until

PLAYERS, GAMES = 6, 3
IGNORED = "idle_in_transaction_session_timeout, default_transaction_isolation"


@pytest.fixture(scope="module", params=["refuses", "ignores"])
def pooler(
    request: pytest.FixtureRequest, postgres: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of a pooler that refuses settings, or of one that drops them."""
    more = {} if request.param == "refuses" else {"ignore_startup_parameters": IGNORED}
    with pgbouncer(tmp_path_factory.mktemp("pgbouncer"), postgres, **more) as url:
        yield url


@pytest.fixture
def pooled_url(pooler: str, database_url: str) -> str:
    return urlsplit(pooler)._replace(path=urlsplit(database_url).path).geturl()


@pytest.fixture
def settings(settings: Settings, pooled_url: str) -> Settings:
    return msgspec.structs.replace(settings, database_url=pooled_url)


@pytest.fixture
async def bots(pooled_url: str) -> AsyncIterator[list[asyncpg.Pool]]:
    """The pools of two bots."""
    async with (
        await open_pool(pooled_url, name="bot") as one,
        await open_pool(pooled_url, name="bot") as two,
    ):
        yield [one, two]


async def test_many_processes_share_a_few_connections_behind_a_pooler(
    resources: Resources, bots: list[asyncpg.Pool], desk: Desk
):
    """Two bots, the consumers and an audit, each with a pool of its own."""
    producers = [Producer(bot, schemas, resources.publisher) for bot in bots]

    async def play(player: int) -> None:
        for game in range(GAMES):
            await producers[player % 2].create_xp_change_event(
                user_id=1000 + player,
                delta_xp=5,
                source="telegram" if player % 2 else "discord",
                reason="game_guess",
                entity_id=str(game),
            )
            async with producers[player % 2].transaction() as conn:
                assert await conn.fetchval("SELECT $1::int", player) == player

    await asyncio.gather(*map(play, range(PLAYERS)))
    for producer in producers:
        await producer.close()
    async with bots[0].acquire() as conn:
        code = await issue_code(conn, "telegram", 1001)
    async with bots[1].acquire() as conn:
        assert await redeem_code(conn, "discord", 1002, code) is LinkOutcome.LINKED
    await let_everything_arrive(resources)
    async with opened(resources) as reconcile:
        assert (await a_pass(reconcile, resources.pool)).status == "finished"

    assert await desk.statuses() == {"completed": PLAYERS * GAMES}
    async with bots[0].acquire() as conn:
        assert (await audit(conn, {})).differences == 0


async def test_a_pooler_is_noticed_once_per_process_and_can_be_announced(pooled_url: str):
    with structlog.testing.capture_logs() as lines:
        for url in (pooled_url, f"{pooled_url}?pgbouncer=true"):
            async with await open_pool(url, name="bot") as pool:
                assert await pool.fetchval("SELECT $1::int", 5) == 5

    assert [line["event"] for line in lines] == ["pooler.noticed"]


async def test_an_option_that_neither_asyncpg_nor_the_pooler_knows_is_no_outage(pooled_url: str):
    with pytest.raises(BadDatabaseUrl, match="option after its"):
        await open_pool(f"{pooled_url}?applicationname=bot", name="bot")


async def test_nothing_is_migrated_through_a_pooler(pooled_url: str):
    with pytest.raises(LaunchError, match="needs Postgres itself"):
        migrate.migrate(pooled_url)
    with pytest.raises(LaunchError, match="needs Postgres itself"):
        migrate.migrate(f"{pooled_url}?pgbouncer=true")


async def test_the_relay_hears_of_commits_past_a_pooler_or_asks_for_the_address(
    resources: Resources, database_url: str, pooled_url: str, pool: asyncpg.Pool
):
    past = msgspec.structs.replace(resources.settings, database_listen_url=database_url)
    through = msgspec.structs.replace(resources.settings, database_listen_url=pooled_url)

    async def is_heard() -> bool:
        return bool(
            await pool.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND application_name LIKE '%/relay-listen'"
            )
        )

    async with open_relay(dataclasses.replace(resources, settings=past)):
        await until(is_heard, what="the relay listens on Postgres itself")
    with structlog.testing.capture_logs() as lines:
        async with open_relay(dataclasses.replace(resources, settings=through)) as relay:
            assert isinstance(relay, Relay)
            await until(lambda: asyncio.sleep(0, bool(lines)), what="the relay says why")
    assert lines[0]["why"] == POOLED


async def test_the_doctor_says_how_long_events_wait_behind_a_pooler(
    settings: Settings, database_url: str
):
    async def diagnosis(settings: Settings) -> doctor.Diagnosis:
        found = [one async for one in doctor.examine(settings) if one.what == doctor.NOTIFICATIONS]
        assert len(found) == 1
        return found[0]

    through = await diagnosis(settings)
    assert through.remedy is None
    assert through.note == (
        "a pooler stands at DATABASE_URL, and it loses notifications: give the address of Postgres"
        " itself in DATABASE_LISTEN_URL; until then events of SQL callers wait up to 1000 ms"
    )

    past = msgspec.structs.replace(settings, database_listen_url=database_url)
    assert (await diagnosis(past)).note == ""


async def test_behind_a_pooler_the_operator_numbers_the_processes(
    pooled_url: str, database_url: str
):
    with structlog.testing.capture_logs() as lines:
        async with (
            lease_slots(pooled_url, ["discord"], first=4) as pooled,
            lease_slots(database_url, ["discord"], first=1) as direct,
        ):
            assert (pooled.slots, direct.slots) == ({"discord": 4}, {"discord": 1})

    [warning] = [line for line in lines if line["event"] == "slots.not_leased"]
    assert "DATABASE_LISTEN_URL" in warning["why"]
