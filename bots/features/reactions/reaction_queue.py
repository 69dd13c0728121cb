"""Reactions and the authors of messages on their way to Postgres.

Neither waits for Postgres. The authors of all messages of a second are remembered by one call.
Reactions that come while one call is under way share the next, and the authors of all messages
before them are remembered first. A kill of the process costs the authors of a second.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Final, TypeVar

import structlog

from bots.features.exclusions import Exclusions
from bots.features.posted_messages import Posted
from bots.features.recent_reactions import RecentReactions
from bots.runtime.delivery import Delivery
from bots.runtime.metrics import REACTIONS, REACTIONS_DROPPED
from bots.runtime.room_services import Services
from db import Contention, StorageUnavailable
from db.earning import Earning, reactions
from db.earning.reactions import Authored, Counted, Reaction, ReactionLimits
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
#: Attempts at a batch while other transactions are in the way.
ATTEMPTS_MAX: Final = 5
#: Seconds that a stopping bot gives to what is still in memory.
LAST_ATTEMPT_S_MAX: Final = 2.0

T = TypeVar("T")


class ReactionQueue:
    """Holds what members' reactions are worth until Postgres has it."""

    def __init__(self, services: Services) -> None:
        self._services = services
        setting = services.community.earning.reactions
        self._setting = setting
        age_s_max = setting.age_days * 24 * 3_600.0
        self._limits = ReactionLimits(
            services.community.timezone, setting.per_pair_max, setting.per_day_max, age_s_max
        )
        self._exclusions = Exclusions(services.community, services.platform)
        self._authors: deque[Authored] = deque(maxlen=setting.messages_kept)
        self._waiting: deque[Reaction] = deque()
        self._recent = RecentReactions()
        self._called = asyncio.Event()
        #: Set while no reaction waits, or Postgres is away: there is nothing to wait for.
        self._is_settled = asyncio.Event()
        self._is_settled.set()
        self._has_failed = False
        self._news = LoggedCauses()

    def note(self, posted: Posted) -> None:
        """Remember who wrote a message, unless the settings exclude it. Waits for nothing."""
        if self._exclusions.have_message(posted):
            return
        self._authors.append(
            Authored(posted.place.id, posted.message_id, posted.account_id, posted.at)
        )

    def react(self, reaction: Reaction) -> None:
        """Have a reaction entered soon. Waits for nothing."""
        if reaction.author_id == reaction.giver_id or self._exclusions.have_account(
            reaction.giver_id
        ):
            return
        if not self._recent.is_new(_key_of(reaction)):
            return
        self._waiting.append(reaction)
        if len(self._waiting) > WAITING_MAX:
            self._lose(self._waiting.popleft())
            if self._news.is_new("full", wait_s=GATHER_S):
                log.warning("reactions.dropped", why=f"more than {WAITING_MAX} wait for Postgres")
        if not self._has_failed:
            self._is_settled.clear()
        self._called.set()

    async def settled(self, wait_s: float) -> None:
        """Wait until Postgres has the reactions so far, for `wait_s` seconds at most.

        After a failed attempt it does not wait, until one succeeds.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._is_settled.wait()

    async def run(self, delivery: Delivery) -> None:
        """Enter what comes, until the bot stops. A duty; it sends nothing."""
        try:
            while True:
                # Before Python 3.12 asyncio.wait_for loses a cancellation that comes together with
                # what it waits for, and the bot would not stop.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(GATHER_S):
                        await self._called.wait()
                self._called.clear()
                if not await self._enter_all():
                    await asyncio.sleep(GATHER_S)
        except asyncio.CancelledError:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LAST_ATTEMPT_S_MAX):
                    await self._enter_all()
            raise
        finally:
            self._is_settled.set()

    async def _enter_all(self) -> bool:
        """Enter everything that is in memory. Returns whether Postgres took it."""
        try:
            await self._remember_authors()
            while self._waiting:
                batch = list(islice(self._waiting, BATCH_MAX))
                await self._in_parts(batch, self._enter, self._refuse)
                for one in batch:
                    with contextlib.suppress(ValueError):  # memory was full meanwhile
                        self._waiting.remove(one)
                # Of messages that came during this call, before the reactions to them.
                await self._remember_authors()
        except StorageUnavailable as error:
            self._has_failed = True
            self._is_settled.set()
            if self._news.is_new(str(error), wait_s=GATHER_S):
                log.warning("reactions.deferred", waiting=len(self._waiting), why=str(error))
            return False
        self._has_failed = False
        self._is_settled.set()
        if self._news.end():
            log.info("reactions.caught_up")
        return True

    async def _in_parts(
        self,
        batch: Sequence[T],
        enter: Callable[[Sequence[T]], Awaitable[None]],
        refuse: Callable[[T, Exception], None],
    ) -> None:
        """Enter a batch; halve one that Postgres refuses, so that a row that cannot be costs one.

        Raises:
            StorageUnavailable: Postgres has some of the batch, or nothing. Entering it again
                changes nothing of what it has.
        """
        for attempt in range(1, ATTEMPTS_MAX + 1):
            try:
                await enter(batch)
            except StorageUnavailable:
                raise
            except Exception as error:  # noqa: BLE001 - any error may be of one row
                if isinstance(error, Contention) and attempt < ATTEMPTS_MAX:
                    continue
                if len(batch) == 1:
                    refuse(batch[0], error)
                    return
                break
            else:
                return
        middle = len(batch) // 2
        await self._in_parts(batch[:middle], enter, refuse)
        await self._in_parts(batch[middle:], enter, refuse)

    def _refuse(self, one: Reaction, error: Exception) -> None:
        with contextlib.suppress(ValueError):
            self._waiting.remove(one)  # else it is refused again if the rest has to wait
        log.warning(
            "reaction.dropped", account_id=one.giver_id, place_id=one.place_id, why=_why(error)
        )
        self._lose(one)

    def _lose(self, one: Reaction) -> None:
        self._recent.forget(_key_of(one))
        REACTIONS_DROPPED.labels(self._services.platform).inc()

    async def _remember_authors(self) -> None:
        while self._authors:
            batch = list(islice(self._authors, MESSAGES_PER_CALL))
            await self._in_parts(batch, self._remember, self._refuse_author)
            for one in batch:
                if self._authors and self._authors[0] is one:
                    self._authors.popleft()

    async def _remember(self, batch: Sequence[Authored]) -> None:
        async with self._services.database.connection() as conn:
            await reactions.remember_authors(
                conn,
                self._services.platform,
                batch,
                kept=self._setting.messages_kept,
                forget_secret=self._services.forget_secret,
            )

    def _refuse_author(self, one: Authored, error: Exception) -> None:
        log.warning(
            "author.dropped", account_id=one.author_id, place_id=one.place_id, why=_why(error)
        )

    async def _enter(self, batch: Sequence[Reaction]) -> None:
        counted = await self._enter_once(batch)
        REACTIONS.labels(self._services.platform).inc(len(counted))

    async def _enter_once(self, batch: Sequence[Reaction]) -> list[Counted]:
        async with self._services.earnings.transaction() as transaction:
            counted = await reactions.enter(
                transaction.conn,
                self._services.platform,
                batch,
                self._limits,
                forget_secret=self._services.forget_secret,
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
                # An author may have been excluded after the message was remembered.
                if xp and not self._exclusions.have_account(account_id):
                    worth[account_id, reason] = worth.get((account_id, reason), 0) + xp
        moment = counted[0].counted_at if counted else datetime.now(UTC)
        return [
            Earning(account_id, reason, xp, moment, 0.0, self._setting.xp_per_day_max)
            for (account_id, reason), xp in worth.items()
        ]


def _key_of(reaction: Reaction) -> tuple[int, int, int]:
    return reaction.place_id, reaction.message_id, reaction.giver_id


def _why(error: Exception) -> str:
    return str(error) or type(error).__name__
