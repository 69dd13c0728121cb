"""Links in the ledger: no point appears or goes by linking, except by entries that say so.

The ledger is read again in its order, beside a model that knows nothing of tables: what each
account has, and what a link, its end or its undoing should have moved at that moment.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from bus import SOURCES, Source

from .earning_model import WINDOW_REASONS
from .expectations import Expectations, LinkAnswers
from .postgres import RealPostgres

BONUS_REASON = "achievement_bonus"
AMOUNTS = ("xp", "balance")


class Account(NamedTuple):
    """An account on a platform."""

    platform: Source
    number: int


class Link(NamedTuple):
    """A row of `links`."""

    id: int
    telegram: Account
    discord: Account
    policy: str
    is_current: bool
    is_undone: bool
    #: The newest ledger entry that there was when the accounts were linked; 0 if there was none.
    last_entry: int

    def other(self, account: Account) -> Account:
        """Return the partner of one of the accounts."""
        return self.discord if account == self.telegram else self.telegram


#: An amount of each account, in one of AMOUNTS.
Shares = dict[Account, int]


def is_ours(row: Any) -> bool:
    """Tell whether a ledger row is of a link, a bonus or a window: no bot or program makes it."""
    key: str = row["idempotency_key"]
    return key.startswith("link:") or row["reason"] in (BONUS_REASON, *WINDOW_REASONS)


def link_breaches(real: RealPostgres, expected: Expectations, bonus_xp: int) -> Iterator[str]:
    """Yield each breach that concerns links, and the bonuses that linked accounts share."""
    links = {row[0]: _link(row) for row in real.fetch(_LINKS)}
    rows = real.fetch("SELECT * FROM transactions ORDER BY id")
    yield from _answers(links, expected.links)
    yield from _owners(links, real.fetch("SELECT * FROM accounts"))
    yield from _copies(rows)
    yield from _Replay(links).breaches(rows)
    yield from _bonuses(links.values(), rows, bonus_xp)


_LINKS = """
    SELECT id, telegram_account_id, discord_account_id, policy,
        unlinked_at IS NULL AND undone_at IS NULL, undone_at IS NOT NULL, last_entry
    FROM links JOIN simulation.links_made ON link_id = id ORDER BY id
"""


def _link(row: Any) -> Link:
    number, telegram, discord, *rest = row
    return Link(number, Account("telegram", telegram), Account("discord", discord), *rest)


def _answers(links: Mapping[int, Link], told: LinkAnswers) -> Iterator[str]:
    """A link is as the answers to the bots said."""
    for number, made in told.made.items():
        link = links.get(number)
        if link is None or (link.telegram.number, link.discord.number, link.policy) != made:
            yield f"link {number} was made as {made}, and is {link}"
    for number in told.unlinked | told.undone:
        if number not in links or links[number].is_current:
            yield f"link {number} was ended, and is current"
    pairs = Counter((one.telegram.number, one.discord.number) for one in links.values())
    for pair, times in told.redeemed.items():
        if pairs[pair] < times:
            yield f"codes linked {pair} {times} times, and there are {pairs[pair]} links"


def _owners(links: Mapping[int, Link], accounts: Sequence[Any]) -> Iterator[str]:
    """Two accounts are one member's exactly while a link of theirs is current."""
    members: dict[int, set[Account]] = defaultdict(set)
    for row in accounts:
        members[row["member_id"]].add(Account(row["platform"], row["account_id"]))
    linked = sorted(sorted(one) for one in members.values() if len(one) > 1)
    current = sorted(
        sorted((one.telegram, one.discord)) for one in links.values() if one.is_current
    )
    if linked != sorted(current):
        yield f"linked are {linked}, and the current links are of {current}"


def _copies(rows: Sequence[Any]) -> Iterator[str]:
    """The entry of a link or a bonus stands once in each platform's ledger, with one content."""
    copies: dict[str, list[Any]] = defaultdict(list)
    for row in filter(is_ours, rows):
        copies[row["idempotency_key"]].append(row)
    columns = ("source", "account_id", "delta_xp", "delta_balance", "achievement")
    for key, found in copies.items():
        contents = {tuple(row[column] for column in columns) for row in found}
        if sorted(row["platform"] for row in found) != sorted(SOURCES) or len(contents) > 1:
            yield f"{key} stands in the ledgers of {[row['platform'] for row in found]}: {contents}"


