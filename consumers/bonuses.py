"""What comes with an achievement: XP and balance that twinstream.toml gives for unlocking it.

Every achievement passes here on its way to the other platform, whoever unlocked it and wherever. A
bonus is an event of its own, recorded before the achievement is settled: if the process dies in
between, the achievement is delivered again and its bonus is found.
"""

from collections.abc import Iterable
from typing import Final

import structlog

import schemas
from config import AchievementSetting
from db import (
    Fact,
    IdempotencyConflict,
    Platform,
    Producer,
    RuleBroken,
    accounts_of,
    events,
    ledger,
)

from .parts import Parts

log = structlog.get_logger("twinstream.settling")

REASON: Final = "achievement_bonus"


class Bonuses:
    """Gives the bonuses of achievements, each once per member."""

    def __init__(self, platform: Platform, parts: Parts) -> None:
        """`platform` is the one where the achievements are about to be settled."""
        self._platform = platform
        self._producer = Producer(parts.pool, schemas, parts.publisher, stores=parts.stores)
        self._settings = {
            one.name: one
            for one in parts.community.achievements
            if one.bonus_xp or one.bonus_balance
        }

    async def give(self, facts: Iterable[Fact]) -> None:
        """Give the bonuses of those facts that are achievements and not settled yet.

        An achievement that the record refuses brings none; settling it says why.

        Raises:
            Contention, StorageUnavailable: do it all again later.
        """
        for fact in facts:
            setting = self._settings.get(getattr(fact.event, "achievement", ""))
            if setting is None:
                continue
            try:
                await self._give(fact, setting)
            except (IdempotencyConflict, RuleBroken) as error:
                log.debug("bonus.refused", key=fact.event.idempotency_key, why=str(error))

    async def _give(self, fact: Fact, setting: AchievementSetting) -> None:
        event = fact.event
        async with self._producer.transaction() as conn:
            if await ledger.hold(conn, self._platform, [event.idempotency_key]):
                return
            # It also keeps the member from being linked until the bonus is committed.
            await events.record(conn, event.source, [fact], status="published")
            accounts = await accounts_of(conn, event.source, event.user_id)
            keys = [key for one in accounts.items() for key in _keys(*one, setting.name)]
            if await ledger.find(conn, keys):
                return
            # Always the same account of the two, so that unlocking on both platforms at once is
            # one bonus.
            home: Platform = "telegram" if "telegram" in accounts else "discord"
            if setting.bonus_xp:
                await self._producer.create_xp_change_event(
                    user_id=accounts[home],
                    delta_xp=setting.bonus_xp,
                    source=home,
                    reason=REASON,
                    entity_id=setting.name,
                    conn=conn,
                )
            if setting.bonus_balance:
                await self._producer.create_balance_change_event(
                    user_id=accounts[home],
                    delta_balance=setting.bonus_balance,
                    source=home,
                    reason=REASON,
                    entity_id=setting.name,
                    conn=conn,
                )
        log.info("bonus.given", key=event.idempotency_key, achievement=setting.name)

    async def close(self) -> None:
        """Write the last marks."""
        await self._producer.close()


def _keys(platform: Platform, account_id: int, achievement: str) -> tuple[str, str]:
    """The keys under which this account may have had the bonus already."""
    return (
        schemas.xp_key(source=platform, reason=REASON, user_id=account_id, entity_id=achievement),
        schemas.balance_key(
            source=platform, reason=REASON, user_id=account_id, entity_id=achievement
        ),
    )
