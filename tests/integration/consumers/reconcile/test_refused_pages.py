"""Bad pages, two passes at once, an owner that dies: no pass ever writes anything wrong."""

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

import asyncpg
import msgspec
import pytest
from prometheus_client import REGISTRY

import schemas
from bus import Publisher
from config import Community, ConsumerSetting, ReconcileSetting
from consumers.reconcile import open_subjects, pass_phases
from consumers.reconcile.port import CannotRead, Subject
from consumers.reconcile.role import Reconcile
from consumers.runtime.resources import Resources
from db import Contention, Producer
from schemas import SnapshotPage, SnapshotRow
from tests.support.reconcile import (
    a_pass,
    decisions,
    ended,
    everything,
    let_everything_arrive,
    opened,
)
from tests.support.variants import variants

PEOPLE = 6


@pytest.fixture
def community(community: Community) -> Community:
    return msgspec.structs.replace(
        community,
        consumers=ConsumerSetting(block_ms=5, claim_idle_ms=1_000, relay_after_ms=0),
        reconcile=ReconcileSetting(page_members=2, lease_ms=2_000, interval_ms=3_600_000),
    )


@pytest.fixture
async def people(resources: Resources, producer: Producer) -> list[int]:
    """Members whose events have arrived, so that both sides are equal."""
    for number in range(PEOPLE):
        await producer.create_xp_change_event(
            user_id=1001 + number,
            delta_xp=100 + number,
            source="telegram",
            reason="game",
            entity_id="1",
        )
    await let_everything_arrive(resources)
    return [row["id"] for row in await resources.pool.fetch("SELECT id FROM members ORDER BY id")]


@pytest.fixture
async def role(resources: Resources) -> AsyncIterator[Reconcile]:
    async with opened(resources) as role:
        yield role


class Tampering(Publisher):
    """A publisher that changes pages before they are on the stream."""

    def __init__(
        self, resources: Resources, change: Callable[[SnapshotPage], SnapshotPage | bytes | None]
    ) -> None:
        super().__init__(resources.redis, resources.keys)
        self._change = change

    async def publish_page(self, payload: bytes) -> str:
        changed = self._change(schemas.decode_page(payload))
        if changed is None:
            return "0-1"
        if isinstance(changed, bytes):
            return await super().publish_page(changed)
        return await super().publish_page(schemas.encode_page(changed))


def second(change: Callable[[SnapshotPage], Any]) -> Callable[[SnapshotPage], Any]:
    """Change the second page of the Discord side only."""
    return lambda page: change(page) if (page.platform, page.page) == ("discord", 1) else page


REPLACED = msgspec.structs.replace
BAD = {
    "an empty list": second(lambda page: REPLACED(page, rows=())),
    "an empty list that says so": second(
        lambda page: schemas.seal(REPLACED(page, rows=(), count=0))
    ),
    "every list empty": lambda page: schemas.seal(REPLACED(page, rows=(), count=0)),
    "half a page": second(lambda page: REPLACED(page, rows=page.rows[:1])),
    "one page missing": second(lambda page: None),
    "all pages missing": lambda page: None,
    "another amount": second(
        lambda page: REPLACED(
            page, rows=tuple(REPLACED(row, seen={"xp": 1, "balance": 0}) for row in page.rows)
        )
    ),
    "no page at all": second(lambda page: b'{"type":"snapshot.page"}'),
    "nonsense": second(lambda page: b"\xff\x00"),
}


@pytest.fixture
def impatient(resources: Resources, monkeypatch: pytest.MonkeyPatch) -> Resources:
    """Resources of a pass that gives its pages three tenths of a second to come back."""
    monkeypatch.setattr(pass_phases, "PATIENCE_S_MIN", 0.3)
    consumers = msgspec.structs.replace(resources.community.consumers, claim_idle_ms=100)
    community = msgspec.structs.replace(resources.community, consumers=consumers)
    return dataclasses.replace(resources, community=community)


