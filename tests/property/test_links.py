"""Law 9: under any sequence of earning, spending, linking, unlinking, undoing, moving, forgetting,
no point appears or goes, except by an entry that names the policy that moved it. Nor does anything
that was earned this week, which no policy moves.

A history is drawn and carried out on a real Postgres. Beside it runs a model that knows nothing of
tables: what each account has, and whose it is.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import schemas
from db import InsufficientFunds
from db.ledger import events
from db.ledger.envelopes import Envelope
from db.links import links
from db.links.account_moves import move
from db.links.links import Link, Policy
from db.links.refusals import LinkRefused
from db.members import forgetting
from db.upkeep.audit_queries import BY_LEDGER
from launch.servers import Server
from tests.support.example_numbers import examples
from tests.support.fast_storage import drop_database, make_database

#: Histories that `make test` draws; `make nightly` draws 2,500.
EXAMPLES = 20
SECRET = "a secret of the deployment"
ACCOUNTS = {"telegram": (1, 2), "discord": (11, 12)}
POLICIES = ("sum", "max", "telegram", "discord")
EFFECTS = ("xp", "balance")
#: More than any history has, so that the limit is not what ends a link here.
LINKS_MAX = 1_000

Account = tuple[Any, int]


class Step(NamedTuple):
    """One thing that happens; what the numbers mean depends on it."""

    what: str
    account: Account
    other: int
    amount: int
    policy: Any
    effect: str


def steps() -> st.SearchStrategy[list[Step]]:
    account = st.sampled_from([(p, n) for p, numbers in ACCOUNTS.items() for n in numbers])
    what = st.sampled_from(
        ["earn", "earn", "earn", "arrive", "link", "unlink", "undo", "move", "forget"]
    )
    step = st.builds(
        Step,
        what,
        account,
        st.integers(0, 1),
        st.integers(-30, 40).filter(bool),
        st.sampled_from(POLICIES),
        st.sampled_from(EFFECTS),
    )
    return st.lists(step, min_size=3, max_size=18)


@dataclass
class Past:
    """A link as the model remembers it: what its policy and its end took from each account."""

    link: Link
    moved: dict[Account, int]
    ended: bool = False
    is_undone: bool = False


@dataclass
class Model:
    """The XP of each account, or the balance, and which accounts are linked."""

    has: dict[Account, int] = field(default_factory=dict)
    #: The amount that each account earned this week. Of balances the record keeps no such sum.
    week: dict[Account, int] = field(default_factory=dict)
    links: list[Past] = field(default_factory=list)

    def partner(self, account: Account) -> Account | None:
        past = self.current(account)
        if past is None:
            return None
        one, two = past.link.telegram, past.link.discord
        other = two if account == one else one
        return (other.platform, other.account_id)

    def current(self, account: Account) -> Past | None:
        return next((past for past in self.links if not past.ended and account in past.moved), None)

    def rename(self, names: dict[Account, Account]) -> None:
        """Give accounts that were forgotten their pseudonyms; they keep what they have."""
        self.has = {names.get(account, account): amount for account, amount in self.has.items()}
        self.week = {names.get(account, account): amount for account, amount in self.week.items()}
        for past in self.links:
            past.moved = {names.get(one, one): amount for one, amount in past.moved.items()}
            past.link = past.link._replace(
                telegram_account_id=names.get(past.link.telegram, past.link.telegram)[1],
                discord_account_id=names.get(past.link.discord, past.link.discord)[1],
            )

    def total(self, account: Account) -> int:
        partner = self.partner(account)
        return self.has.get(account, 0) + (self.has.get(partner, 0) if partner else 0)

    def total_of_week(self, account: Account) -> int:
        partner = self.partner(account)
        return self.week.get(account, 0) + (self.week.get(partner, 0) if partner else 0)

    def give_week(self, account: Account, other: Account) -> None:
        self.week[other] = self.week.get(other, 0) + self.week.pop(account, 0)

    def undo(self, past: Past) -> None:
        for account, amount in past.moved.items():
            self.change(account, -amount)
        lacks = {account: min(0, self.has.get(account, 0)) for account in past.moved}
        for account, amount in lacks.items():
            [other] = [one for one in past.moved if one != account]
            self.change(account, -amount)
            self.change(other, amount)
        past.is_undone = past.ended = True

    def change(self, account: Account, amount: int, past: Past | None = None) -> None:
        self.has[account] = self.has.get(account, 0) + amount
        if past is not None:
            past.moved[account] += amount


class World:
    """One history, carried out on the record and on the model."""

    def __init__(self, conn: asyncpg.Connection) -> None:
        self.conn = conn
        #: Amounts of one kind know nothing of the other kind.
        self.models = {effect: Model() for effect in EFFECTS}
        #: Says which accounts are linked; the models agree on it.
        self.model = self.models["xp"]
        self.on_their_way: list[Envelope] = []
        self.recorded: list[Envelope] = []
        #: The events of people who were forgotten since.
        self.old: list[Envelope] = []
        self.number = 0

    async def run(self, history: list[Step]) -> None:
        for step in history:
            await getattr(self, step.what)(step)
            await self.check_totals()
        for envelope in self.on_their_way:
            await self.settle(envelope)
        await self.check_books()
        for envelope in self.old:
            assert not await self.settle(envelope)
            source = envelope.event.source
            [receipt] = await events.record(self.conn, source, [envelope], forget_secret=SECRET)
            assert not receipt.created
        await self.check_totals()
        await self.check_books()

    async def earn(self, step: Step) -> None:
        self.number += 1
        platform, account_id = step.account
        changed: Any = schemas.xp_changed if step.effect == "xp" else schemas.balance_changed
        event = changed(
            user_id=account_id,
            source=platform,
            reason="game",
            entity_id=str(self.number),
            occurred_at=datetime.now(UTC),
            **{f"delta_{step.effect}": step.amount},
        )
        model = self.models[step.effect]
        envelope = Envelope(event, schemas.encode(event))
        try:
            async with self.conn.transaction():
                await events.record(self.conn, platform, [envelope], forget_secret=SECRET)
        except InsufficientFunds:
            assert model.total(step.account) + step.amount < 0
            return
        model.change(step.account, step.amount)
        model.week[step.account] = model.week.get(step.account, 0) + step.amount
        self.on_their_way.append(envelope)
        self.recorded.append(envelope)

    async def arrive(self, step: Step) -> None:
        if self.on_their_way:
            await self.settle(self.on_their_way.pop(step.other % len(self.on_their_way)))

    async def settle(self, envelope: Envelope) -> frozenset[str]:
        source = envelope.event.source
        async with self.conn.transaction():
            return await events.settle(
                *(self.conn, schemas.opposite(source), source, [envelope]), forget_secret=SECRET
            )

    async def forget(self, step: Step) -> None:
        partner = self.model.partner(step.account)
        person = [step.account] if partner is None else [step.account, partner]
        member = await self.conn.fetchval(
            "SELECT member_id FROM accounts WHERE platform = $1 AND account_id = $2", *step.account
        )
        async with self.conn.transaction():
            forgotten = await forgetting.forget(
                self.conn, forgetting.Account(*step.account), secret=SECRET, stores={}
            )
        assert sorted(forgotten) == sorted(person)
        rows = await self.conn.fetch(
            "SELECT platform, account_id FROM accounts WHERE member_id = $1", member
        )
        pseudonyms = dict(rows)
        assert all(number < 0 for number in pseudonyms.values())
        for model in self.models.values():
            model.rename({one: (one[0], pseudonyms[one[0]]) for one in person if pseudonyms})
        theirs = [one for one in self.recorded if (one.event.source, one.event.user_id) in person]
        self.recorded = [one for one in self.recorded if one not in theirs]
        self.on_their_way = [one for one in self.on_their_way if one not in theirs]
        self.old += theirs

    async def link(self, step: Step) -> None:
        telegram = ("telegram", ACCOUNTS["telegram"][step.other])
        discord = ("discord", ACCOUNTS["discord"][step.amount % 2])
        refused = self.model.current(telegram) or self.model.current(discord)
        try:
            async with self.conn.transaction():
                made = await links.link(
                    self.conn,
                    telegram_account_id=telegram[1],
                    discord_account_id=discord[1],
                    policy=step.policy,
                    links_max=LINKS_MAX,
                )
            refusal = None
        except LinkRefused as error:
            refusal = error.rule
        assert (refusal is not None) == bool(refused), refusal
        if refusal is not None:
            return
        for model in self.models.values():
            past = Past(made, {telegram: 0, discord: 0})
            for account, amount in taken(model, telegram, discord, step.policy).items():
                model.change(account, -amount, past)
            model.links.append(past)

    async def unlink(self, step: Step) -> None:
        is_linked = self.model.current(step.account) is not None
        platform, account_id = step.account
        try:
            async with self.conn.transaction():
                await links.unlink(self.conn, platform=platform, account_id=account_id)
            refusal = None
        except LinkRefused as error:
            refusal = error.rule
        assert (refusal is None) == is_linked, refusal
        if not is_linked:
            return
        for model in self.models.values():
            past = model.current(step.account)
            assert past is not None
            amount = model.has.get(past.link.discord, 0)
            model.change(past.link.telegram, amount, past)
            model.change(past.link.discord, -amount, past)
            model.give_week(past.link.discord, past.link.telegram)
            past.ended = True

    async def undo(self, step: Step) -> None:
        if not self.model.links:
            return
        number = step.amount % len(self.model.links)
        past = self.model.links[number]
        later = self.model.links[number + 1 :]
        refused = past.is_undone or any(past.moved.keys() & one.moved.keys() for one in later)
        try:
            async with self.conn.transaction():
                await links.undo(self.conn, past.link.id)
            refusal = None
        except LinkRefused as error:
            refusal = error.rule
        assert (refusal is not None) == bool(refused), refusal
        if refusal is not None:
            return
        for model in self.models.values():
            model.undo(model.links[number])

    async def move(self, step: Step) -> None:
        platform, old = step.account
        new = ACCOUNTS[platform][step.other]
        refused = old == new or self.model.current((platform, new))
        try:
            async with self.conn.transaction():
                await move(self.conn, platform=platform, from_account_id=old, to_account_id=new)
            refusal = None
        except LinkRefused as error:
            refusal = error.rule
        assert (refusal is not None) == bool(refused), refusal
        if refusal is not None:
            return
        for model in self.models.values():
            amount = model.has.get(step.account, 0)
            model.change((platform, new), amount)
            model.change(step.account, -amount)
            model.give_week(step.account, (platform, new))
            past = model.current(step.account)
            if past is not None:
                partner = model.partner(step.account)
                assert partner is not None
                past.ended = True
                [newest] = await self.conn.fetch("SELECT * FROM links ORDER BY id DESC LIMIT 1")
                model.links.append(Past(Link(*newest), {(platform, new): 0, partner: 0}))

    def totals(self, account: Account) -> tuple[int, ...]:
        """The amounts of an account's member, in the order of EFFECTS."""
        return tuple(model.total(account) for model in self.models.values())

    async def check_totals(self) -> None:
        rows = await self.conn.fetch(
            "SELECT platform, account_id, m.xp, m.balance, m.week_xp, m.month_xp"
            " FROM accounts JOIN members AS m ON m.id = member_id"
        )
        for platform, account_id, xp, balance, week_xp, month_xp in rows:
            account = (platform, account_id)
            assert (xp, balance) == self.totals(account), account
            assert week_xp == month_xp == self.model.total_of_week(account), account

    async def check_books(self) -> None:
        for platform in schemas.SOURCES:
            rows = await self.conn.fetch(
                "SELECT a.platform, a.account_id, s.xp, s.balance FROM sync_state AS s"
                " JOIN accounts AS a USING (member_id) WHERE s.platform = $1",
                platform,
            )
            for source, account_id, xp, balance in rows:
                account = (source, account_id)
                assert (xp, balance) == self.totals(account), (platform, account)
        for query in BY_LEDGER.values():
            wrong = await self.conn.fetch(f"SELECT * FROM ({query}) AS q WHERE differs")
            assert wrong == []


def taken(model: Model, telegram: Account, discord: Account, policy: Policy) -> dict[Account, int]:
    """The amount that a policy takes from each account."""
    has = {one: model.has.get(one, 0) for one in (telegram, discord)}
    if policy == "sum":
        return {}
    if policy == "max":
        loser = telegram if has[telegram] < has[discord] else discord
        return {loser: has[loser]}
    return {one: has[one] for one in has if one[0] != policy}


@pytest.fixture
def record(postgres: Server) -> Iterator[tuple[asyncio.Runner, asyncpg.Connection]]:
    """A connection to a fresh database that outlives the examples, with a loop of its own."""
    with asyncio.Runner() as runner:
        conn = runner.run(asyncpg.connect(runner.run(make_database(postgres.url, "links"))))
        yield runner, conn
        runner.run(conn.close())
        runner.run(drop_database(postgres.url, "links"))


@pytest.mark.timeout(3_600)
@settings(
    max_examples=examples(EXAMPLES),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps())
def test_no_point_appears_or_goes_by_linking(record, history):
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
