"""Both sides end equal after any changes by hand and any passes, repeated or cut off at any point.

Without changes by hand, no pass finds a difference, however many events are in flight.
"""

import asyncio
import contextlib
import dataclasses
import itertools
from collections.abc import AsyncIterator, Awaitable, Iterator
from functools import partial
from typing import Any, TypeVar

import asyncpg
import msgspec
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from bus import Source, ensure_group
from config import ReconcileSetting
from config.community import StoreSetting
from consumers.reconcile import open_subjects
from consumers.reconcile.role import Reconcile
from consumers.runtime.resources import Resources
from db import InsufficientFunds, Store, open_stores
from db.links.refusals import LinkRefused
from db.reconcile import passes
from launch.servers import Server
from tests.support.deployment import TEMPORARY, Deployment
from tests.support.example_numbers import examples, is_daily
from tests.support.fast_storage import drop_database, make_database
from tests.support.hypothesis_model import DISCORD_OFFSET, PEOPLE, Wanted, sources, wanted
from tests.support.linking import issue_code, redeem_code
from tests.support.stream_entries import entries_in

#: Histories of each kind that `make test` draws, the same every day; `make nightly` draws 625.
EXAMPLES = 5
NIGHTLY_SHARE = 4
STEPS = 18
STEPS_PER_PASS_MAX = 400
PASSES_MAX = 6

LIMITS = ReconcileSetting(
    page_members=1, interval_ms=100, whole_within_ms=1_000, members_always=1_000
)
EMPTY = """
    DELETE FROM reconcile_runs; DELETE FROM reconcile_walks; DELETE FROM store_debts;
    DELETE FROM store_agreements;
    DROP TABLE IF EXISTS users;
"""
USERS = "CREATE TABLE users (id bigint PRIMARY KEY, xp bigint NOT NULL, balance bigint NOT NULL)"

T = TypeVar("T")
_numbers = itertools.count(1)


class Death(Exception):
    """The process was killed here."""


class Mortal:
    """A pool whose process dies at its nth commit: just before it, or just after."""

    def __init__(self, pool: asyncpg.Pool, at: int, *, after: bool) -> None:
        self._pool = pool
        self._left = at
        self._after = after

    @contextlib.asynccontextmanager
    async def acquire(self) -> AsyncIterator[Any]:
        async with self._pool.acquire() as conn:
            yield _MortalConnection(conn, self)

    def commits(self, *, done: bool) -> None:
        self._left -= done == self._after
        if self._left < 0:
            raise Death


class _MortalConnection:
    def __init__(self, conn: asyncpg.Connection, pool: Mortal) -> None:
        self._conn = conn
        self._pool = pool

    def __getattr__(self, name: str) -> Any:
        return getattr(self._conn, name)

    def transaction(self, **how: Any) -> Any:
        inner = self._conn.is_in_transaction()
        return self._conn.transaction(**how) if inner else self._outermost(**how)

    @contextlib.asynccontextmanager
    async def _outermost(self, **how: Any) -> AsyncIterator[None]:
        async with self._conn.transaction(**how):
            yield
            self._pool.commits(done=False)
        self._pool.commits(done=True)


