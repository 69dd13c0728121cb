"""Shared transactions: events of callers that come at the same time are recorded together.

A transaction costs as much as a dozen events, so callers that come while one is under way share the
next. A caller that comes alone waits for nobody. Each caller gets the answer to its own event: a
refused event is separated from its neighbours by halving, and an event whose member another
transaction holds goes on in a lane of its account, so that it holds up no other account.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple, Protocol

from .errors import Contention, IdempotencyConflict, RuleBroken
from .ledger.envelopes import Envelope, Recorded
from .platforms import Platform

#: Events that one transaction records, at most: about ten milliseconds' work.
EVENTS_MAX: Final = 100


class Record(Protocol):
    """Records events in a transaction of their own; the receipt of an event left out is None."""

    def __call__(
        self, envelopes: Sequence[Envelope], *, waits_for_locks: bool
    ) -> Awaitable[Sequence[Recorded | None]]: ...


class _Lane(NamedTuple):
    """Calls that are recorded one transaction after another."""

    source: Platform
    account_id: int | None
    """The account that another transaction holds; None in the lane of all other accounts."""


class _Call(NamedTuple):
    """A caller's event, and where the caller waits for its receipt."""

    envelope: Envelope
    answer: asyncio.Future[Recorded]


class SharedTransactions:
    """Records single events together where their callers come at the same time."""

    def __init__(
        self,
        record: Record,
        publish: Callable[[Sequence[Recorded]], Awaitable[None]],
        *,
        held_max: int,
    ) -> None:
        """`held_max`: transactions that wait for accounts at the same time, at most."""
        self._record = record
        # Each has a connection while it waits: if they had all connections of the pool, every other
        # account would wait too.
        self._held = asyncio.Semaphore(held_max)
        self._publish = publish
        self._lanes: dict[_Lane, deque[_Call]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def record(self, envelope: Envelope) -> Recorded:
        """Record one event and publish it. A cancelled caller may have recorded its event.

        Raises: as the function that records.
        """
        source = envelope.event.source
        own = _Lane(source, envelope.event.user_id)
        call = _Call(envelope, asyncio.get_running_loop().create_future())
        # Behind an event of the same account that waits, so that their order is kept.
        self._append(own if own in self._lanes else _Lane(source, None), call)
        return await call.answer

    async def close(self) -> None:
        """Wait until every event that was begun is recorded and published."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _append(self, lane: _Lane, call: _Call) -> None:
        if lane in self._lanes:
            self._lanes[lane].append(call)
        else:
            self._lanes[lane] = deque([call])
            self._start(self._record_all(lane))

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _record_all(self, lane: _Lane) -> None:
        calls = self._lanes[lane]
        try:
            while batch := _next(calls):
                # In a lane of its own, an event waits for its locks like any other transaction.
                async with contextlib.nullcontext() if lane.account_id is None else self._held:
                    await self._record_batch(lane, batch)
        finally:
            del self._lanes[lane]
            for call in calls:  # only if this task was cancelled
                call.answer.cancel()

    async def _record_batch(self, lane: _Lane, batch: Sequence[_Call]) -> None:
        try:
            receipts = await self._record(
                [call.envelope for call in batch],
                waits_for_locks=lane.account_id is not None,
            )
        except (RuleBroken, IdempotencyConflict, Contention) as error:
            if len(batch) == 1:
                _refuse(batch, error)
            else:
                await self._record_halves(lane, batch)
        except Exception as error:  # noqa: BLE001 - each caller gets the error of its event
            _refuse(batch, error)
        except BaseException as error:
            _refuse(batch, error)
            raise
        else:
            done = []
            for call, receipt in zip(batch, receipts, strict=True):
                if receipt is None:
                    held = _Lane(lane.source, call.envelope.event.user_id)
                    self._append(held, call)
                else:
                    done.append((call, receipt))
            # The next transaction begins meanwhile.
            self._start(self._publish_and_answer(done))

    async def _record_halves(self, lane: _Lane, batch: Sequence[_Call]) -> None:
        middle = len(batch) // 2
        try:
            await self._record_batch(lane, batch[:middle])
        except BaseException as error:  # this task was cancelled
            _refuse(batch[middle:], error)
            raise
        await self._record_batch(lane, batch[middle:])

    async def _publish_and_answer(self, done: Sequence[tuple[_Call, Recorded]]) -> None:
        try:
            await self._publish([receipt for _, receipt in done if receipt.created])
        finally:
            for call, receipt in done:
                if not call.answer.done():
                    call.answer.set_result(receipt)


def _next(calls: deque[_Call]) -> list[_Call]:
    """Take the next calls, without those whose callers were cancelled meanwhile."""
    batch: list[_Call] = []
    while calls and len(batch) < EVENTS_MAX:
        call = calls.popleft()
        if not call.answer.done():
            batch.append(call)
    return batch


def _refuse(batch: Sequence[_Call], error: BaseException) -> None:
    for call in batch:
        if not call.answer.done():
            if isinstance(error, asyncio.CancelledError):
                call.answer.cancel()
            else:
                call.answer.set_exception(error)
