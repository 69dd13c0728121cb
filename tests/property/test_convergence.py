"""Whatever is interleaved, lost, doubled and killed, both sides end with what was committed.

Hypothesis draws what happens, one step after the other, and looks for the shortest history that
breaks something. The code is the real one, from the producer to the rebuild.
"""

import asyncio
import contextlib
import itertools
from collections import Counter
from collections.abc import Coroutine, Iterator
from functools import partial
from typing import Any, TypeVar

import asyncpg
import pytest
from deployment import Crash, CrashingPool, Deployment, LosingAnswers
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test
from hypothesis_model import Wanted, sources, sums, wanted

import schemas
from bus import SOURCES, Source
from consumers import dead
from db import IdempotencyConflict, InsufficientFunds, Producer
from launch.servers import Server

EXAMPLES = 250
STEPS = 14
PATHS = ("plain", "answer lost", "dies before publishing", "dies before the commit")

T = TypeVar("T")
_numbers = itertools.count(1)


class Histories(RuleBasedStateMachine):
    """One history, and the model of what must come of it."""

    def __init__(self, runner: asyncio.Runner, pool: asyncpg.Pool) -> None:
        super().__init__()
        self._runner = runner
        self._deployment = Deployment(pool, f"history:{next(_numbers)}:")
        self._committed: dict[str, Wanted] = {}
        self._foreign: dict[str, Wanted] = {}
        self._redis_lost_data = False
        self._run(self._deployment.open())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    # Bots.

    @rule(wanted=wanted, path=st.sampled_from(PATHS))
    def something_happens(self, wanted: Wanted, path: str) -> None:
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
        for _ in range(times):
            self._add(wanted.source, schemas.encode(wanted.event()))
        self._foreign[wanted.key] = wanted

    @rule(source=sources)
    def somebody_writes_what_is_no_event(self, source: Source) -> None:
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
        assert self._run(self._deployment.lengths()) <= before, "settling published something"

    @rule(slot=st.integers(1, 2), source=sources)
    def a_consumer_is_gone_for_good(self, slot: int, source: Source) -> None:
        self._deployment.roles.pop((slot, source), None)

    @rule(crash=st.sampled_from([None, None, "before commit", "answers lost"]))
    def the_relay_looks(self, crash: str | None) -> None:
        self._run(self._deployment.relay(crash))

    @rule()
    def an_operator_replays(self) -> None:
        deployment = self._deployment
        with contextlib.suppress(Exception):
            self._run(dead.replay(deployment.pool, deployment.publisher, ids=None))

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
            self._run(self._check())
        finally:
            self._run(self._deployment.close())

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
    url = postgres.url.replace("/template", "/convergence")

    async def administer(statement: str) -> None:
        admin = await asyncpg.connect(postgres.url.replace("/template", "/postgres"))
        await admin.execute(statement)
        await admin.close()

    with asyncio.Runner() as runner:
        runner.run(administer("CREATE DATABASE convergence TEMPLATE template"))
        pool = runner.run(
            asyncpg.create_pool(
                url, min_size=1, max_size=4, server_settings={"synchronous_commit": "off"}
            )._async__init__()
        )
        yield runner, pool
        runner.run(pool.close())
        runner.run(administer("DROP DATABASE convergence WITH (FORCE)"))


@pytest.mark.timeout(3_600)
def test_any_interleaving_of_any_faults_ends_with_what_was_committed(
    record: tuple[asyncio.Runner, asyncpg.Pool],
):
    run_state_machine_as_test(
        partial(Histories, *record),
        settings=settings(
            max_examples=max(EXAMPLES, settings.default.max_examples),
            stateful_step_count=STEPS,
            deadline=None,
            # Every day the same histories; `make nightly` draws new ones.
            derandomize=settings.default.max_examples <= EXAMPLES,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
