"""Windows and ledger hold what was accepted, and nothing else, under any sequence of earning,
repeating, closing, linking, unlinking, undoing, moving and forgetting.

A history is drawn and carried out on a real Postgres. Beside it runs a model that knows nothing of
tables: whose an account is, when each account earned last, and what it earned that day.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db.earning import Earning, Rules, windows
from db.links import links
from db.links.account_moves import move
from db.links.refusals import LinkRefused
from db.upkeep.audit_queries import BY_LEDGER
from launch.servers import Server
from tests.support.example_numbers import examples
from tests.support.fast_storage import drop_database, make_database

#: Histories that `make test` draws; `make nightly` draws 2,500.
EXAMPLES = 25
SECRET = "a secret of the deployment"
ACCOUNTS = {"telegram": (1, 2), "discord": (11, 12)}
COOLDOWN_S, DAY_XP_MAX = 60, 50
START = datetime(2026, 1, 1, 22, tzinfo=UTC)
RULES = Rules(window_s=3_600, zone=UTC)

Account = tuple[Any, int]


class Step(NamedTuple):
    """One thing that happens; what the numbers mean depends on it."""

    what: str
    account: Account
    other: int
    amount: int
    after_s: int


def steps() -> st.SearchStrategy[list[Step]]:
    account = st.sampled_from([(p, n) for p, numbers in ACCOUNTS.items() for n in numbers])
    what = st.sampled_from(
        [
            *(["earn"] * 5),
            *("repeat", "repeat", "close", "close_due"),
            *("link", "link", "unlink", "undo", "move", "forget"),
        ]
    )
    step = st.builds(
        Step,
        what,
        account,
        st.integers(0, 1),
        st.integers(1, 30),
        st.sampled_from([1, 59, 60, 61, 600, 3_600]),
    )
    return st.lists(step, min_size=3, max_size=25)


@dataclass
class Known:
    """The state of an account, as the model knows it."""

    last: datetime | None = None
    day: Any = None
    day_xp: int = 0


@dataclass
class World:
    """One history, carried out on the record and on the model."""

    conn: asyncpg.Connection
    at: datetime = START
    accepted: int = 0
    known: dict[Account, Known] = field(default_factory=dict)
    partners: dict[Account, Account] = field(default_factory=dict)
    linked: list[int] = field(default_factory=list)
    earned: list[tuple[Account, Earning]] = field(default_factory=list)
    forgotten_at: dict[Account, datetime] = field(default_factory=dict)

    async def run(self, history: list[Step]) -> None:
        for step in history:
            self.at += timedelta(seconds=step.after_s)
            await getattr(self, step.what)(step)
            await self.check()
        for platform in ACCOUNTS:
            async with self.conn.transaction():
                await windows.close_due(self.conn, platform, window_s=0, stores={})  # type: ignore[arg-type]
        assert await self.conn.fetchval("SELECT count(*) FROM earning_windows WHERE xp > 0") == 0
        await self.check()
        for query in BY_LEDGER.values():
            assert await self.conn.fetch(f"SELECT * FROM ({query}) AS q WHERE differs") == []

    async def earn(self, step: Step) -> None:
        earning = Earning(step.account[1], "messages", step.amount, self.at, COOLDOWN_S, DAY_XP_MAX)
        self.earned.append((step.account, earning))
        await self._hand_in(step.account, earning)

    async def repeat(self, step: Step) -> None:
        """An update comes again, however late."""
        if self.earned:
            account, earning = self.earned[step.amount % len(self.earned)]
            await self._hand_in(account, earning)

    async def _hand_in(self, account: Account, earning: Earning) -> None:
        person = [account, *[one for one in [self.partners.get(account)] if one is not None]]
        states = [self.known.setdefault(one, Known()) for one in person]
        last = max((one.last for one in states if one.last is not None), default=None)
        day = earning.happened_at.date()
        today = sum(one.day_xp for one in states if one.day is not None and one.day >= day)
        cooled = last is None or earning.happened_at >= last + timedelta(seconds=COOLDOWN_S)
        counts = max(0, min(earning.xp, DAY_XP_MAX - today)) if cooled else 0
        if earning.happened_at < self.forgotten_at.get(account, START):
            counts = 0
        async with self.conn.transaction():
            [result] = await windows.earn(
                self.conn, account[0], [earning], RULES, forget_secret=SECRET
            )
        assert result is not None
        assert result.xp == counts
        self.accepted += result.xp
        if result.xp:
            mine = self.known[account]
            mine.day_xp = result.xp + (mine.day_xp if mine.day == day else 0)
            mine.last, mine.day = earning.happened_at, day

    async def close(self, step: Step) -> None:
        async with self.conn.transaction():
            await windows.close_of(self.conn, *step.account)

    async def close_due(self, step: Step) -> None:
        async with self.conn.transaction():
            await windows.close_due(
                self.conn, step.account[0], window_s=0, stores={}, limit=step.amount
            )

    async def link(self, step: Step) -> None:
        telegram = ("telegram", ACCOUNTS["telegram"][step.other])
        discord = ("discord", ACCOUNTS["discord"][step.amount % 2])
        if telegram in self.partners or discord in self.partners:
            return
        async with self.conn.transaction():
            made = await links.link(
                self.conn,
                telegram_account_id=telegram[1],
                discord_account_id=discord[1],
                policy="sum",
                links_max=1_000,
            )
        self.linked.append(made.id)
        self.partners |= {telegram: discord, discord: telegram}

    async def unlink(self, step: Step) -> None:
        if step.account in self.partners:
            async with self.conn.transaction():
                await links.unlink(self.conn, platform=step.account[0], account_id=step.account[1])
            del self.partners[self.partners.pop(step.account)]

    async def undo(self, step: Step) -> None:
        if not self.linked:
            return
        link = self.linked[step.amount % len(self.linked)]
        try:
            async with self.conn.transaction():
                undone = await links.undo(self.conn, link)
        except LinkRefused:
            return
        for one in (undone.telegram, undone.discord):
            self.partners.pop((one.platform, one.account_id), None)

    async def move(self, step: Step) -> None:
        platform, old = step.account
        new = ACCOUNTS[platform][step.other]
        if old == new or (platform, new) in self.partners:
            return
        async with self.conn.transaction():
            await move(self.conn, platform=platform, from_account_id=old, to_account_id=new)
        left = self.known.setdefault((platform, old), Known())
        mine = self.known.setdefault((platform, new), Known())
        mine.last = max((one for one in (mine.last, left.last) if one is not None), default=None)
        days = [one for one in (mine, left) if one.day is not None]
        newest = max((one.day for one in days), default=None)
        mine.day_xp = sum(one.day_xp for one in days if one.day == newest)
        mine.day = newest
        partner = self.partners.pop(step.account, None)
        if partner is not None:
            self.partners |= {partner: (platform, new), (platform, new): partner}

    async def forget(self, step: Step) -> None:
        person = [step.account, *[one for one in [self.partners.get(step.account)] if one]]
        for platform, account_id in person:
            self.accepted -= await self.conn.fetchval(
                "SELECT coalesce(sum(xp), 0)::bigint FROM earning_windows"
                " WHERE platform = $1 AND account_id = $2",
                platform,
                account_id,
            )
            self.known.pop((platform, account_id), None)
            self.partners.pop((platform, account_id), None)
        # It happens between this step and the next.
        moment = self.at + timedelta(milliseconds=500)
        await self.conn.execute(
            "SELECT twinstream.forget_person($1, $2, $3, $4)", *step.account, SECRET, moment
        )
        self.forgotten_at |= dict.fromkeys(person, moment)

    async def check(self) -> None:
        held = await self.conn.fetchval(
            """
            SELECT coalesce((SELECT sum(xp) FROM earning_windows), 0) + coalesce((
                SELECT sum(delta_xp) FROM transactions
                WHERE platform = source AND reason = 'messages'
            ), 0)
            """
        )
        assert held == self.accepted


@pytest.fixture
def record(postgres: Server) -> Iterator[tuple[asyncio.Runner, asyncpg.Connection]]:
    """A connection to a fresh database that outlives the examples, with a loop of its own."""
    with asyncio.Runner() as runner:
        conn = runner.run(asyncpg.connect(runner.run(make_database(postgres.url, "earning"))))
        yield runner, conn
        runner.run(conn.close())
        runner.run(drop_database(postgres.url, "earning"))


@pytest.mark.timeout(3_600)
@settings(
    max_examples=examples(EXAMPLES),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps())
def test_windows_and_ledger_hold_what_was_accepted(record, history):
    runner, conn = record

    async def example() -> None:
        # Rolled back in the end: nothing of one example is there in the next.
        whole = conn.transaction()
        await whole.start()
        try:
            await World(conn).run(history)
        finally:
            await whole.rollback()

    runner.run(example())
