"""A backfill through the real discord.py and the sandbox's limits.

Members promoted meanwhile are shown as soon as without it, and a process that is killed anywhere
loses and repeats nothing visible.
"""

import asyncio
import random
import statistics
import time
import warnings
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from functools import partial

import asyncpg
import msgspec
import pytest
import structlog

import schemas
from config import Settings
from db.ledger import events
from db.ledger.envelopes import Envelope
from db.ledger.ranks import RankRow, set_ranks
from sandbox import Call, load_seed
from tests.support.discord_display import GIVE, NEWCOMER, TAKE, Server
from tests.support.processes import consumers, environment
from tests.support.settling import NOON, until

with warnings.catch_warnings():
    # discord.py 2.7.1 imports audioop, which Python 3.11 and 3.12 deprecate.
    warnings.simplefilter("ignore", DeprecationWarning)
    from consumers.display.discord_roles.roles import open_role

log = structlog.get_logger("twinstream.test")

MEMBERS = 5_000
#: Ten writes in ten seconds are ten in half a second here.
SCALE = 0.05
PROMOTED = 40
#: Seconds between two promotions.
PROMOTED_EVERY_S = 5.0 * SCALE
#: Up to four visits may be in progress at a promotion; on a slow machine they take a while.
VISITS_S_MAX = 0.25


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with Server(limit_scale=SCALE) as server:
        yield server


@pytest.fixture
def settings(settings: Settings, server: Server) -> Settings:
    return server.known_to(settings)


@pytest.fixture
def community(community):
    limits = msgspec.structs.replace(community.consumers, discord_window_ms=int(10_000 * SCALE))
    return msgspec.structs.replace(community, consumers=limits)


async def earn(pool: asyncpg.Pool, user_ids: Sequence[int], delta_xp: int) -> None:
    envelopes = []
    for user_id in user_ids:
        event = schemas.xp_changed(
            user_id=user_id,
            delta_xp=delta_xp,
            source="discord",
            reason="game_guess",
            entity_id=str(delta_xp),
            occurred_at=NOON,
        )
        envelopes.append(Envelope(event, schemas.encode(event)))
    async with pool.acquire() as conn, conn.transaction():
        await events.record(conn, "discord", envelopes)


def gives_a_role(call: Call, *, user_id: int) -> bool:
    return call.name == GIVE and call.request["path"]["user_id"] == str(user_id)


async def promote(pool: asyncpg.Pool, server: Server, user_ids: Sequence[int]) -> list[float]:
    """Promote members at intervals. Returns after how many seconds each was given the role."""
    waits = []
    chance = random.Random(7)
    for user_id in user_ids:
        await asyncio.sleep(PROMOTED_EVERY_S * chance.uniform(0.5, 1.5))
        after = server.transcript.last
        began = time.perf_counter()
        await earn(pool, [user_id], 1_000)
        await server.transcript.wait_for(
            partial(gives_a_role, user_id=user_id),
            timeout=30.0,
            after=after,
        )
        waits.append(time.perf_counter() - began)
    return waits


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


@pytest.mark.nightly
async def test_over_real_sockets_a_backfill_does_not_move_the_p95_of_live_promotions(
    resources, pool, server
):
    await set_ranks(pool, [RankRow("One", 100), RankRow("Top", 1_000)])
    user_ids = [server.platform.people.join(name=f"member {n}") for n in range(MEMBERS)]
    first, second = user_ids[:PROMOTED], user_ids[PROMOTED : 2 * PROMOTED]
    for begin in range(0, MEMBERS, 1_000):
        await earn(pool, user_ids[begin : begin + 1_000], 10)
    await pool.execute("UPDATE surfaces SET shown = wanted, shown_at = now()")
    stop = asyncio.Event()

    async with open_role(resources) as role:

        async def run() -> None:
            while not stop.is_set():
                if not await role.step():
                    await asyncio.sleep(role.pause_s)

        running = asyncio.create_task(run())
        alone = await promote(pool, server, first)
        assert (
            await set_ranks(pool, [RankRow("One", 5), RankRow("Top", 1_000)]) == MEMBERS - PROMOTED
        )
        before = len(server.calls(GIVE))
        amid = await promote(pool, server, second)
        backfilled = len(server.calls(GIVE)) - before - PROMOTED
        stop.set()
        await running

    log.info(
        "p95.measured",
        alone_s=round(p95(alone), 3),
        amid_backfill_s=round(p95(amid), 3),
        window_s=10 * SCALE,
        backfilled=backfilled,
    )
    assert backfilled >= PROMOTED
    assert p95(amid) < p95(alone) + VISITS_S_MAX
    assert {call.status for call in (*server.calls(GIVE), *server.calls(TAKE))} == {204}


TOML = """
[telegram]
chat_id = -1001000000001
[discord]
guild_id = 900000000000000001
[[ranks]]
name = "Newcomer"
xp = 5
discord_role = 900000000000000101
[consumers]
surfaces_interval_ms = 10
discord_window_ms = 500
"""


@pytest.mark.nightly
async def test_killed_at_any_point_of_a_backfill_it_loses_and_repeats_nothing_visible(
    pool, server, own_redis_url, database_url, tmp_path
):
    """A process is killed again and again, at moments that have nothing to do with its work."""
    toml = tmp_path / "twinstream.toml"
    toml.write_text(TOML)
    await set_ranks(pool, [RankRow("Newcomer", 100)])
    user_ids = [server.platform.people.join(name=f"member {n}") for n in range(60)]
    await earn(pool, user_ids, 10)
    await pool.execute("UPDATE surfaces SET shown = wanted, shown_at = now()")
    environ = environment(
        REDIS_URL=own_redis_url,
        DATABASE_URL=database_url,
        TWINSTREAM_CONFIG=str(toml),
        DISCORD_TOKEN=load_seed().discord.token,
        DISCORD_API_BASE=server.platform.api_base,
        DISCORD_GATEWAY_URL=server.platform.gateway_url,
    )
    chance = random.Random(11)
    kills = 0

    def given() -> int:
        return len(server.calls(GIVE))

    while given() < len(user_ids):
        assert kills < 20, f"only {given()} were shown"
        async with consumers("discord-roles", environ=environ) as running:
            goal = min(given() + chance.randint(1, 12), len(user_ids))

            async def got_on(goal: int = goal) -> bool:
                return given() >= goal

            await until(got_on, what=f"{goal} are shown", deadline_s=30.0)
            await asyncio.sleep(chance.uniform(0.0, 0.02))
            running.process.kill()
        kills += 1
        # The leases of the dead process end after minutes; here they end at once.
        await pool.execute("UPDATE surfaces SET taken_until = now() WHERE taken_until > now()")
    async with consumers("discord-roles", environ=environ):

        async def all_noted() -> bool:
            return not await pool.fetchval(
                "SELECT EXISTS (SELECT FROM surfaces WHERE platform = 'discord'"
                " AND wanted IS DISTINCT FROM shown)"
            )

        await until(all_noted, what="everything is noted as shown", deadline_s=30.0)

    assert all(server.roles_of(user_id) == {NEWCOMER} for user_id in user_ids)
    writes = Counter(call.request["path"]["user_id"] for call in server.calls(GIVE))
    assert set(writes.values()) == {1}, "a role was given twice"
    assert server.calls(TAKE) == []
    log.info("backfill.killed", kills=kills, members=len(user_ids))
