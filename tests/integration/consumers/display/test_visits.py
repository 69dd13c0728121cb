"""The display role on a display in memory: the members that it visits, and refused visits."""

import asyncio
from collections.abc import Iterable

import asyncpg
import pytest
import structlog
from structlog.testing import capture_logs

import schemas
from bus import Source
from config import Community
from consumers.display import role as surfaces_module
from consumers.display.port import CannotShow, Hindrances
from consumers.display.role import DisplayRole
from consumers.runtime.resources import Resources
from db import StorageUnavailable
from db.ledger import events
from db.ledger.envelopes import Envelope
from db.surfaces import BACKFILL, LINK, RECONCILE
from db.surfaces.display_visits import Visit
from tests.support.patience import PATIENCE_S
from tests.support.settling import xp_payload


class Wall:
    """A display that remembers what each member was shown, and refuses when a test asks it to."""

    platform: Source = "discord"

    def __init__(self) -> None:
        self.visits: list[Visit] = []
        self.shown: dict[int, dict[str, int]] = {}
        self.refusals: dict[int, CannotShow] = {}
        self.obstacle: CannotShow | None = None
        self.during_visit = None
        self.hindrances = Hindrances(None, {})

    def describe(self):
        return {"wall": "in memory"}

    def room(self, *, urgent: bool) -> int:
        return 1_000

    async def survey(self) -> Hindrances:
        return self.hindrances

    def take_bots(self) -> frozenset[int]:
        return frozenset()

    async def show(self, visit: Visit) -> None:
        self.visits.append(visit)
        if self.during_visit is not None:
            await self.during_visit(visit)
        refusal = self.obstacle or self.refusals.get(visit.account_id)
        if refusal is not None:
            raise refusal
        self.shown[visit.account_id] = dict(visit.wanted)


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
async def role(wall: Wall, resources: Resources) -> DisplayRole:
    return DisplayRole(wall, resources)


async def members(pool: asyncpg.Pool, account_ids: Iterable[int]) -> None:
    """People who are known on both platforms; account ids are the same on both."""
    for account_id in account_ids:
        member_id = await pool.fetchval("INSERT INTO members DEFAULT VALUES RETURNING id")
        await pool.executemany(
            "INSERT INTO accounts (platform, account_id, member_id) VALUES ($1, $2, $3)",
            [(platform, account_id, member_id) for platform in ("telegram", "discord")],
        )


async def give_xp(pool: asyncpg.Pool, account_id: int, delta_xp: int, entity_id: str) -> None:
    payload = xp_payload(delta_xp, user_id=account_id, source="discord", entity_id=entity_id)
    async with pool.acquire() as conn, conn.transaction():
        await events.record(conn, "discord", [Envelope(schemas.decode(payload), payload)])


async def test_many_changes_cost_one_visit(role, wall, pool):
    await members(pool, [7])
    for number in range(50):
        await give_xp(pool, 7, 10, str(number))

    assert await role.step() == 1
    assert await role.step() == 0

    assert wall.shown == {7: {"rank": 4}}
    assert len(wall.visits) == 1


async def test_what_people_notice_first_is_shown_first(role, wall, pool):
    """Live promotions, then links, then repairs, then a new ladder of ranks for all members."""
    patience = {7: BACKFILL, 8: RECONCILE, 9: LINK}
    await members(pool, [*patience, 10])
    for account_id in (*patience, 10):
        await give_xp(pool, account_id, 10, "1")
    for account_id, priority in patience.items():
        await pool.execute(
            """
            UPDATE surfaces AS f SET priority = $2 FROM accounts AS a
            WHERE a.member_id = f.member_id AND a.account_id = $1
            """,
            account_id,
            priority,
        )

    while await role.step():
        pass

    assert [visit.account_id for visit in wall.visits] == [10, 9, 8, 7]


