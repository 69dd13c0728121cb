"""Earnings of a bot: calls that come at the same time share one round trip to Postgres.

A caller never waits and never fails: what it hands in is held in memory until Postgres has it. If
Postgres is away, that takes longer, and nothing is lost by it, because what counts is decided by
the moment at which something happened. The memory is bounded; beyond it the oldest is dropped.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final, Literal, NamedTuple

import asyncpg
import structlog

from ..error_causes.logged_causes import LoggedCauses
from ..errors import Contention, DbError, StorageUnavailable, mapped_errors
from ..platforms import Platform
from ..stores.port import Store
from . import windows
from .windows import Earned, Earning, Rules

log = structlog.get_logger("twinstream.earning")

#: Earnings that one call records, at most: about ten milliseconds' work.
BATCH_MAX: Final = 100
#: Earnings that are held while Postgres is away, at most: some two megabytes. With one for each
#: person and cooldown, it is what 1,000 people write in ten minutes.
HELD_MAX: Final = 10_000
#: Seconds between two attempts while Postgres is away, at first and at most.
RETRY_S: Final = 0.5
RETRY_S_MAX: Final = 10.0
#: Seconds after which people are tried again whom other transactions held.
HELD_AGAIN_S: Final = 0.05

Outcome = Literal["counted", "uncounted", "dropped"]
"""The outcome of an earning: it counted, it did not, or memory or a fault cost it."""


class _Call(NamedTuple):
    earning: Earning
    answer: asyncio.Future[Earned]


class EarningTransaction(NamedTuple):
    """A transaction on a connection of the pool, lent by `Earnings.transaction`."""

    conn: asyncpg.Connection
    of: "Earnings"

    async def earn(self, earnings: Sequence[Earning]) -> list[Earned | None]:
        """Record earnings within the transaction. It waits for people whom others hold."""
        return await self.of.earn_on(self.conn, earnings)


class Earnings:
    """Records what accounts of one platform earn by being there."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        platform: Platform,
        rules: Rules,
        *,
        store: Store | None = None,
        forget_secret: str | None = None,
        held_max: int = HELD_MAX,
        on_outcome: Callable[[Outcome], None] = lambda _: None,
    ) -> None:
        """`store`: the table in which this platform keeps its members, if it has one of its own."""
        self._pool = pool
        self._platform = platform
        self._rules = rules
        self._store = store
        self._forget_secret = forget_secret
        self._held_max = held_max
        self._on_outcome = on_outcome
        self._calls: deque[_Call] = deque()
        self._work: asyncio.Task[None] | None = None
        #: Set while nothing waits, or Postgres is away: there is nothing to wait for.
        self._is_settled = asyncio.Event()
        self._is_settled.set()
        self._failures = 0
        self._news = LoggedCauses()
        self._is_full = False

    @property
    def waiting(self) -> int:
        """How many earnings are in memory and not in Postgres."""
        return len(self._calls)

    def earn(self, earning: Earning) -> asyncio.Future[Earned]:
        """Record an earning soon. The result arrives once Postgres has it.

        The future never has an error. It is cancelled if the earning was dropped: memory was full,
        Postgres refused it, or the process ended. Cancelling it takes nothing back.
        """
        answer: asyncio.Future[Earned] = asyncio.get_running_loop().create_future()
        if len(self._calls) >= self._held_max:
            self._drop(self._calls.popleft())
            if not self._is_full:
                self._is_full = True
                log.error("earnings.dropped", platform=self._platform, held=self._held_max)
        self._calls.append(_Call(earning, answer))
        if self._failures == 0:
            self._is_settled.clear()
        if self._work is None or self._work.done():
            self._work = asyncio.ensure_future(self._record_all())
        return answer

    async def settled(self, wait_s: float) -> None:
        """Wait until Postgres has everything that was handed in, for `wait_s` seconds at most.

        While Postgres is away it does not wait: whoever calls has commands to answer.
        """
        # Before Python 3.12 asyncio.wait_for loses a cancellation that comes with the result.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._is_settled.wait()

    async def close_windows_of(self, account_id: int) -> bool:
        """Close the windows of the person behind an account, because the person asks.

        Earnings that were handed in before are part of it. If another transaction holds the
        person, Postgres is away, or the person has asked within the hour, nothing is closed: the
        answer is a little old, and no question fails because of it. Returns whether there were any.
        """
        await self.settled(1.0)
        try:
            with mapped_errors():
                async with self._pool.acquire(timeout=1.0) as conn, conn.transaction():
                    return await windows.close_of(
                        conn,
                        self._platform,
                        account_id,
                        stores=self._rules.stores,
                        store=self._store,
                    )
        except DbError as error:
            log.warning("windows.not_closed", platform=self._platform, why=str(error))
            return False

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator["EarningTransaction"]:
        """Lend a transaction in which earnings count together with what the block enters.

        Raises:
            Contention, StorageUnavailable: nothing was entered; run the whole block again.
        """
        with mapped_errors():
            async with self._pool.acquire() as conn, conn.transaction():
                yield EarningTransaction(conn, self)

    async def earn_on(
        self, conn: asyncpg.Connection, earnings: Sequence[Earning]
    ) -> list[Earned | None]:
        """Record earnings on a connection of the caller, who owns the transaction."""
        return await windows.earn(
            conn,
            self._platform,
            earnings,
            self._rules,
            store=self._store,
            waits_for_locks=True,
            forget_secret=self._forget_secret,
        )

    async def close(self, wait_s: float = 2.0) -> None:
        """Try to record what is held for `wait_s` seconds more, then drop it."""
        if self._work is not None and not self._work.done():
            await asyncio.wait({self._work}, timeout=wait_s)
            self._work.cancel()
            await asyncio.wait({self._work})
        if self._calls:
            log.error("earnings.dropped", platform=self._platform, held=len(self._calls))
        while self._calls:
            self._drop(self._calls.popleft())

    async def _record_all(self) -> None:
        while self._calls:
            batch = [self._calls.popleft() for _ in range(min(BATCH_MAX, len(self._calls)))]
            try:
                pause_s = await self._record(batch)
            except (StorageUnavailable, Contention) as error:
                self._calls.extendleft(reversed(batch))
                pause_s = self._failed(error)
            except BaseException:
                self._calls.extendleft(reversed(batch))
                raise
            else:
                self._succeeded()
            if pause_s:
                await asyncio.sleep(pause_s)
        self._is_settled.set()

    async def _record(self, batch: Sequence[_Call]) -> float:
        """Record a batch. Returns the seconds until the next one.

        Raises:
            StorageUnavailable, Contention: nothing of the batch was recorded.
        """
        try:
            results = await self._call([call.earning for call in batch])
        except (StorageUnavailable, Contention):
            raise
        except Exception as error:
            # One earning that Postgres refuses costs one.
            if len(batch) == 1:
                log.exception("earning.refused", platform=self._platform, why=str(error))
                self._drop(batch[0])
                return 0.0
            middle = len(batch) // 2
            return max(await self._record(batch[:middle]), await self._record(batch[middle:]))
        held = []
        for call, result in zip(batch, results, strict=True):
            if result is None:
                held.append(call)
            else:
                self._on_outcome("counted" if result.xp else "uncounted")
                if not call.answer.done():
                    call.answer.set_result(result)
        # At the end, so that nobody waits behind a person whom another transaction holds.
        self._calls.extend(held)
        return HELD_AGAIN_S if held and len(held) == len(self._calls) else 0.0

    async def _call(self, earnings: Sequence[Earning]) -> list[Earned | None]:
        with mapped_errors():
            async with contextlib.AsyncExitStack() as stack:
                conn = await stack.enter_async_context(self._pool.acquire())
                if self._store is not None:
                    await stack.enter_async_context(conn.transaction())
                return await windows.earn(
                    conn,
                    self._platform,
                    earnings,
                    self._rules,
                    store=self._store,
                    forget_secret=self._forget_secret,
                )

    def _failed(self, error: DbError) -> float:
        """Note that Postgres took nothing. Returns the seconds until the next attempt."""
        self._failures += 1
        self._is_settled.set()
        pause_s: float = min(RETRY_S_MAX, RETRY_S * 2 ** min(self._failures - 1, 8))
        if self._news.is_new(str(error), wait_s=pause_s):
            log.warning("earnings.held", platform=self._platform, why=str(error))
        return pause_s

    def _succeeded(self) -> None:
        if self._failures:
            self._failures = 0
            if self._calls:
                self._is_settled.clear()
        self._is_full = False
        if self._news.end():
            log.info("earnings.recorded", platform=self._platform, waiting=len(self._calls))

    def _drop(self, call: _Call) -> None:
        self._on_outcome("dropped")
        call.answer.cancel()