class Passes(RuleBasedStateMachine):
    """One history; `has_store` says whether the Telegram bot keeps a table of its own."""

    def __init__(self, runner: asyncio.Runner, pool: asyncpg.Pool, has_store: bool) -> None:
        super().__init__()
        self._runner = runner
        self._pool = pool
        self._has_store = has_store
        self._stores: dict[Source, Store] = {}
        self._deployment = Deployment(pool, f"passes:{next(_numbers)}:")
        self._roles: dict[int, Reconcile] = {}
        #: The sums over all members that the history must end with.
        self._sums = {"xp": 0, "balance": 0}
        self._changed_by_hand = 0
        self._totals_were_changed = False
        #: Whether Telegram's books were changed for a member without an account there.
        self._is_ownerless_change_open = False
        self._keys: set[str] = set()
        self._run(self._open())

    def _run(self, work: Awaitable[T]) -> T:
        async def finished() -> T:
            return await work

        return self._runner.run(finished())

    async def _open(self) -> None:
        await self._pool.execute(EMPTY)
        await self._deployment.open()
        await ensure_group(self._deployment.redis, self._deployment.keys.snapshots)
        if self._has_store:
            await self._pool.execute(USERS)
            self._stores = dict(
                await open_stores(self._pool, {"telegram": StoreSetting(table="users")})
            )

    def _resources(self, slot: int, pool: Any = None) -> Resources:
        resources = self._deployment.resources(slot, pool=pool)
        community = msgspec.structs.replace(resources.community, reconcile=LIMITS)
        return dataclasses.replace(resources, community=community, stores=self._stores)

    # Bots.

    @rule(wanted=wanted)
    def something_happens(self, wanted: Wanted) -> None:
        if wanted.key in self._keys:
            return
        if self._totals_were_changed and wanted.amount < 0:
            return  # an amount spent because a total was wrong cannot be given back

        async def transact() -> None:
            producer = self._deployment.producers[wanted.source]
            async with self._pool.acquire() as conn, conn.transaction():
                recorded = await self._deployment.create(producer, wanted, conn=conn)
                if self._has_store and wanted.source == "telegram":
                    await _change_row(conn, wanted)
            await producer.publish(recorded)

        with contextlib.suppress(InsufficientFunds):
            self._run(transact())
            self._keys.add(wanted.key)
            if wanted.kind != "achievement":
                self._sums[wanted.kind] += wanted.amount

    @rule(person=st.integers(1, PEOPLE))
    def a_member_links(self, person: int) -> None:
        if self._is_ownerless_change_open:
            return  # the change counts if the link comes before the pass, else it is taken back

        async def link() -> None:
            # A second link of the same accounts is refused.
            async with self._pool.acquire() as conn:
                with contextlib.suppress(LinkRefused):
                    code = await issue_code(conn, "telegram", person)
                    await redeem_code(conn, "discord", person + DISCORD_OFFSET, code)

        self._run(link())

    # People with psql.

    @rule(
        platform=sources,
        field=st.sampled_from(["xp", "balance"]),
        amount=st.integers(1, 40),
        nth=st.integers(0, PEOPLE),
    )
    def an_operator_changes_the_books(
        self, platform: Source, field: str, amount: int, nth: int
    ) -> None:
        is_truth = platform == "telegram" and not self._has_store
        if platform == "discord":
            amount -= 20  # a decrease as well: the pass takes both back
        changed = self._run(
            self._pool.fetchval(
                f"UPDATE sync_state SET {field} = {field} + $1 WHERE platform = $2 AND member_id ="
                " (SELECT member_id FROM sync_state WHERE platform = $2 ORDER BY member_id"
                " OFFSET $3 LIMIT 1) RETURNING"
                " EXISTS (SELECT FROM accounts AS a WHERE a.platform = $2"
                "  AND a.member_id = sync_state.member_id)",
                amount,
                platform,
                nth,
            )
        )
        if changed is None or not amount:
            return
        self._changed_by_hand += 1
        self._sums[field] += amount if is_truth and changed else 0
        self._is_ownerless_change_open |= is_truth and not changed

    @precondition(lambda self: self._has_store)
    @rule(
        person=st.integers(1, PEOPLE + 1),
        field=st.sampled_from(["xp", "balance"]),
        amount=st.integers(1, 40),
    )
    def an_operator_changes_the_bots_table(self, person: int, field: str, amount: int) -> None:
        changed = self._run(
            self._pool.fetchval(
                f"UPDATE users SET {field} = {field} + $1 WHERE id = $2 RETURNING 1",
                amount,
                person,
            )
        )
        if changed:
            self._changed_by_hand += 1
            self._sums[field] += amount

    @precondition(lambda self: self._has_store)
    @rule(person=st.integers(1, PEOPLE + 1))
    def a_row_appears(self, person: int) -> None:
        self._run(
            self._pool.execute("INSERT INTO users VALUES ($1, 0, 0) ON CONFLICT DO NOTHING", person)
        )

    @rule(platform=sources)
    def an_operator_takes_achievements_away(self, platform: Source) -> None:
        done = self._run(
            self._pool.execute("DELETE FROM achievements WHERE platform = $1", platform)
        )
        self._changed_by_hand += done != "DELETE 0"

    @rule(platform=sources)
    def an_operator_changes_ranks(self, platform: Source) -> None:
        done = self._run(
            self._pool.execute(
                "UPDATE sync_state SET rank = rank + 1 WHERE platform = $1", platform
            )
        )
        self._changed_by_hand += done != "UPDATE 0"

    @rule()
    def an_operator_changes_totals(self) -> None:
        done = self._run(self._pool.execute("UPDATE members SET xp = xp + 3"))
        self._changed_by_hand += done != "UPDATE 0"
        self._totals_were_changed = True

    # Consumers.

    @rule(
        slot=st.integers(1, 2),
        source=sources,
        crash=st.sampled_from([None, None, "before commit", "after commit"]),
    )
    def a_batch_is_settled(self, slot: int, source: Source, crash: str | None) -> None:
        if self._has_store:
            return  # Deployment's own roles know no store
        self._run(self._deployment.settle(slot, source, crash))

    @rule()
    def everything_arrives(self) -> None:
        self._run(self._rest())

    @rule(source=sources)
    def the_stream_is_read_again(self, source: Source) -> None:
        stream, group = self._deployment.keys.subscription(source)

        async def rewind() -> None:
            with contextlib.suppress(Exception):
                await self._deployment.redis.xgroup_setid(stream, group, "0")

        self._run(rewind())

    # Passes.

    @rule(
        slot=st.integers(1, 2),
        everybody=st.booleans(),
        dry_run=st.booleans(),
        accepted=st.booleans(),
    )
    def a_pass_is_asked_for(
        self, slot: int, everybody: bool, dry_run: bool, accepted: bool
    ) -> None:
        async def ask() -> None:
            role = await self._role(slot)
            await role.ask(everybody=everybody, dry_run=dry_run, accepted=accepted)

        self._run(ask())

    @rule(slot=st.integers(1, 2), steps=st.integers(1, 25))
    def reconcile_goes_on(self, slot: int, steps: int) -> None:
        async def go_on() -> None:
            role = await self._role(slot)
            for _ in range(steps):
                with contextlib.suppress(*TEMPORARY):
                    await role.step()

        self._run(go_on())

    @rule(at=st.integers(0, 60), after=st.booleans())
    def reconcile_dies(self, at: int, after: bool) -> None:
        """A process works on a pass until it is killed at one of its commits."""

        async def live_and_die() -> None:
            await self._leases_run_out()
            doomed = await self._new_role(1, Mortal(self._pool, at, after=after))
            with contextlib.suppress(Death, *TEMPORARY):
                await doomed.ask(everybody=True)
                for _ in range(30):
                    await doomed.step()
            await self._leases_run_out()

        self._roles.pop(1, None)
        self._run(live_and_die())

    @rule()
    def a_page_comes_twice(self) -> None:
        async def again() -> None:
            redis, stream = self._deployment.redis, self._deployment.keys.snapshots.stream
            # Each page once more, not each copy: a few of these in a row would make hundreds.
            pages = {fields[b"e"]: fields for _, fields in await entries_in(redis, stream)}
            for fields in pages.values():
                await redis.xadd(stream, fields)

        self._run(again())

    @rule()
    def redis_loses_the_pages(self) -> None:
        self._run(self._deployment.redis.delete(self._deployment.keys.snapshots.stream))

    async def _role(self, slot: int) -> Reconcile:
        if slot not in self._roles:
            self._roles[slot] = await self._new_role(slot)
        return self._roles[slot]

    async def _new_role(self, slot: int, pool: Any = None) -> Reconcile:
        async with open_subjects(self._resources(slot)) as (subjects, _):
            return Reconcile(self._resources(slot, pool), subjects)

    async def _leases_run_out(self) -> None:
        await self._pool.execute("UPDATE reconcile_runs SET lease_until = now() - interval '1 s'")

    async def _rest(self) -> None:
        if not self._has_store:
            await self._deployment.come_to_rest()
            return
        deployment: Any = self._deployment
        before = deployment.resources
        deployment.resources = lambda slot=1, **more: dataclasses.replace(
            before(slot, **more), stores=self._stores
        )
        try:
            await deployment.come_to_rest()
        finally:
            del deployment.resources

    # The end.

    def teardown(self) -> None:
        try:
            self._run(self._settle_down())
            self._run(self._check())
        finally:
            self._run(self._deployment.close())

    async def _settle_down(self) -> None:
        """Two passes find and repair every difference; a third one finds none.

        The passes accept, because a row that was changed before any pass saw it agree is held.
        """
        await self._leases_run_out()
        role = await self._new_role(3)
        for _ in range(PASSES_MAX):
            await self._rest()
            run_id = await role.ask(everybody=True, accepted=True)
            for _ in range(STEPS_PER_PASS_MAX):
                await role.step()
                async with self._pool.acquire() as conn:
                    report = await passes.report(conn, run_id or 0)
                if report is not None and report.status != "running":
                    break
                if run_id is None:
                    run_id = await role.ask(everybody=True, accepted=True)
            assert report is not None
            assert report.status == "finished", report
            if not report.findings:
                # A pass that began earlier may have ended meanwhile, and repaired something.
                await self._rest()
                return
        rows = await self._pool.fetch("SELECT * FROM drift WHERE run_id = $1", run_id)
        raise AssertionError(f"after {PASSES_MAX} passes there is still {list(map(dict, rows))}")

    async def _check(self) -> None:
        pool = self._pool
        unequal = await pool.fetch(
            """
            SELECT m.id, m.xp, m.balance, s.platform, s.xp, s.balance, s.rank
            FROM members AS m JOIN sync_state AS s ON s.member_id = m.id
            WHERE (m.xp, m.balance, rank_of(m.xp)) IS DISTINCT FROM (s.xp, s.balance, s.rank)
            """
        )
        assert not unequal
        if self._has_store:
            wrong = await pool.fetch(
                """
                SELECT u.*, m.xp, m.balance, d.xp AS owed FROM users AS u
                LEFT JOIN accounts AS a ON a.platform = 'telegram' AND a.account_id = u.id
                LEFT JOIN members AS m ON m.id = a.member_id
                LEFT JOIN store_debts AS d ON d.member_id = m.id AND d.platform = 'telegram'
                WHERE (u.xp, u.balance) IS DISTINCT FROM
                    (coalesce(m.xp, 0), coalesce(m.balance, 0))
                """
            )
            assert not wrong
        totals = await pool.fetchrow(
            "SELECT coalesce(sum(xp), 0), coalesce(sum(balance), 0) FROM members"
        )
        assert tuple(totals) == (self._sums["xp"], self._sums["balance"])
        for platform in ("telegram", "discord"):
            rows = await pool.fetch(
                "SELECT member_id, achievement FROM achievements WHERE platform = $1 ORDER BY 1, 2",
                platform,
            )
            expected = await pool.fetch(
                "SELECT DISTINCT a.member_id, t.achievement FROM transactions AS t"
                " JOIN accounts AS a ON a.platform = t.source AND a.account_id = t.account_id"
                " WHERE t.achievement IS NOT NULL ORDER BY 1, 2"
            )
            assert list(map(tuple, rows)) == list(map(tuple, expected))
        if not self._changed_by_hand:
            assert not await pool.fetch("SELECT * FROM drift")