@pytest.mark.parametrize(
    "what",
    variants(
        ((name, (name,)) for name in BAD),
        every_day=("one page missing", "another amount"),
    ),
)
async def test_a_snapshot_that_did_not_come_whole_stops_the_pass(
    impatient: Resources, role: Reconcile, pool: asyncpg.Pool, people: list[int], what: str
):
    await pool.execute("UPDATE sync_state SET xp = xp + 50 WHERE platform = 'discord'"
                       " AND member_id = $1", people[0])  # fmt: skip
    await a_pass(role, pool)
    before = await everything(pool, "drift")

    async with opened(
        dataclasses.replace(impatient, publisher=Tampering(impatient, BAD[what]))
    ) as hurt:
        report = await a_pass(hurt, pool)

    assert (report.status, report.repairs) == ("stopped", 0)
    assert report.stopped_because
    assert await everything(pool, "drift") == before
    assert {row[-1] for row in await decisions(pool)} <= {"watched", "stopped", "gone"}


@asynccontextmanager
async def sealed_anew(
    resources: Resources, change: Callable[[SnapshotPage], SnapshotPage]
) -> AsyncIterator[Reconcile]:
    """A role whose pages are changed before they are recorded: intact, and yet to be refused."""
    original = schemas.seal
    schemas.seal = lambda page: original(change(page))
    try:
        async with opened(resources) as role:
            yield role
    finally:
        schemas.seal = original


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda page: REPLACED(page, taken_at=page.taken_at - timedelta(hours=1)), "3600 s ago"),
        (lambda page: REPLACED(page, guild_id=4711), "of another community"),
        pytest.param(
            lambda page: REPLACED(page, chat_id=-4711),
            "of another community",
            marks=pytest.mark.nightly,
        ),
        pytest.param(
            lambda page: REPLACED(page, count=page.count + 1),
            "it should have",
            marks=pytest.mark.nightly,
        ),
        (lambda page: REPLACED(page, upto=0), "outside of its range"),
        pytest.param(
            lambda page: (
                REPLACED(page, after=page.after + 1_000, upto=page.upto + 2_000)
                if page.page == 1
                else page
            ),
            "outside of its range",
            marks=pytest.mark.nightly,
        ),
    ],
    ids=["an hour old", "another guild", "another chat", "too many", "out of range", "elsewhere"],
)
async def test_a_page_that_is_old_or_of_somebody_else_is_refused(
    resources: Resources, pool: asyncpg.Pool, people: list[int], change: Any, why: str
):
    await pool.execute("UPDATE sync_state SET xp = 0 WHERE platform = 'discord'")
    before = await everything(pool, "drift")

    async with sealed_anew(resources, change) as role:
        report = await a_pass(role, pool)

    assert report.status == "stopped"
    assert why in (report.stopped_because or "")
    assert await everything(pool, "drift") == before


async def test_pages_that_do_not_follow_one_another_stop_the_pass(
    role: Reconcile, pool: asyncpg.Pool, people: list[int]
):
    run_id = await role.ask(everybody=True)
    while not await pool.fetchval("SELECT pages IS NOT NULL FROM reconcile_runs"):
        await role.step()
    await pool.execute("UPDATE snapshots SET after_id = after_id + 1 WHERE page = 1")

    report = await ended(role, pool, run_id)

    assert report.status == "stopped"
    assert "pages are missing" in (report.stopped_because or "")


async def test_pages_that_are_missing_as_a_whole_stop_the_pass(
    role: Reconcile, pool: asyncpg.Pool, people: list[int]
):
    run_id = await role.ask(everybody=True)
    while not await pool.fetchval("SELECT pages IS NOT NULL FROM reconcile_runs"):
        await role.step()
    while await pool.fetchval("SELECT count(*) FROM snapshots WHERE compared_at IS NULL"):
        await role.step()
    await pool.execute("DELETE FROM snapshots WHERE platform = 'discord'")

    report = await ended(role, pool, run_id)

    assert report.status == "stopped"
    assert "pages are missing: 3 of 6 are there" in (report.stopped_because or "")


