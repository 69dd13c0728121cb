"""Both sides end with the committed events, however steps interleave, get lost, repeat or die.

Hypothesis draws one step after the other, and looks for the shortest history that
breaks something. The code is the real one, from the producer to the rebuild.
"""

import asyncio
import contextlib
import itertools
from collections import Counter
from collections.abc import Awaitable, Iterator
from functools import partial
from typing import Any, TypeVar

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

import schemas
from bus import SOURCES, Source
from consumers.operate import dead_letters
from consumers.settling.poison import ATTEMPTS_MAX, SUSPECT_DELIVERIES
from db import IdempotencyConflict, InsufficientFunds, Producer, Recorded
from launch.servers import Server
from tests.support.deployment import TEMPORARY, Crash, CrashingPool, Deployment, LosingAnswers
from tests.support.example_numbers import examples, is_daily
from tests.support.fast_storage import drop_database, make_database
from tests.support.hypothesis_model import Wanted, sources, sums, wanted

#: Histories that `make test` draws, the same every day. `make nightly` draws 2,500 new ones.
EXAMPLES = 8
STEPS = 14
PATHS = ("plain", "answer lost", "dies before publishing", "dies before the commit")
#: The reason for which an entry is buried that seems to kill the consumers that settle it.
TOO_MANY_DEATHS = "consumers ended while they settled it"

#: The steps of a transaction, in order: recording the event of that number, or a savepoint that
#: is released (True) or rolled back after what is done in it.
Deeds = list["int | tuple[bool, Deeds]"]
MAX_IN_A_TRANSACTION = 3
deeds: st.SearchStrategy[Deeds] = st.lists(
    st.recursive(
        st.integers(0, MAX_IN_A_TRANSACTION - 1),
        lambda inner: st.tuples(st.booleans(), st.lists(inner, min_size=1, max_size=3)),
        max_leaves=4,
    ),
    min_size=1,
    max_size=3,
)

T = TypeVar("T")
_numbers = itertools.count(1)


class ChangedItsMind(Exception):
    """The bot rolls back."""


