"""The producer: a bot calls it where a member's XP, balance or achievements change.

1. The event is built and validated.
2. One transaction records it: the origin's ledger row and books, and the event itself as `pending`.
   If the transaction did not commit, nothing happened. If it did, the event reaches the other
   platform.
3. It is published on the origin's stream, and marked `published` in a batch shortly after. If the
   bus is away, the event stays pending, and the relay publishes it when the bus is back.

In a transaction that the caller controls, a savepoint or the whole transaction may be rolled back
after the event was recorded. The receipts do not show that, so the producer asks the record which
events it kept, and publishes no other: the consumer would take one that was rolled back for an
event of another program, and enter it on both platforms.

The producer needs the wire format and the bus, but this package imports neither. The caller passes
both in, so they work under any name that a bot has installed them under.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

import asyncpg
import structlog

from .error_causes.logged_causes import LoggedCauses
from .errors import Contention, DbError, RuleBroken, mapped_errors
from .ledger import events, outbox
from .ledger.envelopes import Envelope, Event, Recorded
from .members import profiles
from .platforms import PLATFORMS, Platform
from .shared_transactions import SharedTransactions
from .stores.port import Store

log = structlog.get_logger("twinstream.producer")

T = TypeVar("T", Recorded, Recorded | None)

#: Attempts to record events on a connection of the pool while other transactions are in the way.
RECORD_ATTEMPTS_MAX = 5
#: Seconds for which published events are gathered before one statement marks them.
MARK_AFTER_S = 0.1
#: Seconds between two attempts to mark events while Postgres is away, at most.
MARK_AFTER_S_MAX = 10.0
#: Events that one statement marks: a few milliseconds' work.
MARK_BATCH_MAX = 500
#: Events that one call records, at most. Their members are locked until it commits.
EVENTS_MAX = 1_000
#: Events that one request to the bus publishes.
PUBLISH_BATCH_MAX = 500
#: Seconds that `publish` waits for the record to say which events are committed. The caller may
#: have the pool's last connection; the relay publishes within a few seconds anyway.
ASK_S_MAX = 1.0


class Wire(Protocol):
    """How events are built, encoded and checked: `twinstream.schemas` itself fits."""

    @property
    def xp_changed(self) -> Callable[..., Any]: ...
    @property
    def balance_changed(self) -> Callable[..., Any]: ...
    @property
    def achievement_unlocked(self) -> Callable[..., Any]: ...
    @property
    def encode(self) -> Callable[[Any], bytes]: ...
    @property
    def decode(self) -> Callable[[bytes], Any]: ...


class Publisher(Protocol):
    """The bus: `twinstream.bus.Publisher` fits."""

    async def publish(self, source: Platform, payloads: Sequence[bytes]) -> Sequence[str]:
        """Append payloads to the stream of `source`, in order."""
        ...


def _now() -> datetime:
    return datetime.now(UTC)


class Producer:
    """Records events and publishes them on the bus.

    Every `create_...` method returns after the event is committed. The same key with the same
    content returns the event that exists (`created` is False) and changes nothing. Calls that come
    at the same time share a transaction, and a refused event fails its own call only. A call that
    is cancelled may have recorded its event; a repetition with the same arguments is safe.

    With `conn`, the event is recorded on that connection, within the caller's own transaction if
    there is one. Call `publish` after committing it. If that is forgotten, or the process dies
    first, the relay publishes the event a few seconds later. An event whose savepoint was rolled
    back did not happen, and is not published. The member stays locked until that transaction ends,
    so keep it short.

    With `stores`, the producer changes the table in which the origin keeps its members as well.
    Without, a bot with such a table changes it itself, in the same transaction.

    Raises, from every `create_...` method:
        schemas.SchemaError: the event breaks a rule; the sentence says which.
        IdempotencyConflict: the key belongs to an event with different content.
        RuleBroken: the key is reserved for twinstream itself, or has the form of our keys and is
            that of another event.
        InsufficientFunds: the member's settled XP or balance would go below zero.
        RowRefused: with `stores`, the table refuses the rows of the accounts in `user_ids`.
        Contention: another transaction was in the way. Without `conn` the producer has tried a few
            times already; with `conn`, roll back and run the whole transaction again.
        StorageUnavailable: Postgres is away; try again later with the same arguments.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        wire: Wire,
        publisher: Publisher,
        *,
        stores: Mapping[Platform, Store] | None = None,
        may_reserve: bool = False,
        forget_secret: str | None = None,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        """`may_reserve`: record events with reserved keys too, as twinstream's own processes do.

        `forget_secret`: the deployment's FORGET_SECRET. With it, an event that is recorded again
        after its account was forgotten still counts no more.
        """
        self._pool = pool
        self._wire = wire
        self._publisher = publisher
        self._stores = dict(stores or {})
        self._record: events.Record[Recorded] = events.record_ours if may_reserve else events.record
        self._forget_secret = forget_secret
        self._clock = clock
        self._published: list[str] = []
        self._marking: asyncio.Task[None] | None = None
        self._marking_news = LoggedCauses()
        #: The receipts of each connection that `transaction` has lent.
        self._lent: dict[asyncpg.Connection, list[Recorded]] = {}
        self._shared = SharedTransactions(
            self._record_shared, self._publish, held_max=max(1, pool.get_max_size() // 2)
        )

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[asyncpg.Connection]:
        """Lend a connection in a transaction, to be passed as `conn` and used for anything else.

        The transaction commits when the block ends without an error. Events recorded on the
        connection are published then, except for those that a savepoint
        (`async with conn.transaction():`) rolled back. If the block raises, nothing was recorded,
        and its error comes out unchanged: that of an own statement on the connection is asyncpg's.

        Its isolation is READ COMMITTED, whatever the login's default is.

        Raises:
            RuleBroken: a statement had failed and the block ignored its error, so Postgres rolled
                back the whole transaction; nothing was recorded.
            Contention: two accounts are being linked at this moment, or other transactions are in
                the way; nothing was recorded, so run the whole block again.
            StorageUnavailable: Postgres cannot be reached; nothing was recorded.
        """
        recorded: list[Recorded] = []
        of_caller: Exception | None = None
        try:
            async with self._connection() as conn:
                self._lent[conn] = recorded
                try:
                    async with conn.transaction(isolation="read_committed"):
                        try:
                            yield conn
                        except Exception as error:
                            of_caller = error
                            raise
                        # Before the commit, on the same connection: it takes one round trip, and no
                        # statement comes between the answer and the commit.
                        kept = await _kept_at_the_end(conn, recorded)
                finally:
                    del self._lent[conn]
        except Exception:
            if of_caller is None:
                raise
        if of_caller is not None:
            raise of_caller
        await self._publish(kept)

    async def create_xp_change_event(
        self,
        *,
        user_id: int,
        delta_xp: int,
        source: Platform,
        reason: str,
        entity_id: str,
        idempotency_key: str | None = None,
        display_name: str | None = None,
        conn: asyncpg.Connection | None = None,
    ) -> Recorded:
        """Record that the account `user_id` of `source` earned (or lost) `delta_xp` XP.

        `reason` names the cause (`game_guess`), `entity_id` the object of it (a game, a message).
        The same user, reason and entity are the same event. `display_name` is the name that the
        account has now, for boards and announcements; it travels with the event.
        """
        event = self._wire.xp_changed(
            user_id=user_id,
            delta_xp=delta_xp,
            source=source,
            reason=reason,
            entity_id=entity_id,
            occurred_at=self._clock(),
            idempotency_key=idempotency_key,
            **_named(display_name),
        )
        return await self._create_one(event, conn)

    async def create_balance_change_event(
        self,
        *,
        user_id: int,
        delta_balance: int,
        source: Platform,
        reason: str,
        entity_id: str,
        idempotency_key: str | None = None,
        display_name: str | None = None,
        conn: asyncpg.Connection | None = None,
    ) -> Recorded:
        """Record that the account `user_id` of `source` gained (or spent) `delta_balance`."""
        event = self._wire.balance_changed(
            user_id=user_id,
            delta_balance=delta_balance,
            source=source,
            reason=reason,
            entity_id=entity_id,
            occurred_at=self._clock(),
            idempotency_key=idempotency_key,
            **_named(display_name),
        )
        return await self._create_one(event, conn)

    async def create_achievement_event(
        self,
        *,
        user_id: int,
        achievement: str,
        source: Platform,
        idempotency_key: str | None = None,
        display_name: str | None = None,
        conn: asyncpg.Connection | None = None,
    ) -> Recorded:
        """Record that the account `user_id` of `source` unlocked `achievement`, once for ever."""
        event = self._wire.achievement_unlocked(
            user_id=user_id,
            achievement=achievement,
            source=source,
            occurred_at=self._clock(),
            idempotency_key=idempotency_key,
            **_named(display_name),
        )
        return await self._create_one(event, conn)

    async def create_events(
        self, batch: Sequence[Event], *, conn: asyncpg.Connection | None = None
    ) -> list[Recorded]:
        """Record up to EVENTS_MAX events of one platform at once, all or none of them.

        One call is many times as fast as a call per event, for a daily reward for example. Build
        the events with `schemas.xp_changed`, `schemas.balance_changed` and
        `schemas.achievement_unlocked`. Returns one receipt for each, in order. A refused event
        refuses the whole batch, and the error says why; `InsufficientFunds` names the accounts in
        `user_ids`.

        Raises:
            ValueError: there are too many events, or events of both platforms; nothing was
                recorded.
            TypeError: `conn` is not a connection of asyncpg.
        """
        if not batch:
            return []
        if len(batch) > EVENTS_MAX:
            raise ValueError(f"{len(batch)} events in one call, the limit is {EVENTS_MAX}")
        if len({event.source for event in batch}) > 1:
            raise ValueError("the events are of both platforms: record those of each in a call")
        envelopes = [self._envelope(event) for event in batch]
        if conn is not None:
            _require_asyncpg(conn)
            source = envelopes[0].event.source
            with mapped_errors():
                # A savepoint: a refusal leaves the caller's transaction usable.
                async with conn.transaction():
                    recorded = await self._record(
                        *(conn, source, envelopes),
                        store=self._stores.get(source),
                        forget_secret=self._forget_secret,
                    )
            self._lent.get(conn, []).extend(recorded)
            return recorded
        if len(envelopes) == 1:
            return [await self._shared.record(envelopes[0])]
        recorded = await self._record_alone(envelopes)
        # The events are committed, and no caller could roll them back, so the record is not asked.
        await self._publish([one for one in recorded if one.created])
        return recorded

    async def holds_achievement(
        self, *, user_id: int, achievement: str, source: Platform, conn: asyncpg.Connection
    ) -> bool:
        """Tell whether the member behind an account has `achievement`, from either platform.

        An achievement counts once per member in any case. A bot asks this to announce it only once.
        """
        _require_asyncpg(conn)
        return await profiles.holds_achievement(conn, source, user_id, achievement)

    async def publish(self, *recorded: Recorded) -> None:
        """Publish recorded events, after the caller's own transaction has committed.

        Only committed events are published: the producer asks the record, on a connection of the
        pool. An event that was rolled back, with a savepoint or with the transaction, is left out.

        Never raises because the bus or Postgres is away: committed events are safe, and the relay
        publishes them.
        """
        created = [one for one in recorded if one.created]
        if not created:
            return
        try:
            async with asyncio.timeout(ASK_S_MAX), self._connection() as conn:
                kept = await _kept(conn, created)
        except TimeoutError:
            why = f"the record did not say within {ASK_S_MAX} s what is committed"
            _leave_to_relay(created, why)
        except DbError as error:
            _leave_to_relay(created, str(error))
        else:
            await self._publish(kept)

    async def close(self) -> None:
        """Finish what was begun, and mark the last published events.

        The pool and the publisher stay open.
        """
        await self._shared.close()
        if self._marking is not None:
            self._marking.cancel()
            await asyncio.wait([self._marking])
        with contextlib.suppress(
            DbError
        ):  # the relay publishes unmarked events once more, without effect
            while self._published:
                await self._mark()

    def _envelope(self, event: Event) -> Envelope:
        """Encode an event and decode it again: the record gets what the consumer will read."""
        payload = self._wire.encode(event)
        return Envelope(self._wire.decode(payload), payload)

    async def _create_one(self, event: Event, conn: asyncpg.Connection | None) -> Recorded:
        [recorded] = await self.create_events([event], conn=conn)
        return recorded

    async def _publish(self, committed: Sequence[Recorded]) -> None:
        for source in PLATFORMS:
            mine = [one for one in committed if one.source == source]
            for first in range(0, len(mine), PUBLISH_BATCH_MAX):
                await self._publish_batch(source, mine[first : first + PUBLISH_BATCH_MAX])
        if self._published and (self._marking is None or self._marking.done()):
            self._marking = asyncio.create_task(self._mark_soon())

    async def _publish_batch(self, source: Platform, batch: Sequence[Recorded]) -> None:
        try:
            await self._publisher.publish(source, [one.payload for one in batch])
        except Exception as error:  # noqa: BLE001 - the events are committed, so the relay publishes them after any error
            _leave_to_relay(batch, str(error))
        else:
            keys = [one.idempotency_key for one in batch]
            self._published += keys
            log.debug("events.published", source=source, keys=keys)

    async def _record_alone(self, envelopes: Sequence[Envelope]) -> list[Recorded]:
        """Record events in a transaction of their own."""
        return await self._with_own_connection(envelopes, self._record)

    async def _record_shared(
        self, envelopes: Sequence[Envelope], *, waits_for_locks: bool
    ) -> Sequence[Recorded | None]:
        """Record events of several callers in a transaction; see `SharedTransactions`."""
        if waits_for_locks or self._record is not events.record:
            return await self._record_alone(envelopes)
        return await self._with_own_connection(envelopes, events.record_unheld)

    async def _with_own_connection(
        self, envelopes: Sequence[Envelope], record: events.Record[T]
    ) -> list[T]:
        # One statement commits by itself, which saves two round trips. It has the isolation of the
        # login, which may be why another transaction was in its way.
        is_alone = envelopes[0].event.source not in self._stores
        for _ in range(RECORD_ATTEMPTS_MAX - 1):
            with contextlib.suppress(Contention):
                return await self._record_once(envelopes, record, is_alone=is_alone)
            is_alone = False
        return await self._record_once(envelopes, record, is_alone=False)

    async def _record_once(
        self, envelopes: Sequence[Envelope], record: events.Record[T], *, is_alone: bool
    ) -> list[T]:
        source = envelopes[0].event.source
        store = self._stores.get(source)
        async with self._connection() as conn:
            if is_alone:
                return await record(
                    *(conn, source, envelopes), store=store, forget_secret=self._forget_secret
                )
            async with conn.transaction(isolation="read_committed"):
                return await record(
                    *(conn, source, envelopes), store=store, forget_secret=self._forget_secret
                )

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncpg.Connection]:
        with mapped_errors():
            async with self._pool.acquire() as conn:
                yield conn

    async def _mark_soon(self) -> None:
        """Gather published events for a moment, then mark them together, until none are left."""
        delay_s = MARK_AFTER_S
        while self._published:
            await asyncio.sleep(delay_s)
            try:
                await self._mark()
                delay_s = MARK_AFTER_S
                if self._marking_news.end():
                    log.info("marking.resumed")
            except DbError as error:
                delay_s = min(delay_s * 2, MARK_AFTER_S_MAX)
                is_news = self._marking_news.is_new(str(error), wait_s=delay_s)
                log_at = log.warning if is_news else log.debug
                log_at("event.mark_delayed", events=len(self._published), why=str(error))

    async def _mark(self) -> None:
        batch = self._published[:MARK_BATCH_MAX]
        if not batch:
            return
        with mapped_errors():
            async with self._pool.acquire() as conn:
                await outbox.mark_published(conn, batch, fresh=True)
        del self._published[: len(batch)]


