"""A backfill of thousands: members promoted meanwhile do not wait, and no write is repeated."""

import asyncio
import itertools
import statistics
import time
import warnings
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from typing import NamedTuple

import asyncpg
import msgspec
import pytest
import structlog
from structlog.testing import capture_logs

import schemas
from bus import Source
from config import Settings
from consumers.display import role as surfaces_module
from consumers.display.call_pacing import RateLimit
from consumers.display.port import Hindrances
from consumers.display.role import PATIENT_MEMBERS_MAX, DisplayRole
from db.ledger import events
from db.ledger.envelopes import Envelope
from db.ledger.ranks import RankRow, set_ranks
from db.surfaces import BACKFILL
from db.surfaces.display_visits import Visit
from tests.support.discord_display import GIVE, TAKE, Server
from tests.support.settling import NOON, until

with warnings.catch_warnings():
    # discord.py 2.7.1 imports audioop, which Python 3.11 and 3.12 deprecate.
    warnings.simplefilter("ignore", DeprecationWarning)
    from consumers.display.discord_roles.roles import open_role

log = structlog.get_logger("twinstream.test")

MEMBERS = 5_000
SCALE = 0.002
AFTER_RESTART = 200
_entities = itertools.count(1)


class Wait(NamedTuple):
    """How long a member waited to be shown, and how many members were shown before them."""

    seconds: float
    behind: int


class Wall:
    """A display in memory that lets 9 writes through in 10 seconds, scaled, and remembers them."""

    platform: Source = "discord"

    def __init__(self) -> None:
        clock = asyncio.get_running_loop().time
        self._writes = RateLimit(9, 10.0 * SCALE, clock=clock)
        self.visits: list[tuple[Visit, float]] = []

    def describe(self):
        return {}

    def room(self, *, urgent: bool) -> int:
        return self._writes.free(urgent=urgent)

    async def survey(self) -> Hindrances:
        return Hindrances(None, {})

    def take_bots(self) -> frozenset[int]:
        return frozenset()

    async def show(self, visit: Visit) -> None:
        await self._writes.take()
        self.visits.append((visit, time.perf_counter()))


async def make_members(pool: asyncpg.Pool, account_ids: Iterable[int]) -> None:
    """Members without XP who have accounts on both platforms."""
    await pool.execute(
        """
        WITH made AS (
            INSERT INTO members (xp) SELECT 0 FROM unnest($1::bigint[]) RETURNING id
        ), numbered AS (
            SELECT id, row_number() OVER () AS number FROM made
        )
        INSERT INTO accounts (platform, account_id, member_id)
        SELECT p, ($1::bigint[])[number], id
        FROM numbered, unnest(ARRAY['telegram', 'discord']) AS p
        """,
        list(account_ids),
    )


async def give_xp(pool: asyncpg.Pool, gains: Iterable[tuple[int, int]]) -> None:
    """Record one event in Discord for each member and gain."""
    envelopes = []
    for user_id, delta_xp in gains:
        event = schemas.xp_changed(
            user_id=user_id,
            delta_xp=delta_xp,
            source="discord",
            reason="game_guess",
            entity_id=str(next(_entities)),
            occurred_at=NOON,
        )
        envelopes.append(Envelope(event, schemas.encode(event)))
    async with pool.acquire() as conn, conn.transaction():
        await events.record(conn, "discord", envelopes)


async def run(role: DisplayRole, stop: asyncio.Event) -> None:
    while not stop.is_set():
        if not await role.step():
            await asyncio.sleep(0.001)


async def promote_live(pool: asyncpg.Pool, wall: Wall, user_ids: Iterable[int]) -> list[Wait]:
    """Promote one after the other. Returns how long each waited, and behind how many others.

    Both count from the commit: a member who is shown during it is not counted as ahead.
    """
    waits = []
    for user_id in user_ids:
        before = len(wall.visits)  # it may be shown before `give_xp` is seen to return
        await give_xp(pool, [(user_id, 1_000)])
        committed, began = len(wall.visits), time.perf_counter()

        async def shown(user_id: int = user_id, before: int = before) -> bool:
            return any(one.account_id == user_id for one, _ in wall.visits[before:])

        await until(shown, what=f"{user_id} is shown", deadline_s=60.0)
        number, at = next(
            (number, at)
            for number, (one, at) in enumerate(wall.visits[before:], start=before)
            if one.account_id == user_id
        )
        waits.append(Wait(max(at - began, 0.0), max(number - committed, 0)))
    return waits