async def test_a_change_during_the_visit_brings_another(role, wall, pool):
    await members(pool, [7])
    await give_xp(pool, 7, 10, "first")

    async def promote(visit: Visit) -> None:
        wall.during_visit = None
        await give_xp(pool, 7, 90, "second")

    wall.during_visit = promote
    await role.step()
    await role.step()

    assert [visit.wanted for visit in wall.visits] == [{"rank": 1}, {"rank": 3}]
    assert await role.step() == 0


async def test_a_refused_visit_is_postponed_and_the_other_members_are_visited(role, wall, pool):
    await members(pool, [7, 8])
    await give_xp(pool, 7, 10, "1")
    await give_xp(pool, 8, 10, "1")
    wall.refusals[7] = CannotShow("is not a member", retry_s=3_600)

    assert await role.step() == 2
    assert await role.step() == 0

    assert list(wall.shown) == [8]
    error, retry_s = await pool.fetchrow(
        """
        SELECT f.error, extract(epoch FROM f.retry_at - now())::float
        FROM surfaces AS f JOIN accounts AS a USING (member_id, platform)
        WHERE a.platform = 'discord' AND a.account_id = 7
        """
    )
    assert error == "is not a member"
    assert 3_500 < retry_s <= 3_600


async def test_a_refusal_that_concerns_every_member_ends_this_step_and_the_next_ones(
    role, wall, pool
):
    await members(pool, range(1, 31))
    for account_id in range(1, 31):
        await give_xp(pool, account_id, 10, "1")
    wall.obstacle = CannotShow("Discord asks to wait", retry_s=60, everyone=True)

    assert await role.step() == 1
    assert await role.step() == 0
    assert await role.step() == 0

    assert len(wall.visits) == 1
    leased = await pool.fetchval("SELECT count(*) FROM surfaces WHERE taken_until IS NOT NULL")
    assert leased == 0


async def test_once_the_obstacle_is_gone_every_member_is_visited(role, wall, pool):
    await members(pool, range(1, 31))
    for account_id in range(1, 31):
        await give_xp(pool, account_id, 10, "1")
    wall.obstacle = CannotShow("Discord asks to wait", retry_s=0.05, everyone=True)
    await role.step()
    wall.obstacle = None

    async with asyncio.timeout(PATIENCE_S):
        while len(wall.shown) < 30:
            await role.step()
            await asyncio.sleep(0)


async def test_a_stop_releases_the_members_who_were_not_visited(
    role, wall, pool, stop: asyncio.Event
):
    await members(pool, [7, 8, 9])
    for account_id in (7, 8, 9):
        await give_xp(pool, account_id, 10, "1")

    async def ask_to_stop(visit: Visit) -> None:
        stop.set()

    wall.during_visit = ask_to_stop
    assert await role.step() == 1
    stop.clear()
    wall.during_visit = None
    assert await role.step() == 2

    assert set(wall.shown) == {7, 8, 9}


async def test_a_step_that_takes_too_long_releases_the_rest(role, wall, pool, monkeypatch):
    """The lease must not end while its member may still be visited."""
    monkeypatch.setattr(surfaces_module, "ROUND_S_MAX", 0.0)
    await members(pool, [7, 8])
    await give_xp(pool, 7, 10, "1")
    await give_xp(pool, 8, 10, "1")

    assert await role.step() == 0

    leased = await pool.fetchval("SELECT count(*) FROM surfaces WHERE taken_until IS NOT NULL")
    assert leased == 0


async def test_a_visit_that_hangs_is_cancelled(role, wall, pool, monkeypatch):
    monkeypatch.setattr(surfaces_module, "VISIT_S_MAX", 0.05)
    await members(pool, [7])
    await give_xp(pool, 7, 10, "1")

    async def hang(visit: Visit) -> None:
        await asyncio.Event().wait()

    wall.during_visit = hang
    async with asyncio.timeout(PATIENCE_S):
        assert await role.step() == 1

    error = await pool.fetchval("SELECT error FROM surfaces WHERE error IS NOT NULL")
    assert "took longer" in error


