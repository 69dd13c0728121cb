"""Laws 4 and 7: any way through a history leads to the same books, and they add up.

A history is a list of events of both platforms. Its fate is drawn as well: when each event is
recorded, which are delivered twice, in which order and in which batches, and which accounts are
linked in between. At the end everything that was recorded is settled, and the books are compared
with a model that only adds.
"""

import asyncio
import contextlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import schemas
from db import InsufficientFunds
from db.ledger import events, outbox
from db.ledger.envelopes import Envelope
from db.ledger.ranks import RankRow
from db.links.refusals import LinkRefused
from tests.support.example_numbers import examples
from tests.support.linking import LinkOutcome, issue_code, redeem_code

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LADDER = (RankRow("Newcomer", 10), RankRow("Regular", 30), RankRow("Veteran", 100))
#: Histories that `make test` draws; `make nightly` draws 2,500.
EXAMPLES = 25
PEOPLE = 2
#: The accounts of person n: n on Telegram, 100 + n on Discord. Their keys are told apart by both.
DISCORD_OFFSET = 100
AMOUNTS = st.integers(-20, 60).filter(bool)


class Happening(NamedTuple):
    """One step of a history: an action, and the events or people that it is done to."""

    what: str
    numbers: tuple[int, ...]


@st.composite
def happened(draw: st.DrawFn, *, number: int) -> Envelope:
    source = draw(st.sampled_from(schemas.SOURCES))
    person = draw(st.integers(1, PEOPLE))
    account = person + (DISCORD_OFFSET if source == "discord" else 0)
    kind = draw(st.sampled_from(["xp", "xp", "balance", "achievement"]))
    common: dict[str, Any] = {"user_id": account, "source": source, "occurred_at": NOON}
    event: schemas.Event
    if kind == "achievement":
        event = schemas.achievement_unlocked(
            achievement=draw(st.sampled_from(["first_win", "lucky"])), **common
        )
    elif kind == "xp":
        event = schemas.xp_changed(
            delta_xp=draw(AMOUNTS), reason="game", entity_id=str(number), **common
        )
    else:
        event = schemas.balance_changed(
            delta_balance=draw(AMOUNTS), reason="game", entity_id=str(number), **common
        )
    return Envelope(event, schemas.encode(event))


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Envelope], list[Happening]]:
    length = draw(st.integers(1, 10))
    envelopes = [draw(happened(number=number)) for number in range(length)]
    some_events = st.lists(st.integers(0, length - 1), min_size=1, max_size=6).map(tuple)
    steps = st.one_of(
        st.builds(Happening, st.just("record"), some_events),
        st.builds(Happening, st.just("take_back"), some_events),
        st.builds(Happening, st.just("settle"), some_events),
        st.builds(Happening, st.just("link"), st.tuples(st.integers(1, PEOPLE))),
        st.builds(Happening, st.just("lose_stream"), st.just(())),
    )
    return envelopes, draw(st.lists(steps, min_size=2, max_size=14))


