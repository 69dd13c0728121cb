"""Bonuses: XP and balance that twinstream.toml gives for unlocking an achievement.

Every achievement passes here on its way to the other platform. A bonus is an event of its own,
recorded before the achievement is settled: if the process dies in between, the achievement is
delivered again, and the transaction finds its bonus. The relay publishes it: a consumer of a stream
adds to none.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

import asyncpg
import structlog

import schemas
from config import AchievementSetting, Community
from consumers.runtime.resources import Resources
from consumers.runtime.transactions import transaction
from db import IdempotencyConflict, Platform, Producer, RuleBroken
from db.errors import Locked
from db.ledger import entries, events
from db.ledger.envelopes import Envelope
from db.links import links
from db.links.links import Account
from db.members.accounts import accounts_of

from .held_members import HeldMembers

log = structlog.get_logger("twinstream.settling")

REASON: Final = "achievement_bonus"


class Bonuses:
    """Gives the bonuses of achievements, each once per member.

    Accounts that were one member's once share their bonuses for ever.
    """

    def __init__(self, platform: Platform, resources: Resources) -> None:
        """`platform` is the platform where the achievements are about to be settled."""
        self._platform = platform
        self._pool = resources.pool
        self._stores = resources.stores
        self._forget_secret = resources.settings.forget_secret
        self._settings = {
            one.name: one
            for one in resources.community.achievements
            if one.bonus_xp or one.bonus_balance
        }

    async def give(self, envelopes: Iterable[Envelope], members: HeldMembers) -> None:
        """Give the bonuses of those events that are achievements and not settled yet.

        An achievement that Postgres refuses has no bonus; settling it logs why. A bonus that is
        refused is buried with its reason, and can be replayed; the achievement is settled. A member
        whom another transaction holds is noted in `members`: their achievements must not be settled
        before they have their bonuses.

        Raises:
            Contention, StorageUnavailable: retry the whole call later.
        """
        for envelope in envelopes:
            setting = self._settings.get(getattr(envelope.event, "achievement", ""))
            if setting is None or members.knows(envelope.event.user_id):
                continue
            try:
                await self._give(envelope, setting, members.lock_wait_ms)
            except Locked:
                if members.are_too_many:
                    raise
                members.note(envelope.event.user_id)
            except (IdempotencyConflict, RuleBroken) as error:
                log.debug("bonus.refused", key=envelope.event.idempotency_key, why=str(error))

    async def _give(
        self, envelope: Envelope, setting: AchievementSetting, lock_wait_ms: int
    ) -> None:
        async with transaction(self._pool, lock_wait_ms=lock_wait_ms) as conn:
            refused = await self._give_once(conn, envelope, setting)
        if refused is None:
            return
        for key, why in refused.items():
            log.error("bonus.buried", key=key, achievement=setting.name, why=why)
        if not refused:
            log.info("bonus.given", key=envelope.event.idempotency_key, achievement=setting.name)

    async def _give_once(
        self, conn: asyncpg.Connection, envelope: Envelope, setting: AchievementSetting
    ) -> dict[str, str] | None:
        """Give the bonus; None if it was given before. Returns why parts were refused, by key."""
        event = envelope.event
        if await entries.lock_rows(conn, self._platform, [event.idempotency_key]):
            return None
        # This also locks the member, so that no link is made until the bonus is committed.
        [achieved] = await events.record_ours(
            *(conn, event.source, [envelope]),
            status="published",
            may_reserve=False,
            forget_secret=self._forget_secret,
        )
        if achieved.member_id == events.FORGOTTEN:
            return None
        accounts = await accounts_of(conn, event.source, event.user_id)
        mine = [Account(*one) for one in accounts.items()]
        # An unlink or a move must not make the bonus payable once more.
        sharers = {*mine, *await links.once_linked(conn, mine)}
        if len(sharers) > len(mine):
            # Accounts that parted are two members: no lock of theirs keeps two bonuses apart.
            await links.lock_shared(conn, setting.name)
        keys = [key for one in sharers if one.account_id > 0 for key in _keys(*one, setting.name)]
        if any(row.reason == REASON for row in await entries.find(conn, keys)):
            return None
        # The keys of an account that was forgotten are not known any more; its bonuses are.
        forgotten = [one for one in sharers if one.account_id < 0]
        if forgotten and await entries.had_from(conn, forgotten, REASON, setting.name):
            return None
        # Always the same account of the two, so that unlocking on both platforms at once gives
        # one bonus.
        home: Platform = "telegram" if "telegram" in accounts else "discord"
        refused = {}
        for bonus in _bonuses(setting, home, accounts[home]):
            why = await self._create(conn, bonus)
            if why is not None:
                refused[bonus.idempotency_key] = why
        return refused

    async def _create(self, conn: asyncpg.Connection, bonus: schemas.Event) -> str | None:
        """Record a bonus, or record why it is refused; the achievement is settled in any case.

        If the key belongs to another event, the failure must not be written to that event's row.
        """
        payload = schemas.encode(bonus)
        envelope = Envelope(schemas.decode(payload), payload)
        try:
            async with conn.transaction():  # a savepoint, so that the refusal can be written down
                await events.record_ours(
                    *(conn, bonus.source, [envelope]),
                    is_left_to_relay=True,
                    store=self._stores.get(bonus.source),
                    forget_secret=self._forget_secret,
                )
        except (IdempotencyConflict, RuleBroken) as error:
            conflict = isinstance(error, IdempotencyConflict)
            await events.fail(
                conn,
                idempotency_key=f"entry:bonus:{bonus.idempotency_key}"
                if conflict
                else bonus.idempotency_key,
                source=bonus.source,
                type=bonus.type,
                payload=payload,
                error_message=str(error),
            )
            return str(error)
        return None


async def give_again(producer: Producer, community: Community, event: schemas.Event) -> str | None:
    """Record a buried bonus with the amount that twinstream.toml has now. Returns why not, if not.

    Every program that may write to a stream can have an event buried that looks like a bonus. So
    the setting decides, and the member must hold the achievement.
    """
    settings = {one.name: one for one in community.achievements}
    setting = settings.get(event.entity_id)
    due = [] if setting is None else _bonuses(setting, event.source, event.user_id)
    bonus = next((one for one in due if one.idempotency_key == event.idempotency_key), None)
    if bonus is None:
        return f"twinstream.toml gives no such bonus for the achievement {event.entity_id!r}"
    try:
        async with producer.transaction() as conn:
            if not await producer.holds_achievement(
                user_id=event.user_id, achievement=event.entity_id, source=event.source, conn=conn
            ):
                return f"the member does not have the achievement {event.entity_id!r}"
            await producer.create_events([bonus], conn=conn)
    except (IdempotencyConflict, RuleBroken) as error:
        return str(error)
    return None


def _bonuses(setting: AchievementSetting, home: Platform, account_id: int) -> list[schemas.Event]:
    """Return the events that an achievement gives this account."""
    parts: schemas.EventParts = {
        "user_id": account_id,
        "source": home,
        "reason": REASON,
        "entity_id": setting.name,
        "occurred_at": datetime.now(UTC),
    }
    bonuses: list[schemas.Event] = []
    if setting.bonus_xp:
        bonuses.append(schemas.xp_changed(delta_xp=setting.bonus_xp, **parts))
    if setting.bonus_balance:
        bonuses.append(schemas.balance_changed(delta_balance=setting.bonus_balance, **parts))
    return bonuses


def _keys(platform: Platform, account_id: int, achievement: str) -> tuple[str, str]:
    """Return the keys under which this account may have received the bonus already."""
    return (
        schemas.xp_key(source=platform, reason=REASON, user_id=account_id, entity_id=achievement),
        schemas.balance_key(
            source=platform, reason=REASON, user_id=account_id, entity_id=achievement
        ),
    )