async def test_no_lease_ends_before_the_last_visit_of_its_round_can():
    assert surfaces_module.LEASE_S > surfaces_module.ROUND_S_MAX + surfaces_module.VISIT_S_MAX


async def test_two_workers_never_visit_the_same_member_at_once(wall, resources: Resources, pool):
    await members(pool, range(1, 31))
    for account_id in range(1, 31):
        await give_xp(pool, account_id, 10, "1")
    workers = [DisplayRole(wall, resources), DisplayRole(wall, resources)]

    while sum(await asyncio.gather(*(worker.step() for worker in workers))):
        pass

    visited = [visit.account_id for visit in wall.visits]
    assert sorted(visited) == list(range(1, 31))


@pytest.mark.parametrize("outcome", ["shown", "refused"])
async def test_a_worker_that_outlasts_its_lease_has_the_member_visited_again(
    wall, resources: Resources, pool, outcome
):
    """The slow worker's write is older than the quick worker's, and came later."""
    await members(pool, [7])
    await give_xp(pool, 7, 10, "first")
    slow, quick = DisplayRole(wall, resources), DisplayRole(wall, resources)

    async def the_lease_ends_and_somebody_else_comes(visit: Visit) -> None:
        wall.during_visit = None
        await pool.execute("UPDATE surfaces SET taken_until = now() - interval '1 second'")
        await give_xp(pool, 7, 90, "second")
        assert await quick.step() == 1
        if outcome == "refused":
            wall.shown[7] = dict(visit.wanted)
            raise CannotShow("the answer was lost", retry_s=1)

    wall.during_visit = the_lease_ends_and_somebody_else_comes
    with capture_logs() as logs:
        await slow.step()
    assert wall.shown == {7: {"rank": 1}}
    assert [log["account_id"] for log in logs if log["event"] == "surface_lease.expired"] == [7]

    assert await quick.step() == 1

    assert wall.shown == {7: {"rank": 3}}
    assert await slow.step() == 0


async def test_a_worker_that_waits_for_the_platform_lets_others_visit_meanwhile(
    wall, resources: Resources, pool
):
    await members(pool, [7])
    await give_xp(pool, 7, 10, "first")
    slow, quick = DisplayRole(wall, resources), DisplayRole(wall, resources)

    async def the_lease_ends_and_the_answer_is_lost(visit: Visit) -> None:
        wall.during_visit = None
        await pool.execute("UPDATE surfaces SET taken_until = now() - interval '1 second'")
        await give_xp(pool, 7, 90, "second")
        await quick.step()
        wall.shown[7] = dict(visit.wanted)
        raise CannotShow("the answer was lost", retry_s=60, everyone=True)

    wall.during_visit = the_lease_ends_and_the_answer_is_lost
    await slow.step()

    assert await slow.step() == 0
    assert await quick.step() == 1
    assert wall.shown == {7: {"rank": 3}}


async def test_a_visit_that_postgres_could_not_record_is_repeated(wall, resources: Resources, pool):
    await members(pool, [7])
    await give_xp(pool, 7, 10, "first")
    role = DisplayRole(wall, resources)

    async def postgres_goes_away(visit: Visit) -> None:
        wall.during_visit = None
        await pool.execute("ALTER TABLE surfaces RENAME TO away")

    wall.during_visit = postgres_goes_away
    with pytest.raises(StorageUnavailable):
        await role.step()
    await pool.execute("ALTER TABLE away RENAME TO surfaces")

    assert await role.step() == 1
    assert await role.step() == 0
    assert len(wall.visits) == 2


async def test_a_cause_is_logged_once(role, wall, pool):
    await members(pool, range(1, 11))
    for account_id in range(1, 11):
        await give_xp(pool, account_id, 10, "1")
        if account_id % 2:
            wall.refusals[account_id] = CannotShow("is not a member", retry_s=60)

    with capture_logs() as logs:
        await role.step()

    told = [line["log_level"] for line in logs if line["event"] == "surface.postponed"]
    assert sorted(told) == ["debug"] * 4 + ["warning"]