class Histories(RuleBasedStateMachine):
    """One history, and the model of its result."""

    def __init__(self, runner: asyncio.Runner, pool: asyncpg.Pool) -> None:
        super().__init__()
        self._runner = runner
        self._deployment = Deployment(pool, f"history:{next(_numbers)}:")
        self._committed: dict[str, Wanted] = {}
        self._foreign: dict[str, Wanted] = {}
        self._redis_lost_data = False
        self._entities = itertools.count(1)
        self._deaths: Counter[Source] = Counter()
        self._run(self._deployment.open())

    def _run(self, work: Awaitable[T]) -> T:
        async def finished() -> T:
            return await work

        return self._runner.run(finished())

    def _new(self, wanted: Wanted) -> Wanted:
        """Give it a key of its own. A prize is the same prize each time, with the same key."""
        if wanted.kind == "achievement":
            return wanted
        return wanted._replace(number=next(self._entities))

    # Bots.

    @rule(wanted=wanted, path=st.sampled_from(PATHS))
    def something_happens(self, wanted: Wanted, path: str) -> None:
        wanted = self._new(wanted)
        deployment = self._deployment
        producer = deployment.producers[wanted.source]
        if path == "answer lost":
            losing = LosingAnswers(deployment.redis, deployment.keys)
            producer = Producer(deployment.pool, schemas, losing)
        elif path.startswith("dies"):
            crashing = CrashingPool(deployment.pool, after_commit=path.endswith("publishing"))
            producer = Producer(crashing, schemas, deployment.publisher)
        try:
            self._run(deployment.create(producer, wanted))
        except InsufficientFunds:
            return
        except Crash:
            if path == "dies before the commit":
                return
        self._committed[wanted.key] = wanted

    @rule(wanted=wanted, commits=st.booleans(), publishes=st.booleans())
    def something_happens_in_the_bots_own_transaction(
        self, wanted: Wanted, commits: bool, publishes: bool
    ) -> None:
        wanted = self._new(wanted)

        async def transact() -> None:
            deployment = self._deployment
            producer = deployment.producers[wanted.source]
            async with deployment.pool.acquire() as conn:
                transaction = conn.transaction()
                await transaction.start()
                try:
                    recorded = await deployment.create(producer, wanted, conn=conn)
                except InsufficientFunds:
                    commits_now = False
                else:
                    commits_now = commits
                if not commits_now:
                    await transaction.rollback()
                    return
                await transaction.commit()
            self._committed[wanted.key] = wanted
            if publishes:
                await producer.publish(recorded)

        self._run(transact())

    @rule(
        events=st.lists(wanted, min_size=1, max_size=MAX_IN_A_TRANSACTION),
        deeds=deeds,
        lent=st.booleans(),
        commits=st.booleans(),
        publishes=st.booleans(),
    )
    def something_happens_in_savepoints(
        self, events: list[Wanted], deeds: Deeds, lent: bool, commits: bool, publishes: bool
    ) -> None:
        """Some of them are rolled back; an event may be recorded in several."""
        events = [self._new(one) for one in events]
        deployment = self._deployment
        producer = deployment.producers[events[0].source]
        recorded: list[Recorded] = []

        async def carry_out(deeds: Deeds, conn: asyncpg.Connection) -> dict[str, Wanted]:
            """Return the events that were not rolled back."""
            kept: dict[str, Wanted] = {}
            for deed in deeds:
                if isinstance(deed, int):
                    one = events[deed % len(events)]
                    with contextlib.suppress(InsufficientFunds):
                        recorded.append(await deployment.create(producer, one, conn=conn))
                        kept[one.key] = one
                    continue
                releases, inner = deed
                savepoint = conn.transaction()
                await savepoint.start()
                within = await carry_out(inner, conn)
                if releases:
                    await savepoint.commit()
                    kept |= within
                else:
                    await savepoint.rollback()
            return kept

        async def transact(conn: asyncpg.Connection) -> dict[str, Wanted]:
            kept = await carry_out(deeds, conn)
            if not commits:
                raise ChangedItsMind
            return kept

        async def lend() -> dict[str, Wanted]:
            async with producer.transaction() as conn:
                return await transact(conn)

        async def own() -> dict[str, Wanted]:
            async with deployment.pool.acquire() as conn, conn.transaction():
                return await transact(conn)

        with contextlib.suppress(ChangedItsMind):
            self._committed |= self._run(lend() if lent else own())
        if publishes:
            self._run(producer.publish(*recorded))

    @precondition(lambda self: self._committed)
    @rule(data=st.data())
    def it_is_told_again(self, data: st.DataObject) -> None:
        again = self._committed[data.draw(st.sampled_from(sorted(self._committed)))]
        producer = self._deployment.producers[again.source]
        assert not self._run(self._deployment.create(producer, again)).created

    @precondition(lambda self: any(one.kind == "xp" for one in self._committed.values()))
    @rule(data=st.data())
    def its_key_is_used_for_something_else(self, data: st.DataObject) -> None:
        keys = sorted(key for key, one in self._committed.items() if one.kind == "xp")
        other = self._committed[data.draw(st.sampled_from(keys))]
        other = other._replace(amount=other.amount + 1000)
        with pytest.raises(IdempotencyConflict):
            self._run(self._deployment.create(self._deployment.producers[other.source], other))

    @rule(source=sources, in_peace=st.booleans())
    def a_bot_restarts(self, source: Source, in_peace: bool) -> None:
        if in_peace:
            self._run(self._deployment.producers[source].close())
        self._run(self._deployment.bot_dies(source))

    @rule(wanted=wanted, times=st.integers(1, 2))
    def another_program_writes_to_the_stream(self, wanted: Wanted, times: int) -> None:
        wanted = self._new(wanted)
        for _ in range(times):
            self._add(wanted.source, schemas.encode(wanted.event()))
        self._foreign[wanted.key] = wanted

    @precondition(lambda self: any(one.kind != "achievement" for one in self._committed.values()))
    @rule(data=st.data(), difference=st.sampled_from([0, 1000]))
    def another_program_repeats_or_contradicts_a_bot(
        self, data: st.DataObject, difference: int
    ) -> None:
        keys = sorted(key for key, one in self._committed.items() if one.kind != "achievement")
        other = self._committed[data.draw(st.sampled_from(keys))]
        other = other._replace(amount=other.amount + difference)
        self._add(other.source, schemas.encode(other.event()))

    @rule(wanted=wanted)
    def another_program_writes_an_event_to_the_wrong_stream(self, wanted: Wanted) -> None:
        """Its payload names the other platform as its source, so the event must never count."""
        payload = schemas.encode(self._new(wanted).event())
        self._add(schemas.opposite(wanted.source), payload)

    @rule(source=sources)
    def a_foreign_program_writes_junk(self, source: Source) -> None:
        self._add(source, b"no event")

    def _add(self, source: Source, payload: bytes) -> None:
        stream = self._deployment.keys.stream(source)
        self._run(self._deployment.redis.xadd(stream, {"e": payload}, nomkstream=True))

    # Consumers.

    @rule(
        slot=st.integers(1, 2),
        source=sources,
        crash=st.sampled_from([None, None, "before commit", "after commit"]),
    )
    def a_batch_is_settled(self, slot: int, source: Source, crash: str | None) -> None:
        before = self._run(self._deployment.lengths())
        self._run(self._deployment.settle(slot, source, crash))
        self._deaths[source] += crash is not None
        for now, then in zip(self._run(self._deployment.lengths()), before, strict=True):
            assert now <= then, "settling published something"

    @rule(source=sources, times=st.integers(SUSPECT_DELIVERIES, SUSPECT_DELIVERIES + ATTEMPTS_MAX))
    def a_consumer_dies_again_and_again(self, source: Source, times: int) -> None:
        for delivery in range(1, times + 1):
            # A suspect's attempt is counted first: then the consumer dies after that commit.
            crash = "before commit" if delivery < SUSPECT_DELIVERIES else "after commit"
            self._run(self._deployment.settle(1, source, crash))
        self._deaths[source] += times

    @rule(slot=st.integers(1, 2), source=sources)
    def a_consumer_is_gone_for_good(self, slot: int, source: Source) -> None:
        self._deployment.roles.pop((slot, source), None)

    @rule(crash=st.sampled_from([None, None, "before commit", "answers lost"]))
    def the_relay_looks(self, crash: str | None) -> None:
        self._run(self._deployment.relay(crash))

    @rule()
    def an_operator_replays(self) -> None:
        deployment = self._deployment
        with contextlib.suppress(*TEMPORARY):
            self._run(dead_letters.replay(deployment.pool, deployment.publisher, ids=None))

    @rule(source=sources)
    def an_operator_rebuilds(self, source: Source) -> None:
        self._run(self._deployment.rebuild.publish_unfinished_again(source))

    # Redis.

    @rule()
    def redis_loses_everything(self) -> None:
        self._redis_lost_data = True
        streams = [self._deployment.keys.stream(source) for source in SOURCES]
        self._run(self._deployment.redis.delete(*streams))

    @rule(source=sources, count=st.integers(1, 3))
    def redis_loses_the_newest(self, source: Source, count: int) -> None:
        self._redis_lost_data = True
        self._run(self._deployment.lose_suffix(source, count))

    @rule(source=sources)
    def redis_loses_a_group(self, source: Source) -> None:
        stream, group = self._deployment.keys.subscription(source)

        async def destroy() -> None:
            if await self._deployment.redis.exists(stream):
                await self._deployment.redis.xgroup_destroy(stream, group)

        self._run(destroy())

    # The end.

    def teardown(self) -> None:
        try:
            self._run(self._deployment.come_to_rest())
            self._run(self._replay_entries_of_too_many_deaths())
            self._run(self._check())
            if self._run(self._replay_all_dead_letters()):
                self._run(self._check())
        finally:
            self._run(self._deployment.close())

    async def _replay_entries_of_too_many_deaths(self) -> None:
        """Check that only deaths that happened buried entries; replayed, these must arrive."""
        deployment = self._deployment
        buried = await deployment.pool.fetch(
            "SELECT DISTINCT source FROM sync_events"
            " WHERE status = 'failed' AND strpos(error_message, $1) > 0",
            TOO_MANY_DEATHS,
        )
        assert all(self._deaths[source] >= ATTEMPTS_MAX for (source,) in buried)
        if buried:
            await dead_letters.replay(
                deployment.pool, deployment.publisher, ids=None, reason=TOO_MANY_DEATHS
            )
            await deployment.come_to_rest()

    async def _replay_all_dead_letters(self) -> bool:
        """Let an operator replay all dead letters: only events that are allowed by now arrive."""
        deployment = self._deployment
        done = await dead_letters.replay(deployment.pool, deployment.publisher, ids=None)
        await deployment.come_to_rest()
        return bool(done.sent)

    async def _check(self) -> None:
        pool = self._deployment.pool
        rows = await pool.fetch("SELECT idempotency_key, platform FROM transactions")
        entered = Counter(row["idempotency_key"] for row in rows)
        settled = {key: one for key, one in self._foreign.items() if key in entered}
        expected = settled | self._committed
        assert entered == Counter(dict.fromkeys(expected, 2))
        assert set(Counter(map(tuple, rows)).values()) <= {1}
        failed = dict(
            await pool.fetch(
                "SELECT idempotency_key, error_message FROM sync_events WHERE status = 'failed'"
            )
        )
        assert not failed.keys() & expected.keys()
        assert all(failed.values())
        if not self._redis_lost_data:
            assert self._foreign.keys() <= expected.keys() | failed.keys()
        for platform in SOURCES:
            await self._check_books(platform, list(expected.values()))

    async def _check_books(self, platform: Source, expected: list[Wanted]) -> None:
        """The books are the sum of what was committed, and the ledger agrees."""
        books = await self._deployment.pool.fetch(
            """
            SELECT a.account_id, s.xp, s.balance, m.xp AS all_xp, m.balance AS all_balance
            FROM sync_state AS s JOIN accounts AS a USING (member_id)
            JOIN members AS m ON m.id = s.member_id
            WHERE s.platform = $1
            """,
            platform,
        )
        found = Counter(
            {
                (row["account_id"], kind): row[kind]
                for row in books
                for kind in ("xp", "balance")
                if row[kind]
            }
        )
        assert found == sums(expected)
        assert all(
            (row["xp"], row["balance"]) == (row["all_xp"], row["all_balance"]) for row in books
        )


