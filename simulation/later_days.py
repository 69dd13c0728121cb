"""The days after a run: members come back or miss days, and a model says what becomes of streaks.

Nothing fails any more, so every answer is known: a day is paid once to a person, with whichever
account they come, a missed day is forgiven once a month, and more of them end the streak.
"""

import contextlib
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from bus import SOURCES, Source
from db.links import account_moves, links
from db.links.refusals import LinkRefused
from db.rewards import daily
from db.rewards.daily import Claim, DailyRules
from db.rewards.days import days_around

from .bot_calls import accounts_of
from .pool import Pool

DAYS: Final = 6
DAY_MS: Final = 24 * 3_600_000
FORGIVEN_DAYS: Final = 1
#: An account and the one that takes its place are so far apart.
MOVED: Final = 50
RULES: Final = DailyRules(3, 2, 0, 0, 0, 0, FORGIVEN_DAYS, 0, {})

Account = tuple[Source, int]


#: Invitations and received reactions of an account; they go with its member.
_LEFT_BEHIND: Final = """
    SELECT string_agg(what, ', ') FROM (
        SELECT 'an invitation' AS what FROM invites
        WHERE platform = $1 AND $2 IN (account_id, inviter_id)
        UNION ALL
        SELECT 'a reaction' FROM reactions WHERE platform = $1 AND receiver_account_id = $2
        UNION ALL
        SELECT 'a message' FROM message_authors WHERE platform = $1 AND $2 = ANY (author_ids)
    ) AS found
"""


class WrongStreak(AssertionError):
    """An answer to a claim is not what the model says."""


@dataclass
class _Streak:
    """The streak of a member after the last claim."""

    day: date
    days: int
    forgiven: int

    def on(self, day: date) -> tuple[int, int, int]:
        """Return the days in a row, those forgiven now, and the streak that ends, by a claim."""
        missed = (day - self.day).days - 1
        if missed <= 0:
            return self.days + 1, 0, 0
        if missed <= FORGIVEN_DAYS - self.forgiven:
            return self.days + 1, missed, 0
        return 1, 0, self.days


class LaterDays:
    """The claims of all members on the days after a run, and a link and an account that end."""

    def __init__(
        self, dice: random.Random, now_ms: Callable[[], int], pass_ms: Callable[[int], None]
    ) -> None:
        """`pass_ms` lets the clock of Postgres go on."""
        self._dice = dice
        self._now_ms = now_ms
        self._pass_ms = pass_ms
        self._accounts = [(source, one) for source in SOURCES for one in accounts_of(source)]
        self._streaks: dict[int, _Streak] = {}
        #: The accounts that cannot claim any more today: they or theirs did.
        self._paid: set[Account] = set()
        #: Accounts that have one claim together today: their link ended, by unlinking or a move.
        self._parted: list[Account] = []

    async def live(self, pool: Pool) -> None:
        """Let the days pass, and members claim on some of them.

        Raises:
            WrongStreak: says which answer is wrong.
        """
        ends = {self._dice.randrange(DAYS): self._unlink, self._dice.randrange(DAYS): self._move}
        async with pool.acquire() as conn:
            for number in range(DAYS):
                self._pass_ms(self._dice.choice([1, 1, 1, 2, 3]) * DAY_MS)
                self._paid.clear()
                self._parted.clear()
                await self._claim_some(conn)
                if number in ends:
                    with contextlib.suppress(LinkRefused):
                        await ends[number](conn)
                await self._claim_some(conn)

    async def _claim_some(self, conn: Any) -> None:
        for account in self._accounts:
            if self._dice.random() < 0.4:
                await self._claim(conn, account)

    async def _claim(self, conn: Any, account: Account) -> None:
        now = datetime.fromtimestamp(self._now_ms() / 1_000, UTC)
        claim = await daily.claim(
            conn, *account, "Ann", days=days_around(now, ZoneInfo("UTC")), rules=RULES
        )
        member, theirs = await self._member_of(conn, account)
        wanted = "counted" if account in self._paid else "claimed"
        if claim.outcome != wanted:
            raise WrongStreak(f"a claim of {account} on {now} is {claim}, and should be {wanted}")
        known = self._streaks.get(member)
        if claim.outcome == "counted":
            if known is not None and claim.streak != known.days:
                raise WrongStreak(f"{account} has {known}, and is told {claim}")
            return
        if known is not None:
            _compare(claim, known, now.date())
        used = FORGIVEN_DAYS - claim.left_to_forgive
        self._streaks[member] = _Streak(now.date(), claim.streak, used)
        self._paid.update(theirs)
        if account in self._parted:
            self._paid.update(self._parted)

    async def _unlink(self, conn: Any) -> None:
        """End a link: both accounts go on from the streak of both."""
        rows = await conn.fetch(
            "SELECT telegram_account_id, discord_account_id FROM links"
            " WHERE unlinked_at IS NULL AND undone_at IS NULL ORDER BY id"
        )
        if not rows:
            return
        telegram, discord = self._dice.choice(rows)
        pair: list[Account] = [("telegram", telegram), ("discord", discord)]
        member, _ = await self._member_of(conn, pair[0])
        async with conn.transaction():
            await links.unlink(conn, platform="telegram", account_id=telegram)
        self._parted += pair
        if (known := self._streaks.pop(member, None)) is not None:
            for account in pair:
                self._streaks[(await self._member_of(conn, account))[0]] = replace(known)

    async def _move(self, conn: Any) -> None:
        """Put a new account in the place of another one, which stays behind without a streak."""
        source, old = self._dice.choice(self._accounts)
        new = old + MOVED
        member, theirs = await self._member_of(conn, (source, old))
        if not theirs:
            return
        async with conn.transaction():
            await account_moves.move(conn, platform=source, from_account_id=old, to_account_id=new)
        self._accounts.append((source, new))
        if (source, old) in self._paid:
            self._paid.add((source, new))
        if len(theirs) > 1:
            # The old account's link has ended, and its partner is the new account's now.
            self._parted += [*theirs, (source, new)]
        if (await self._member_of(conn, (source, new)))[0] != member:
            raise WrongStreak(f"the account {new} is not {old}'s member")
        if left := await conn.fetchval(_LEFT_BEHIND, source, old):
            raise WrongStreak(f"{old} moved to {new}, and {left} stayed behind")

    async def _member_of(self, conn: Any, account: Account) -> tuple[int, list[Account]]:
        rows = await conn.fetch(
            "SELECT a.member_id, t.platform, t.account_id FROM accounts AS a"
            " JOIN accounts AS t USING (member_id) WHERE a.platform = $1 AND a.account_id = $2",
            *account,
        )
        return rows[0][0] if rows else 0, [(row[1], row[2]) for row in rows]


def _compare(claim: Claim, known: _Streak, today: date) -> None:
    wanted = known.on(today)
    if (claim.streak, claim.forgiven, claim.lost) != wanted:
        raise WrongStreak(f"after {known} a claim on {today} is {claim}, and should be {wanted}")