class World:
    """One example: a history carried out on a real Postgres, and the model of its result."""

    def __init__(self, conn: asyncpg.Connection, envelopes: list[Envelope]) -> None:
        self.conn = conn
        self.envelopes = envelopes
        self.recorded: dict[str, Envelope] = {}
        self.linked: set[int] = set()

    async def run(self, steps: list[Happening]) -> None:
        for step in steps:
            match step.what:
                case "record":
                    await self.record([self.envelopes[number] for number in step.numbers])
                case "take_back":
                    await self.take_back([self.envelopes[number] for number in step.numbers])
                case "settle":
                    await self.settle([self.envelopes[number] for number in step.numbers])
                case "link":
                    await self.link(*step.numbers)
                case "lose_stream":
                    for source in schemas.SOURCES:
                        await outbox.unpublish(self.conn, source)

    async def record(self, envelopes: list[Envelope]) -> None:
        for source, mine in by_source(envelopes):
            try:
                async with self.conn.transaction():
                    results = await events.record(self.conn, source, mine)
            except InsufficientFunds:
                continue
            created = [r.idempotency_key for r in results if r.created]
            assert len(created) == len(set(created))
            assert not set(created) & self.recorded.keys()
            self.note(mine)

    async def take_back(self, envelopes: list[Envelope]) -> None:
        """Record in a savepoint that is rolled back: no trace of the events is left."""
        for source, mine in by_source(envelopes):
            savepoint = self.conn.transaction()
            await savepoint.start()
            with contextlib.suppress(InsufficientFunds):
                await events.record(self.conn, source, mine)
            await savepoint.rollback()

    async def settle(self, envelopes: list[Envelope]) -> None:
        """Deliver a batch. An event that no process recorded is one of a foreign program."""
        for source, mine in by_source(envelopes):
            try:
                async with self.conn.transaction():
                    await events.settle(self.conn, schemas.opposite(source), source, mine)
            except InsufficientFunds:
                continue
            self.note(mine)

    async def link(self, person: int) -> None:
        if person in self.linked:
            with pytest.raises(LinkRefused):
                await issue_code(self.conn, "telegram", person)
            return
        code = await issue_code(self.conn, "telegram", person)
        outcome = await redeem_code(self.conn, "discord", person + DISCORD_OFFSET, code)
        assert outcome is LinkOutcome.LINKED
        self.linked.add(person)

    def note(self, envelopes: list[Envelope]) -> None:
        self.recorded |= {envelope.event.idempotency_key: envelope for envelope in envelopes}

    def who(self, account: int) -> object:
        """The person behind an account; until they link, each account counts as another person."""
        person = account % DISCORD_OFFSET
        return person if person in self.linked else account

    async def check(self) -> None:
        expected: dict[object, Counter[str]] = defaultdict(Counter)
        unlocked = set()
        for envelope in self.recorded.values():
            person = self.who(envelope.event.user_id)
            expected[person]["xp"] += getattr(envelope.event, "delta_xp", 0)
            expected[person]["balance"] += getattr(envelope.event, "delta_balance", 0)
            if isinstance(envelope.event, schemas.AchievementUnlocked):
                unlocked.add((person, envelope.event.achievement))
        for platform in schemas.SOURCES:
            books = await self.conn.fetch(
                """
                SELECT (SELECT min(account_id) FROM accounts AS a WHERE a.member_id = s.member_id),
                    s.xp, s.balance, s.rank, m.xp, m.balance, width_bucket(s.xp, $2::bigint[])
                FROM sync_state AS s JOIN members AS m ON m.id = s.member_id WHERE platform = $1
                """,
                platform,
                [rung.xp for rung in LADDER],
            )
            assert {self.who(account): (xp, balance) for account, xp, balance, *_ in books} == {
                person: (sums["xp"], sums["balance"]) for person, sums in expected.items()
            }
            for _, xp, balance, rank, total_xp, total_balance, bucket in books:
                assert (xp, balance) == (total_xp, total_balance)
                assert rank == bucket
            held = await self.conn.fetch(
                """
                SELECT (SELECT min(account_id) FROM accounts AS a WHERE a.member_id = h.member_id),
                    achievement
                FROM achievements AS h WHERE platform = $1
                """,
                platform,
            )
            assert {(self.who(account), name) for account, name in held} == unlocked
        rows = await self.conn.fetch(
            "SELECT idempotency_key, count(*) FROM transactions GROUP BY 1"
        )
        assert dict(map(tuple, rows)) == dict.fromkeys(self.recorded, 2)
        statuses = await self.conn.fetch("SELECT DISTINCT status FROM sync_events")
        assert {status for (status,) in statuses} <= {"completed"}


def by_source(envelopes: list[Envelope]) -> Iterator[tuple[schemas.Source, list[Envelope]]]:
    for source in schemas.SOURCES:
        if mine := [envelope for envelope in envelopes if envelope.event.source == source]:
            yield source, mine


@pytest.fixture
def record(database_url: str) -> Iterator[tuple[asyncio.Runner, asyncpg.Connection]]:
    """A connection that outlives the examples, with a loop of its own to run them in."""
    with asyncio.Runner() as runner:
        conn = runner.run(asyncpg.connect(database_url))
        yield runner, conn
        runner.run(conn.close())


@pytest.mark.timeout(3_600)
@settings(
    max_examples=examples(EXAMPLES),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(histories())
def test_any_way_through_any_history_ends_with_the_same_books(record, history):
    runner, conn = record
    envelopes, steps = history

    async def example() -> None:
        # Rolled back in the end: nothing of one example is there in the next.
        whole = conn.transaction()
        await whole.start()
        try:
            await conn.executemany(
                "INSERT INTO ranks (rank, name, xp) VALUES ($1, $2, $3)",
                [(number, rung.name, rung.xp) for number, rung in enumerate(LADDER, start=1)],
            )
            world = World(conn, envelopes)
            await world.run(steps)
            for envelope in list(world.recorded.values()):
                await world.settle([envelope])
            await world.check()
        finally:
            await whole.rollback()

    runner.run(example())