class AwayAfterOnePage:
    """A subject that can be read once, and not again."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._reads = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._subject, name)

    async def read(self, conn: asyncpg.Connection, ids: Sequence[int]) -> Sequence[SnapshotRow]:
        self._reads += 1
        if self._reads > 1:
            raise CannotRead("it is away")
        return await self._subject.read(conn, ids)


async def test_nothing_is_repaired_of_a_subject_that_could_be_read_only_in_part(
    resources: Resources, pool: asyncpg.Pool, people: list[int]
):
    await pool.execute("UPDATE sync_state SET xp = xp + 50 WHERE platform = 'discord'"
                       " AND member_id = $1", people[0])  # fmt: skip
    async with opened(resources) as role:
        await a_pass(role, pool)
    before = await everything(pool, "drift")

    async with open_subjects(resources) as (subjects, _):
        halves: list[Any] = [
            AwayAfterOnePage(one) if one.platform == "discord" else one for one in subjects
        ]
        report = await a_pass(Reconcile(resources, halves), pool)

    assert (report.status, report.repairs) == ("finished", 0)
    assert report.left_out == ["discord books: it is away"]
    assert await everything(pool, "drift") == before
    assert [row[-1] for row in await decisions(pool)] == ["watched", "stopped"]


async def test_what_is_gone_when_it_is_to_be_repaired_is_left_alone(
    role: Reconcile, pool: asyncpg.Pool, people: list[int]
):
    change = "UPDATE sync_state SET xp = xp + $1 WHERE platform = 'discord' AND member_id = $2"
    await pool.execute(change, 50, people[0])
    await a_pass(role, pool)
    run_id = await role.ask(everybody=True)
    while not await pool.fetchval("SELECT pages IS NOT NULL FROM reconcile_runs WHERE id = 2"):
        await role.step()
    while await pool.fetchval("SELECT count(*) FROM snapshots WHERE compared_at IS NULL"):
        await role.step()
    await pool.execute(change, -50, people[0])

    report = await ended(role, pool, run_id)

    assert report.repairs == 0
    assert [row[-1] for row in await decisions(pool)] == ["confirmed", "gone"]
    assert await pool.fetchval(
        "SELECT sum(xp) FROM sync_state WHERE member_id = $1", people[0]
    ) == (200)


async def test_more_drift_than_the_limit_is_held_until_an_operator_accepts_it(
    resources: Resources, pool: asyncpg.Pool, people: list[int]
):
    strict = msgspec.structs.replace(
        resources.community,
        reconcile=msgspec.structs.replace(resources.community.reconcile, members_always=2),
    )
    await pool.execute("UPDATE sync_state SET xp = xp + 7 WHERE platform = 'discord'"
                       " AND member_id <= $1", people[2])  # fmt: skip
    before = await everything(pool, "drift")
    async with opened(dataclasses.replace(resources, community=strict)) as role:
        for asked in ({}, {}, {"member_id": people[0]}, {"member_id": people[0]}):
            report = await a_pass(role, pool, **asked)
            assert report.repairs == 0
        assert await everything(pool, "drift") == before
        stopped = await pool.fetchval("SELECT stopped_because FROM reconcile_runs ORDER BY id")
        assert stopped == (
            "discord books: 3 of 6 members differ, more than members_share_max = 0.02 allows; look"
            " at it, then `make reconcile ARGS=--accept`"
        )

        report = await a_pass(role, pool, accepted=True)

        assert report.repairs == 3
        assert (await a_pass(role, pool)).findings == 0


@pytest.mark.parametrize("field", ["xp", "balance"])
async def test_a_large_amount_is_held_however_few_members_have_it(
    role: Reconcile, pool: asyncpg.Pool, people: list[int], field: str
):
    await pool.execute(f"UPDATE sync_state SET {field} = {field} + 100001"
                       " WHERE platform = 'telegram' AND member_id = $1", people[0])  # fmt: skip

    for _ in range(2):
        report = await a_pass(role, pool)

    assert report.status == "stopped"
    assert f"more than {field}_max" in (report.stopped_because or "")
    assert await pool.fetchval("SELECT count(*) FROM transactions WHERE reason = 'reconcile'") == 0


async def test_of_two_processes_one_makes_the_pass_and_a_change_counts_once(
    resources: Resources, pool: asyncpg.Pool, people: list[int]
):
    await pool.execute("UPDATE sync_state SET xp = xp + 50 WHERE platform = 'telegram'"
                       " AND member_id = $1", people[0])  # fmt: skip

    async def work(role: Reconcile) -> None:
        end = time.monotonic() + 60
        while await pool.fetchval(
            "SELECT count(*) < 3 FROM reconcile_runs WHERE status = 'finished'"
        ):
            await role.ask(everybody=True)
            await role.step()
            assert time.monotonic() < end

    async with opened(resources) as one, opened(resources) as other:
        await asyncio.gather(work(one), work(other))
    await let_everything_arrive(resources)

    assert await pool.fetchval("SELECT count(*) FROM transactions WHERE reason = 'reconcile'") == 2
    rows = await pool.fetch("SELECT xp FROM sync_state WHERE member_id = $1", people[0])
    assert [row["xp"] for row in rows] == [150, 150]


@pytest.fixture
def hasty(resources: Resources) -> Resources:
    """Resources whose lease expires after a tenth of a second."""
    reconcile = msgspec.structs.replace(resources.community.reconcile, lease_ms=100)
    community = msgspec.structs.replace(resources.community, reconcile=reconcile)
    return dataclasses.replace(resources, community=community)


class Death(Exception):
    """The process was killed here."""


class Mortal:
    """A pool whose process dies at the given commit: just before it, or just after."""

    def __init__(self, pool: asyncpg.Pool, at: int, *, after: bool) -> None:
        self._pool = pool
        self._left = at
        self._after = after
        self.is_dead = False

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Any]:
        async with self._pool.acquire() as conn:
            yield _MortalConnection(conn, self)

    def commits(self, *, done: bool) -> None:
        if self.is_dead:
            raise Death
        if done == self._after:
            self._left -= 1
            if self._left < 0:
                self.is_dead = True
                raise Death


class _MortalConnection:
    def __init__(self, conn: asyncpg.Connection, pool: Mortal) -> None:
        self._conn = conn
        self._pool = pool

    def __getattr__(self, name: str) -> Any:
        return getattr(self._conn, name)

    @asynccontextmanager
    async def _transaction(self, **how: Any) -> AsyncIterator[None]:
        async with self._conn.transaction(**how):
            yield
            self._pool.commits(done=False)
        self._pool.commits(done=True)

    def transaction(self, **how: Any) -> Any:
        if self._conn.is_in_transaction():
            return self._conn.transaction(**how)
        return self._transaction(**how)


@pytest.mark.parametrize(
    ("after", "every"),
    [
        pytest.param(False, 8, id="before a commit", marks=pytest.mark.nightly),
        pytest.param(True, 8, id="after a commit", marks=pytest.mark.nightly),
        pytest.param(True, 16, id="after some commits"),
    ],
)
async def test_wherever_the_owner_dies_another_goes_on_and_a_change_counts_once(
    hasty: Resources, pool: asyncpg.Pool, people: list[int], after: bool, every: int
):
    deaths = 0
    for at in range(0, 200, every):
        await pool.execute("UPDATE sync_state SET xp = xp + 1 WHERE platform = 'telegram'"
                           " AND member_id = $1", people[0])  # fmt: skip
        mortal = Mortal(pool, at, after=after)
        with suppress(Death):
            async with opened(dataclasses.replace(hasty, pool=mortal)) as doomed:
                for _ in range(2):
                    await a_pass(doomed, pool)
        deaths += mortal.is_dead
        await _finish(hasty, pool)
        if not mortal.is_dead:
            break

    await let_everything_arrive(hasty)
    assert deaths > 5
    xp = 100 + deaths + 1
    rows = await pool.fetch("SELECT xp FROM sync_state WHERE member_id = $1", people[0])
    assert [row["xp"] for row in rows] == [xp, xp]
    assert await pool.fetchval(
        "SELECT sum(delta_xp) FROM transactions WHERE reason = 'reconcile'"
        " AND platform = 'telegram'"
    ) == xp - 100  # fmt: skip


async def _finish(resources: Resources, pool: asyncpg.Pool) -> None:
    """Let another process take over the pass that runs, and make two passes of its own."""
    async with opened(resources) as role:
        end = time.monotonic() + 10
        while await pool.fetchval("SELECT count(*) FROM reconcile_runs WHERE status = 'running'"):
            await role.step()
            assert time.monotonic() < end
        for _ in range(2):
            report = await a_pass(role, pool)
            assert report.status == "finished", report


async def test_a_stream_that_is_lost_in_the_middle_is_made_anew(
    resources: Resources, role: Reconcile, pool: asyncpg.Pool, people: list[int]
):
    run_id = await role.ask(everybody=True)
    await role.step()
    await resources.redis.delete(resources.keys.snapshots.stream)

    report = await ended(role, pool, run_id)

    assert (report.status, report.findings) == ("finished", 0)
    assert report.members == PEOPLE


async def test_a_paused_owner_changes_nothing_any_more(
    hasty: Resources, pool: asyncpg.Pool, people: list[int]
):
    async with opened(hasty) as role, opened(hasty) as heir:
        run_id = await role.ask(everybody=True)
        await role.step()
        report = await ended(heir, pool, run_id)
        assert report.status == "finished"
        before = await everything(pool)
        snapshots = await pool.fetch("SELECT * FROM snapshots")

        for _ in range(5):
            await role.step()

    assert await everything(pool) == before
    assert await pool.fetch("SELECT * FROM snapshots") == snapshots


class FailsOnce:
    """A subject of which the second page cannot be read at first, as when Postgres restarts."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._reads = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._subject, name)

    async def read(self, conn: asyncpg.Connection, ids: Sequence[int]) -> Sequence[SnapshotRow]:
        self._reads += 1
        if self._reads == 2:
            raise Contention("in the way")
        return await self._subject.read(conn, ids)