async def test_live_promotions_do_not_wait_behind_a_backfill_and_a_restart_repeats_nothing(
    resources, pool, monkeypatch
):
    monkeypatch.setattr(surfaces_module, "PROGRESS_S", 0.5)
    await set_ranks(pool, [RankRow("One", 100), RankRow("Top", 1_000)])
    backfilled, first, second = range(1, MEMBERS + 1), range(9_001, 9_041), range(9_101, 9_141)
    await make_members(pool, [*backfilled, *first, *second])
    for begin in range(1, MEMBERS + 1, 1_000):
        await give_xp(pool, [(user_id, 10) for user_id in range(begin, begin + 1_000)])
    await pool.execute("UPDATE surfaces SET shown = wanted, shown_at = now()")
    wall, stop = Wall(), asyncio.Event()
    running = asyncio.create_task(run(DisplayRole(wall, resources), stop))
    alone = await promote_live(pool, wall, first)

    with capture_logs() as logs:
        assert await set_ranks(pool, [RankRow("One", 5), RankRow("Top", 1_000)]) == MEMBERS
        amid = await promote_live(pool, wall, second)
        stop.set()
        await running
        before_restart = len(wall.visits)
        again = asyncio.Event()
        running = asyncio.create_task(run(DisplayRole(wall, resources), again))

        async def went_on() -> bool:
            return len(wall.visits) >= before_restart + AFTER_RESTART

        await until(went_on, what="the backfill goes on", deadline_s=60.0)
        again.set()
        await running

    visits = Counter(one.account_id for one, _ in wall.visits)
    assert max(visits.values()) == 1, "somebody was shown the same twice"
    assert visits.keys() >= {*first, *second}
    done = await pool.fetchval("SELECT count(*) FROM surfaces WHERE wanted = shown")
    due = await pool.fetchval(
        "SELECT count(*) FROM surfaces"
        " WHERE wanted IS DISTINCT FROM shown AND retry_at IS NULL AND taken_until IS NULL"
    )
    assert done == len(visits)
    assert due == MEMBERS + len(first) + len(second) - done
    assert all(one.priority == BACKFILL for one, _ in wall.visits if one.account_id <= MEMBERS)
    assert max(wait.behind for wait in amid) <= PATIENT_MEMBERS_MAX
    p95_alone, p95_amid = (p95([one.seconds for one in waits]) for waits in (alone, amid))
    assert p95_amid < 1.0 + 3 * p95_alone
    log.info("p95.measured", alone_s=round(p95_alone, 4), amid_backfill_s=round(p95_amid, 4))
    progress = [line for line in logs if line["event"] == "backlog.measured"]
    assert progress
    assert {"shown", "left", "about_s"} <= progress[-1].keys()


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with Server(limit_scale=0.005) as server:
        yield server


@pytest.fixture
def settings(settings: Settings, server: Server) -> Settings:
    return server.known_to(settings)


@pytest.fixture
def community(community):
    limits = msgspec.structs.replace(community.consumers, discord_window_ms=50)
    return msgspec.structs.replace(community, consumers=limits)


@pytest.mark.parametrize(
    "spread",
    [
        pytest.param(False, id="at once", marks=pytest.mark.nightly),
        pytest.param(True, id="while they are shown"),
    ],
)
async def test_ten_thousand_events_cost_one_write_for_each_rank_that_is_shown(
    resources, pool, server, spread
):
    """1,000 members, ten events each; 150 of them end in another rank than they began."""
    present = [server.platform.people.join(name=f"member {n}") for n in range(150)]
    others = [700_000_000_000_000_000 + n for n in range(850)]
    await make_members(pool, [*present, *others])
    rounds = [
        [(one, 4) for one in present] + [(one, (1, -1)[number % 2]) for one in others]
        for number in range(10)
    ]
    await give_xp(pool, rounds[0])
    await pool.execute("UPDATE surfaces SET shown = wanted, shown_at = now() WHERE wanted = 0")

    async with open_role(resources) as role:
        for gains in rounds[1:]:
            await give_xp(pool, gains)
            if spread:
                await role.step()

        async def done() -> bool:
            await role.step()
            return not await pool.fetchval(
                "SELECT EXISTS (SELECT FROM surfaces WHERE wanted IS DISTINCT FROM shown)"
            )

        await until(done, what="all 150 ranks are shown", deadline_s=120.0)

    given, taken = server.calls(GIVE), server.calls(TAKE)
    shown = Counter(tuple(call.request["path"].values()) for call in given)
    assert max(shown.values()) == 1, "a rank was written twice"
    assert len(given) == 150 + len(taken)
    assert bool(taken) is spread
    assert {call.status for call in (*given, *taken)} == {204}
    log.info("writes.counted", events=10_000, ranks_shown=150, given=len(given), taken=len(taken))
