"""Invitations as deeds: newcomers come by members, leave, come back and take part; their audit."""

import contextlib
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bots.features.invitations.room import Invitations
from bots.features.room import Invitation
from config.community_sections.invites import InviteSetting
from db import DbError
from db.rewards import invites

from .bot_calls import NEWCOMERS, Wanted, accounts_of, effect_of, key_of
from .expectations import Expectations
from .link_deeds import NO_ANSWER
from .pool import Pool
from .postgres import RealPostgres

REASON: Final = "invite"
#: A newcomer has to stay for three virtual seconds.
STAY_S: Final = 3.0
SETTING: Final = InviteSetting(
    enabled=True, xp=4, balance=3, stay_hours=STAY_S / 3_600, least_xp=5, per_day_max=1
)
#: Seconds between two looks for invitations that are due.
PAY_S: Final = 1.5


class InvitationDeeds:
    """The deeds of newcomers in Telegram: Discord does not say by whom a member came."""

    def __init__(
        self,
        room: Invitations,
        pool: Pool,
        dice: random.Random,
        expected: Expectations,
    ) -> None:
        self._room = room
        self._pool: Any = pool
        self._dice = dice
        self._expected = expected

    async def act(self) -> Wanted | None:
        """Let newcomers come or go. Returns something that one of them earns, if one takes part."""
        dice = self._dice
        newcomer = dice.choice(NEWCOMERS)
        chance = dice.random()
        if chance < 0.15:
            await self._leave(newcomer)
        elif chance < 0.6:
            # An account that earns before it is invited was here before, so most were invited.
            came = sorted(self._expected.invitations.inviters.keys() & {*NEWCOMERS})
            return {
                "user_id": dice.choice(came) if came and dice.random() < 0.8 else newcomer,
                "source": "telegram",
                "delta_xp": dice.choice([3, 5, 10]),
                "reason": "game_guess",
                "entity_id": f"{dice.getrandbits(40)}",
            }
        else:
            for _ in range(dice.randint(1, 3)):
                await self._come(dice.choice(NEWCOMERS))
        return None

    async def _come(self, newcomer: int) -> None:
        # Members invite one another as well, and now and then themselves. One of them invites more
        # than a day allows.
        busiest, *others = accounts_of("telegram")
        inviter = self._dice.choice([busiest, busiest, busiest, *others, newcomer])
        account = self._dice.choice([newcomer, newcomer, newcomer, *accounts_of("telegram")])
        told = self._expected.invitations
        if account not in told.inviters and any(
            effect.account == account and effect.source == "telegram"
            for effect in self._expected.committed.values()
        ):
            told.known_before.add(account)
        told.inviters[account].add(inviter)
        for part in _parts(inviter, account):
            self._expected.tried(key_of(part), effect_of(part))
        await self._room.note(Invitation(inviter, account))

    async def _leave(self, newcomer: int) -> None:
        with contextlib.suppress(DbError, *NO_ANSWER):
            async with self._pool.acquire() as conn, conn.transaction():
                await invites.end(conn, "telegram", newcomer)
                status = await conn.fetchval(
                    "SELECT status FROM invites WHERE platform = 'telegram' AND account_id = $1",
                    newcomer,
                )
            if status is not None:
                self._expected.invitations.ended[newcomer] = status


def _parts(inviter: int, account: int) -> Iterator[Wanted]:
    common = {
        "user_id": inviter,
        "source": "telegram",
        "reason": REASON,
        "entity_id": str(account),
    }
    yield common | {"delta_xp": SETTING.xp}
    yield common | {"delta_balance": SETTING.balance}


def invitation_breaches(real: RealPostgres, expected: Expectations, now_ms: int) -> Iterator[str]:
    """An account is paid for once, to one who invited it, if it stayed and took part."""
    told = expected.invitations
    rows = {row["account_id"]: row for row in real.fetch("SELECT * FROM invites")}
    paid = Counter(
        {
            (row["account_id"], int(row["entity_id"])): row["xp"]
            for row in real.fetch(
                "SELECT account_id, entity_id, sum(delta_xp) AS xp FROM transactions"
                " WHERE reason = $1 AND platform = source GROUP BY account_id, entity_id",
                REASON,
            )
        }
    )
    wanted = Counter(
        {
            (row["inviter_id"], account): SETTING.xp
            for account, row in rows.items()
            if row["status"] == "paid"
        }
    )
    if paid != wanted:
        yield f"invitations {wanted} are paid, their entries are {paid}"
    per_inviter = Counter(inviter for inviter, _ in paid)
    of_account = Counter(account for _, account in paid)
    yield from (
        f"{inviter} was paid for {count} invitations"
        for inviter, count in per_inviter.items()
        if count > SETTING.per_day_max
    )
    yield from (
        f"invitations of {account} were paid {count} times"
        for account, count in of_account.items()
        if count > 1
    )
    earned = _earned(real)
    linked = _linked_with(real)
    for account, row in rows.items():
        inviter, status = row["inviter_id"], row["status"]
        is_persons = bool(linked[account] & linked[inviter]) or account == inviter
        if inviter not in told.inviters[account]:
            yield f"{account} was never invited by {inviter}"
        if status != "void" and (account in told.known_before or account == inviter):
            yield f"{account} was here before, and its invitation is {status}"
        if status == "paid" and earned[account] < SETTING.least_xp:
            yield f"{account} earned {earned[account]} XP, and its invitation is paid"
        if told.ended.get(account) == "waiting":
            yield f"{account} left, and its invitation waited on"
        if account in told.ended and told.ended[account] != status:
            yield f"{account} left with {told.ended[account]}, and its invitation is {status}"
        joined_at = row["joined_at"]
        due_at = joined_at + timedelta(seconds=STAY_S)
        if (
            status == "waiting"
            and due_at <= datetime.fromtimestamp(now_ms / 1_000, UTC)
            and earned[account] >= SETTING.least_xp
            and per_inviter[inviter] < SETTING.per_day_max
            and not is_persons
        ):
            yield f"the invitation of {account} by {inviter} is due since {due_at}, and not paid"


def _earned(real: RealPostgres) -> Counter[int]:
    return Counter(
        {
            row["account_id"]: row["xp"]
            for row in real.fetch(
                "SELECT account_id, sum(delta_xp) AS xp FROM transactions"
                " WHERE source = 'telegram' AND platform = source AND delta_xp > 0"
                " AND NOT starts_with(reason, 'link') GROUP BY account_id"
            )
        }
    )


def _linked_with(real: RealPostgres) -> dict[int, set[int]]:
    """Return the Discord accounts that each Telegram account was ever linked with."""
    found: dict[int, set[int]] = defaultdict(set)
    for row in real.fetch("SELECT telegram_account_id, discord_account_id FROM links"):
        found[row[0]].add(row[1])
    return found