def _named(display_name: str | None) -> dict[str, str]:
    """Return the name as an argument for a builder; a wire format of one's own may know none."""
    return {} if display_name is None else {"display_name": display_name}


async def _kept(conn: asyncpg.Connection, recorded: Sequence[Recorded]) -> list[Recorded]:
    """Return the receipts whose events the record still holds, each event once.

    The payload decides, because a key may have been rolled back and recorded again, here or by
    another process. An event that is on its stream already is left out.
    """
    created = {(one.idempotency_key, one.payload): one for one in recorded if one.created}
    if not created:
        return []
    pending = await outbox.find_pending(conn, {key for key, _ in created})
    return [one for (key, payload), one in created.items() if pending.get(key) == payload]


async def _kept_at_the_end(
    conn: asyncpg.Connection, recorded: Sequence[Recorded]
) -> list[Recorded]:
    try:
        return await _kept(conn, recorded)
    except asyncpg.InFailedSQLTransactionError as error:
        raise RuleBroken(
            "transaction_has_no_ignored_error",
            "a statement in the transaction had failed and its error was ignored, so Postgres rolls"
            " everything back and nothing was recorded; put a statement that may fail into a"
            " savepoint: `async with conn.transaction():`",
        ) from error


def _require_asyncpg(conn: object) -> None:
    """Refuse a connection of another library, and say what to do instead.

    Raises:
        TypeError: `conn` has not the methods that the record needs.
    """
    if all(callable(getattr(conn, name, None)) for name in ("fetch", "execute", "transaction")):
        return
    kind = type(conn)
    hint = "call `SELECT * FROM twinstream.record_xp(...)` on it instead (docs/integrate.md)"
    if kind.__module__.startswith("sqlalchemy"):
        hint += (
            ", or pass `(await connection.get_raw_connection()).driver_connection`, after a"
            " statement on that connection has begun its transaction"
        )
    elif isinstance(conn, asyncpg.Pool):
        hint = "lend one: `async with pool.acquire() as conn`"
    raise TypeError(
        f"conn must be a connection of asyncpg, not {kind.__module__}.{kind.__qualname__}: {hint}"
    )


def _leave_to_relay(left: Sequence[Recorded], why: str) -> None:
    log.warning(
        "event.left_to_relay",
        key=left[0].idempotency_key,
        events=len(left),
        why=why,
    )