async def _change_row(conn: asyncpg.Connection, wanted: Wanted) -> None:
    """Change the bot's own table as a bot does in the transaction of its event, row or no row."""
    amounts = {"xp": 0, "balance": 0}
    if wanted.kind in amounts:
        amounts[wanted.kind] = wanted.amount
    await conn.execute(
        "INSERT INTO users AS u VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET"
        " xp = u.xp + excluded.xp, balance = u.balance + excluded.balance",
        wanted.account,
        *amounts.values(),
    )


@pytest.fixture
def record(postgres: Server) -> Iterator[tuple[asyncio.Runner, asyncpg.Pool]]:
    """A database of its own, and a loop to use it on that outlives the examples."""
    with asyncio.Runner() as runner:
        url = runner.run(make_database(postgres.url, "reconciling"))
        pool = runner.run(
            asyncpg.create_pool(
                url, min_size=1, max_size=4, server_settings={"synchronous_commit": "off"}
            )._async__init__()
        )
        yield runner, pool
        runner.run(pool.close())
        runner.run(drop_database(postgres.url, "reconciling"))


@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("has_store", [False, True], ids=["our books", "a table of the bot's"])
def test_any_interleaving_of_changes_and_passes_ends_with_both_sides_equal(
    record: tuple[asyncio.Runner, asyncpg.Pool], has_store: bool
):
    machine: Any = partial(Passes, *record, has_store)  # called, though a class is asked for
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples(EXAMPLES, nightly_share=NIGHTLY_SHARE),
            stateful_step_count=STEPS,
            deadline=None,
            phases=(Phase.explicit, Phase.reuse, Phase.generate),
            derandomize=is_daily(),
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