@pytest.fixture
def record(postgres: Server) -> Iterator[tuple[asyncio.Runner, asyncpg.Pool]]:
    """A database of its own, and a loop to use it on that outlives the examples."""
    with asyncio.Runner() as runner:
        url = runner.run(make_database(postgres.url, "convergence"))
        pool = runner.run(
            asyncpg.create_pool(
                url, min_size=1, max_size=4, server_settings={"synchronous_commit": "off"}
            )._async__init__()
        )
        yield runner, pool
        runner.run(pool.close())
        runner.run(drop_database(postgres.url, "convergence"))


@pytest.mark.parametrize("is_recorded", [True, False])
def test_an_entry_that_was_buried_because_consumers_died_arrives_once_it_is_replayed(
    record: tuple[asyncio.Runner, asyncpg.Pool], is_recorded: bool
):
    runner, pool = record
    history = Histories(runner, pool)
    event = Wanted("telegram", person=1, kind="xp", amount=5, number=0)
    if is_recorded:
        history.something_happens(wanted=event, path="plain")
        history.a_bot_restarts(source="telegram", in_peace=True)
    else:
        history.another_program_writes_to_the_stream(wanted=event, times=1)

    deaths = SUSPECT_DELIVERIES - 1 + ATTEMPTS_MAX
    history.a_consumer_dies_again_and_again(source="telegram", times=deaths)
    history.a_batch_is_settled(slot=1, source="telegram", crash=None)

    [why] = runner.run(pool.fetch("SELECT error_message FROM sync_events WHERE status = 'failed'"))
    assert TOO_MANY_DEATHS in why["error_message"]
    history.teardown()


@pytest.mark.timeout(3_600)
def test_any_interleaving_of_any_faults_ends_with_the_committed_events(
    record: tuple[asyncio.Runner, asyncpg.Pool],
):
    machine: Any = partial(Histories, *record)  # Hypothesis calls it, though it asks for a class
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples(EXAMPLES),
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=is_daily(),
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