async def test_an_obstacle_and_its_end_are_logged_once(role, wall, pool):
    await members(pool, [7])
    await give_xp(pool, 7, 10, "1")
    wall.obstacle = CannotShow("Discord asks to wait", retry_s=0.0, everyone=True)

    with capture_logs() as logs:
        await role.step()
        await role.step()
        wall.obstacle = None
        await role.step()

    told = [(line["event"], line["log_level"]) for line in logs]
    assert told == [
        ("surface.postponed", "warning"),
        ("surface.postponed", "debug"),
        ("display.resumed", "info"),
        ("surface.shown", "info"),
    ]


async def test_the_memory_of_causes_is_bounded(role, wall, pool):
    await members(pool, range(1, 21))
    for account_id in range(1, 21):
        await give_xp(pool, account_id, 10, "1")
    for round_ in range(10):
        for account_id in range(1, 21):
            wall.refusals[account_id] = CannotShow(f"cause {round_}.{account_id}", retry_s=0.0)
        await role.step()

    assert len(wall.visits) == 200
    assert len(role._warned_at) <= surfaces_module.CAUSES_KEPT_MAX


@pytest.fixture
async def parked(pool: asyncpg.Pool) -> None:
    """1,500 members whose role the platform refused, in its own words."""
    await pool.execute(
        """
        WITH added AS (
            INSERT INTO members (xp) SELECT 0 FROM generate_series(1, 1500) RETURNING id
        ), known AS (
            INSERT INTO accounts (platform, account_id, member_id)
            SELECT 'discord', id, id FROM added
        )
        INSERT INTO surfaces (member_id, platform, wanted, parked, retry_at, error)
        SELECT id, 'discord', 1, 'role:1', 'infinity', 'forbidden' FROM added
        """
    )


async def survey(role: DisplayRole) -> None:
    """Let the role survey and take a step; it must not wait for locks."""
    role._next_survey = 0.0
    async with asyncio.timeout(PATIENCE_S):
        await role.step()


async def errors(pool: asyncpg.Pool) -> dict[str | None, int]:
    return dict(await pool.fetch("SELECT error, count(*) FROM surfaces GROUP BY error"))


@pytest.mark.usefixtures("parked")
async def test_one_survey_explains_as_many_parked_rows_as_cost_little(role, wall, pool):
    wall.hindrances = Hindrances(None, {"role:1": "the role is too high"})

    await survey(role)
    assert await errors(pool) == {"the role is too high": 1_000, "forbidden": 500}

    await survey(role)
    assert await errors(pool) == {"the role is too high": 1_500}


@pytest.mark.usefixtures("parked")
async def test_a_parked_row_that_is_locked_is_explained_by_the_next_survey(
    role, wall, pool, monkeypatch
):
    monkeypatch.setattr(surfaces_module, "NOTED_MAX", 1_500)
    wall.hindrances = Hindrances(None, {"role:1": "the role is too high"})
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute("SELECT FROM surfaces LIMIT 1 FOR NO KEY UPDATE")

        await survey(role)

        assert await errors(pool) == {"the role is too high": 1_499, "forbidden": 1}

    await survey(role)
    assert await errors(pool) == {"the role is too high": 1_500}


@pytest.mark.usefixtures("parked")
async def test_a_process_that_does_not_know_the_causes_yet_leaves_parked_rows_alone(
    role, wall, pool
):
    wall.hindrances = Hindrances("no right to give roles", {})

    await survey(role)

    assert await errors(pool) == {"forbidden": 1_500}
    assert await pool.fetchval("SELECT count(*) FROM surfaces WHERE parked = 'role:1'") == 1_500


async def test_the_start_line_names_place_interval_and_batch(role, community: Community):
    assert role.describe() == {"wall": "in memory", "interval_s": 0.02, "batch": 20}


@pytest.fixture(autouse=True)
def uncached_loggers():
    """capture_logs changes the configuration, which a cached logger would not see."""
    structlog.configure(cache_logger_on_first_use=False)
    yield
    structlog.reset_defaults()