async def test_an_error_while_a_page_is_read_leaves_no_member_out_of_the_pass(
    resources: Resources, pool: asyncpg.Pool, people: list[int]
):
    async with open_subjects(resources) as (subjects, _):
        role = Reconcile(resources, [FailsOnce(one) for one in subjects])
    run_id = await role.ask(everybody=True)
    assert run_id is not None

    for _ in subjects:
        with pytest.raises(Contention):
            await ended(role, pool, run_id)
    report = await ended(role, pool, run_id)

    assert (report.status, report.members, report.pages) == ("finished", PEOPLE, PEOPLE)


#: Ends the transaction of the first page that is compared. A sequence is not rolled back with it.
FIRST_COMPARISON_FAILS = """
    CREATE SEQUENCE comparisons;
    CREATE FUNCTION fail_once() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF nextval('comparisons') = 1 THEN
            RAISE EXCEPTION 'in the way' USING ERRCODE = 'serialization_failure';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER fail_once BEFORE UPDATE OF compared_at ON snapshots
        FOR EACH ROW WHEN (NEW.platform = 'discord' AND NEW.page = 0) EXECUTE FUNCTION fail_once();
"""


async def test_a_difference_is_counted_once_though_its_page_is_compared_again(
    resources: Resources, role: Reconcile, pool: asyncpg.Pool, people: list[int]
):
    await pool.execute("UPDATE sync_state SET xp = xp + 50 WHERE platform = 'discord'"
                       " AND member_id = $1", people[0])  # fmt: skip
    await pool.execute(FIRST_COMPARISON_FAILS)
    before = found_so_far()
    run_id = await role.ask(everybody=True)
    assert run_id is not None

    with pytest.raises(Contention):
        await ended(role, pool, run_id)
    report = await ended(role, pool, run_id)

    assert report.status == "finished"
    assert found_so_far() - before == len(await decisions(pool)) == 1


def found_so_far() -> float:
    """Add up the metric over all platforms and subjects."""
    return sum(
        sample.value
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name == "twinstream_drift_found_total"
    )