class _Replay:
    """Reads the ledger again. A link holds both accounts, so no other entry comes in between."""

    def __init__(self, links: Mapping[int, Link]) -> None:
        self._links = links
        self._has: dict[str, Counter[Account]] = {what: Counter() for what in AMOUNTS}
        #: Amounts that the policy and the end of a link have moved.
        self._moved: dict[tuple[int, str], Counter[Account]] = defaultdict(Counter)
        #: Amounts that all steps of a link have moved, added up.
        self._sums: Counter[tuple[int, str]] = Counter()
        #: Changes that each step of a link should still enter.
        self._due: dict[tuple[int, str, str], Shares] = {}
        self._unlocked: set[tuple[Account, str]] = set()

    def breaches(self, rows: Sequence[Any]) -> Iterator[str]:
        """Yield each entry of a link that is not what the model says, or that is missing."""
        for row in rows:
            account = Account(row["source"], row["account_id"])
            if row["idempotency_key"].startswith("link:"):
                yield from self._judge(row, account)
            if row["achievement"]:
                self._unlocked.add((account, row["achievement"]))
            if row["platform"] == row["source"]:
                for what in AMOUNTS:
                    self._has[what][account] += row[f"delta_{what}"]
        for step, shares in self._due.items():
            if missing := {account: amount for account, amount in shares.items() if amount}:
                yield f"{step} of a link lacks entries for {missing}"
        for (number, what), amount in self._sums.items():
            if self._links[number].is_undone and amount:
                yield f"link {number} took {-amount} {what}, which undoing it never gave back"

    def _judge(self, row: Any, account: Account) -> Iterator[str]:
        key = row["idempotency_key"]
        _, number, step, _, what = key.split(":")
        link = self._links[int(number)]
        if account not in (link.telegram, link.discord):
            yield f"{key} is an entry of {account}, which link {number} does not concern"
        elif row["achievement"]:
            if step != "unlink" or (link.other(account), row["achievement"]) not in self._unlocked:
                yield f"{key} brings an achievement that the other account does not have"
        elif row["platform"] == row["source"]:
            if not any((link.id, step, one) in self._due for one in AMOUNTS):
                for one in AMOUNTS:
                    self._due[link.id, step, one] = self._changes(link, step, one)
            amount = row[f"delta_{what}"]
            wanted = self._due[link.id, step, what].pop(account, 0)
            if amount != wanted:
                yield f"{key} moves {amount}, and should move {wanted}"
            self._sums[link.id, what] += amount
            if step != "undo":
                self._moved[link.id, what][account] += amount

    def _changes(self, link: Link, step: str, what: str) -> Shares:
        """Return what a step should change each account's amount by at this moment."""
        has = {account: self._has[what][account] for account in (link.telegram, link.discord)}
        match step:
            case "policy":
                return {one: -amount for one, amount in has.items() if _loses(one, link, has)}
            case "unlink":
                amount = has[link.discord]
                return {link.telegram: amount, link.discord: -amount}
            case _:
                moved = self._moved[link.id, what]
                back = {account: has[account] - moved[account] for account in has}
                lacks = {account: min(0, amount) for account, amount in back.items()}
                # One account bears what the other spent beyond its own.
                return {
                    one: back[one] - lacks[one] + lacks[link.other(one)] - has[one] for one in has
                }


def _loses(account: Account, link: Link, has: Shares) -> bool:
    if link.policy == "max":
        loser = link.telegram if has[link.telegram] < has[link.discord] else link.discord
        return account == loser
    return link.policy != "sum" and account.platform != link.policy


def _bonuses(links: Iterable[Link], rows: Sequence[Any], bonus_xp: int) -> Iterator[str]:
    """A bonus has its amount, and accounts that were linked once are not paid it again."""
    paid = {
        Account(row["source"], row["account_id"]): row["id"]
        for row in rows
        if row["reason"] == BONUS_REASON and row["platform"] == row["source"]
    }
    for row in rows:
        if row["reason"] == BONUS_REASON and row["delta_xp"] != bonus_xp:
            yield f"{row['idempotency_key']} pays {row['delta_xp']} XP, and should pay {bonus_xp}"
    for link in links:
        if {link.telegram, link.discord} <= paid.keys():
            later = max(paid[link.telegram], paid[link.discord])
            if later > link.last_entry:
                yield f"link {link.id} had a bonus already, and entry {later} paid one again"
