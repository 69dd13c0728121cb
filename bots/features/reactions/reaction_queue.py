"""Reactions and the authors of messages on their way to Postgres.

A message costs no round trip: the authors of all messages of a second are remembered by one call.
Reactions that come while one call is under way share the next, and the authors of all messages
before them are remembered first. A kill of the process costs the authors of a second.
"""

import asyncio
import contextlib
from collections import OrderedDict, deque
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

import structlog

from bots.features.posted_messages import Posted
from bots.runtime.delivery import Delivery
from bots.runtime.metrics import REACTIONS
from bots.runtime.room_services import Services
from db import Contention, DbError
from db.earning import Earning, reactions
from db.earning.reactions import Authored, Counted, Limits, Reaction
from db.error_causes.logged_causes import LoggedCauses

log = structlog.get_logger("twinstream.bots")

#: Reactions that one call enters: some ten milliseconds' work.
BATCH_MAX: Final = 50
#: Reactions that wait while Postgres is away. They are worth little, so the oldest go first.
WAITING_MAX: Final = 1_000
#: Messages that one call remembers: those of a second in a busy place.
MESSAGES_PER_CALL: Final = 1_000
#: Seconds for which authors of messages are gathered, and between attempts while Postgres is away.
GATHER_S: Final = 1.0
#: Reactions that are remembered in memory, so that toggling one costs no call. Postgres knows all.
SEEN_MAX: Final = 10_000
#: Seconds that whoever hands in a reaction waits for Postgres at most.
WAIT_S_MAX: Final = 1.0
#: Attempts to enter a batch while other transactions are in the way.
ATTEMPTS_MAX: Final = 5
#: Seconds that a stopping bot gives to what is still in memory.
LAST_ATTEMPT_S_MAX: Final = 2.0


class _Waiting(NamedTuple):
    reaction: Reaction
    entered: asyncio.Event


class ReactionQueue:
    """Holds what members' reactions are worth until Postgres has it."""

    def __init__(self, services: Services) -> None:
        self._services = services
        setting = services.community.earning.reactions
        self._setting = setting
        age_s_max = setting.age_days * 24 * 3_600.0
        self._limits = Limits(
            services.community.timezone, setting.per_pair_max, setting.per_day_max, age_s_max
        )
        self._authors: deque[Authored] = deque(maxlen=setting.messages_kept)
        self._waiting: deque[_Waiting] = deque()
        self._seen: OrderedDict[tuple[int, int, int], None] = OrderedDict()
        self._called = asyncio.Event()
        self._news = LoggedCauses()

    def note(self, posted: Posted) -> None:
        """Remember who wrote a message. Waits for nothing."""
        self._authors.append(
            Authored(posted.place.id, posted.message_id, posted.account_id, posted.at)
        )

    async def react(self, reaction: Reaction) -> None:
        """Have a reaction entered; return once it is, or while Postgres is slow or away."""
        key = (reaction.place_id, reaction.message_id, reaction.giver_id)
        if key in self._seen or reaction.author_id == reaction.giver_id:
            return
        self._seen[key] = None
        if len(self._seen) > SEEN_MAX:
            self._seen.popitem(last=False)
        waiting = _Waiting(reaction, asyncio.Event())
        self._waiting.append(waiting)
        if len(self._waiting) > WAITING_MAX:
            self._waiting.popleft()
            if self._news.is_new("full", wait_s=GATHER_S):
                log.warning("reactions.dropped", why=f"more than {WAITING_MAX} wait for Postgres")
        self._called.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(waiting.entered.wait(), WAIT_S_MAX)

    async def run(self, delivery: Delivery) -> None:
        """Enter what comes, until the bot stops. A duty; it sends nothing."""
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._called.wait(), GATHER_S)
                self._called.clear()
                if not await self._enter_all():
                    await asyncio.sleep(GATHER_S)
        except asyncio.CancelledError:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LAST_ATTEMPT_S_MAX):
                    await self._enter_all()
            raise

    async def _enter_all(self) -> bool:
        """Enter everything that is in memory. Returns whether Postgres took it."""
        try:
            await self._remember_authors()
            while self._waiting:
                batch = list(self._waiting)[:BATCH_MAX]
                await self._enter([one.reaction for one in batch])
                for one in batch:
                    one.entered.set()
                    with contextlib.suppress(ValueError):
                        self._waiting.remove(one)
        except DbError as error:
            if self._news.is_new(str(error), wait_s=GATHER_S):
                log.warning("reactions.deferred", waiting=len(self._waiting), why=str(error))
            return False
        if self._news.end():
            log.info("reactions.caught_up")
        return True

    async def _remember_authors(self) -> None:
        while self._authors:
            batch = [self._authors[i] for i in range(min(MESSAGES_PER_CALL, len(self._authors)))]
            async with self._services.database.connection() as conn:
                await reactions.remember_authors(
                    conn, self._services.platform, batch, kept=self._setting.messages_kept
                )
            for one in batch:
                if self._authors and self._authors[0] is one:
                    self._authors.popleft()

    async def _enter(self, batch: Sequence[Reaction]) -> None:
        for attempt in range(1, ATTEMPTS_MAX + 1):
            try:
                counted = await self._enter_once(batch)
            except Contention as error:
                if attempt == ATTEMPTS_MAX:
                    await self._enter_one_by_one(batch, error)
                    return
            else:
                REACTIONS.labels(self._services.platform).inc(len(counted))
                return

    async def _enter_one_by_one(self, batch: Sequence[Reaction], error: Contention) -> None:
        """Enter what can be entered: a member whom nothing can be paid must not hold up others."""
        if len(batch) == 1:
            [one] = batch
            why = str(error)
            log.warning("reaction.dropped", account_id=one.giver_id, place_id=one.place_id, why=why)
            return
        for one in batch:
            await self._enter([one])

    async def _enter_once(self, batch: Sequence[Reaction]) -> list[Counted]:
        async with self._services.earnings.transaction() as transaction:
            counted = await reactions.enter(
                transaction.conn, self._services.platform, batch, self._limits
            )
            earnings = self._earnings(counted)
            if earnings:
                for earning, earned in zip(earnings, await transaction.earn(earnings), strict=True):
                    is_below = earned is None or earned.day_xp < earning.xp_per_day_max
                    if is_below and (earned is None or earned.xp == 0):
                        # Another process paid the same person in this very moment.
                        raise Contention("another process pays one of these members")
        return counted

    def _earnings(self, counted: Sequence[Counted]) -> list[Earning]:
        """Add up what each person gets: one earning for each, at the moment of the transaction."""
        worth: dict[tuple[int, str], int] = {}
        for one in counted:
            for account_id, reason, xp in (
                (one.author_id, "reactions", self._setting.xp),
                (one.giver_id, "reactions_given", self._setting.giver_xp),
            ):
                if xp:
                    worth[account_id, reason] = worth.get((account_id, reason), 0) + xp
        moment = counted[0].counted_at if counted else datetime.now(UTC)
        return [
            Earning(account_id, reason, xp, moment, 0.0, self._setting.xp_per_day_max)
            for (account_id, reason), xp in worth.items()
        ]
