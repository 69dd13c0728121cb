"""`python -m chaos.bot`: a bot under load. It records events with the real producer.

As the producer's documentation asks, a failed call is retried with the same keys until it succeeds
or is refused.
"""

import asyncio
import contextlib
import os
import random
import signal
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import asyncpg
import structlog
import typer

import schemas
from bus import Keys, Publisher, Source, connect
from config import set_up_logs
from db import DbError, InsufficientFunds, Producer, Recorded, StorageUnavailable, open_pool
from db.earning import Earning, Rules, windows
from db.errors import mapped_errors
from db.rewards import daily
from db.rewards.daily import DailyRules
from db.rewards.days import Days

from . import users_table
from .commit_journal import Committed, note_committed, note_earned, note_rolled_back
from .workload import Action, Fate, PlannedEvent, Shape, Workload

log = structlog.get_logger("twinstream.chaos")

#: Concurrent tasks per bot, so that calls overlap.
TASKS = 6
#: Seconds before a failed call is retried.
RETRY_S = 0.1
#: Seconds between two writes to the journal.
NOTE_S = 0.2
#: Seconds for which actions go on being retried after SIGTERM.
STOP_GRACE_S = 20.0
#: Seconds within which a cancelled call is cancelled: about as long as a call takes.
CANCELLED_S_MAX = 0.01
REASON = "game_guess"
#: The share of actions after which a member also writes a message that earns something.
EARNING_SHARE = 0.3
#: Windows of a few seconds, so that they are closed by messages as well as by the consumers. The
#: Telegram bot of a run has a table of its own.
EARNING_RULES = Rules(window_s=3, zone=UTC, stores=("telegram",))

#: Errors after which a call is retried: ours within a transaction, asyncpg's at its begin and end.
FAILED = (
    *(DbError, asyncpg.PostgresError, asyncpg.InterfaceError),
    *(asyncpg.InternalClientError, OSError, TimeoutError),
)

#: The daily reward of a run. A day is a minute, the unit in which its key names it.
RULES = DailyRules(3, 2, 0, 0, 0, 0, 1, 0, {})
DAY = timedelta(minutes=1)
#: Days on either side of today: Postgres has the clock of this machine.
DAYS_AROUND = 3

cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


#: Records an event on a connection.
Record = Callable[[PlannedEvent, asyncpg.Connection], Awaitable[Recorded]]


class _RollBack(Exception):
    """Rolls a transaction back."""


class Bot:
    """Carries out actions until `stop` is set."""

    def __init__(
        self, pool: asyncpg.Pool, producer: Producer, source: Source, stop: asyncio.Event
    ) -> None:
        self._pool = pool
        self._producer = producer
        self._source = source
        self._stop = stop
        self._chance = random.Random(source)
        self._to_note: list[Committed] = []

    async def play(self, workload: Workload, interval_s: float) -> None:
        """Carry out one action after the other, at most one in `interval_s` seconds."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while not self._stop.is_set():
            action = workload.next()
            await self._retry(lambda: self._act(action))  # noqa: B023 - awaited at once
            if self._chance.random() < EARNING_SHARE:
                account_id = workload.account()
                await self._retry(lambda: self._earn(account_id))  # noqa: B023 - awaited at once
            due = max(due + interval_s, loop.time() - 1.0)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(due):
                    await self._stop.wait()

    async def _earn(self, account_id: int) -> None:
        """Add a message to a window, and repeat it: it counts once. The journal says what did."""
        message = Earning(
            account_id, "messages", self._chance.randint(1, 9), datetime.now(UTC), 1.0, 10**9
        )
        for _ in range(2):
            async with self._pool.acquire() as conn, conn.transaction():
                [earned] = await windows.earn(conn, self._source, [message], EARNING_RULES)
                if earned is not None and earned.xp:
                    await note_earned(conn, self._source, account_id, earned.xp)

    async def _retry(self, act: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                return await act()
            except InsufficientFunds:
                return None
            except FAILED as error:
                level = log.debug if isinstance(error, DbError) else log.info
                level("action.failed", why=str(error), kind=type(error).__name__)
            await asyncio.sleep(RETRY_S)

    async def _act(self, action: Action) -> None:
        if action.shape is Shape.DAILY:
            await self._claim(action.events[0].account_id)
        else:
            await self._do(action)

    async def _do(self, action: Action) -> None:
        match action.shape:
            case Shape.ALONE:
                await self._alone(action.events[0])
            case Shape.AT_ONCE_TWICE:
                await self._at_once([action.events[0]] * 2)
            case Shape.AT_ONCE:
                await self._at_once(action.events, cancels=True)
            case Shape.LENT:
                async with self._producer.transaction() as conn:
                    await self._together(action.events, conn, self._record)
            case Shape.LENT_IN_PARTS:
                async with self._producer.transaction() as conn:
                    await self._in_parts(action.events, conn, self._record)
            case Shape.OWN:
                await self._producer.publish(
                    *await self._in_own_transaction(action.events, self._record)
                )
            case Shape.OWN_IN_PARTS:
                async with self._pool.acquire() as conn, conn.transaction():
                    recorded = await self._in_parts(action.events, conn, self._record)
                await self._producer.publish(*recorded)
            case Shape.SQL:
                await self._in_own_transaction(action.events, self._record_in_sql)
            case Shape.SQL_IN_PARTS:
                async with self._pool.acquire() as conn, conn.transaction():
                    await self._in_parts(action.events, conn, self._record_in_sql)
            case Shape.FORGOTTEN:
                await self._in_own_transaction(action.events, self._record)
            case Shape.ROLLED_BACK:
                await self._roll_back(action.events)

    async def _claim(self, account_id: int) -> None:
        """Claim a day of a minute. An earlier attempt whose answer was lost may have claimed it."""
        begins = [
            datetime.now(UTC).replace(second=0, microsecond=0) + minutes * DAY
            for minutes in range(-DAYS_AROUND, DAYS_AROUND + 1)
        ]
        names = [begins[0].date() + timedelta(days=days) for days in range(len(begins))]
        stores = [users_table.PLATFORM] if self._source == users_table.PLATFORM else []
        with mapped_errors():
            async with self._pool.acquire() as conn:
                claim = await daily.claim(
                    *(conn, self._source, account_id, "Ann"),
                    days=Days(names, begins),
                    rules=RULES,
                    stores=stores,
                )
        if claim.outcome == "claimed":
            short = "tg" if self._source == "telegram" else "dc"
            entity = f"{account_id}_{claim.next_at - DAY:%Y-%m-%dT%H:%MZ}"
            who = (self._source, account_id)
            self._to_note += [
                Committed(f"{short}_daily_claim_{entity}", *who, claim.xp, 0, None),
                Committed(f"{short}_daily_claim.balance_{entity}", *who, 0, claim.balance, None),
            ]

    async def _alone(self, event: PlannedEvent) -> None:
        recorded = await self._record(event, None)
        self._to_note.append(_committed(event, recorded))

    async def _at_once(self, events: Sequence[PlannedEvent], *, cancels: bool = False) -> None:
        """Record each event in a task. A cancelled call may or may not have taken effect."""
        loop = asyncio.get_running_loop()
        calls = [loop.create_task(self._alone(event)) for event in events]
        for call in calls[1::2] if cancels else ():
            loop.call_later(self._chance.uniform(0, CANCELLED_S_MAX), call.cancel)
        for outcome in await asyncio.gather(*calls, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome

    async def _in_own_transaction(
        self, events: Sequence[PlannedEvent], record: Record
    ) -> list[Recorded]:
        async with self._pool.acquire() as conn, conn.transaction():
            return await self._together(events, conn, record)

    async def _together(
        self, events: Sequence[PlannedEvent], conn: asyncpg.Connection, record: Record
    ) -> list[Recorded]:
        recorded = [await record(event, conn) for event in events]
        await note_committed(conn, list(map(_committed, events, recorded)))
        return recorded

    async def _in_parts(
        self, events: Sequence[PlannedEvent], conn: asyncpg.Connection, record: Record
    ) -> list[Recorded]:
        """Record each event in two savepoints. Returns all results, rolled-back ones included."""
        recorded: list[Recorded] = []
        kept: list[Committed] = []
        lost: list[str] = []
        for event in events:
            outer = conn.transaction()
            await outer.start()
            inner = conn.transaction()
            await inner.start()
            one = await record(event, conn)
            recorded.append(one)
            if event.fate in (Fate.INNER_ROLLED_BACK, Fate.KEPT_AT_SECOND_TRY):
                await inner.rollback()
            else:
                await inner.commit()
            if event.fate is Fate.KEPT_AT_SECOND_TRY:
                one = await record(event, conn)
                recorded.append(one)
            if event.fate is Fate.OUTER_ROLLED_BACK:
                await outer.rollback()
            else:
                await outer.commit()
            if event.fate in (Fate.KEPT, Fate.KEPT_AT_SECOND_TRY):
                kept.append(_committed(event, one))
            elif event.achievement is None:
                lost.append(one.idempotency_key)
        await note_committed(conn, kept)
        await note_rolled_back(conn, lost)
        return recorded

    async def note(self) -> None:
        """Write commits of the producer's own transactions to the journal, until cancelled."""
        while True:
            await asyncio.sleep(NOTE_S)
            await self.note_now()

    async def note_now(self) -> None:
        """Write the remaining commits to the journal."""
        events = self._to_note[:]

        async def note() -> None:
            async with self._pool.acquire() as conn:
                await note_committed(conn, events)

        if events:
            await self._retry(note)
            del self._to_note[: len(events)]

    async def _roll_back(self, events: Sequence[PlannedEvent]) -> None:
        results: list[Recorded] = []
        keys: list[str] = []
        with contextlib.suppress(_RollBack):
            async with self._pool.acquire() as conn, conn.transaction():
                for event in events:
                    recorded = await self._record(event, conn)
                    results.append(recorded)
                    # The key of an achievement has no number: another action may commit it.
                    if recorded.created and event.achievement is None:
                        keys.append(recorded.idempotency_key)
                raise _RollBack
        async with self._pool.acquire() as conn:
            await note_rolled_back(conn, keys)
        await self._producer.publish(*results)

    async def _record(self, event: PlannedEvent, conn: asyncpg.Connection | None) -> Recorded:
        who: dict[str, Any] = {"user_id": event.account_id, "source": self._source, "conn": conn}
        why: dict[str, Any] = {"reason": REASON, "entity_id": event.entity_id}
        if event.achievement is not None:
            return await self._producer.create_achievement_event(
                achievement=event.achievement, **who
            )
        if event.delta_xp:
            return await self._producer.create_xp_change_event(
                delta_xp=event.delta_xp, **who, **why
            )
        return await self._producer.create_balance_change_event(
            delta_balance=event.delta_balance, **who, **why
        )

    async def _record_in_sql(self, event: PlannedEvent, conn: asyncpg.Connection) -> Recorded:
        """Call the function of Postgres, as a program in another language does."""
        name, what = _function_of(event)
        why = () if event.achievement is not None else (REASON, event.entity_id)
        places = ", ".join(f"${number}" for number in range(1, 4 + len(why)))
        with mapped_errors():
            key, member_id, created = await conn.fetchrow(
                f"SELECT * FROM twinstream.{name}({places})",  # noqa: S608 - a name of _function_of
                *(self._source, event.account_id, what, *why),
            )
            if created and self._source == users_table.PLATFORM:
                await users_table.add(conn, event.account_id, event.delta_xp, event.delta_balance)
        return Recorded(key, self._source, member_id, b"", created)


def _function_of(event: PlannedEvent) -> tuple[str, object]:
    """Return the function that records an event, and what it is given."""
    if event.achievement is not None:
        return "record_achievement", event.achievement
    if event.delta_xp:
        return "record_xp", event.delta_xp
    return "record_balance", event.delta_balance


def _committed(event: PlannedEvent, recorded: Recorded) -> Committed:
    return Committed(
        recorded.idempotency_key,
        recorded.source,
        event.account_id,
        event.delta_xp,
        event.delta_balance,
        event.achievement,
    )


async def run(
    source: Source, accounts: int, actions_per_s: float, incarnation: str, seed: str
) -> None:
    """Run the bot until SIGTERM, then finish the actions that have begun."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    redis = connect(os.environ["REDIS_URL"], name="chaos/bot")
    pool = await _open_pool(stop)
    if pool is None:
        return
    stores = users_table.STORES if source == users_table.PLATFORM else {}
    producer = Producer(pool, schemas, Publisher(redis, Keys()), stores=stores)
    bot = Bot(pool, producer, source, stop)
    async with asyncio.TaskGroup() as group:
        noting = group.create_task(bot.note())
        playing = [
            group.create_task(
                bot.play(
                    Workload(source, accounts, f"{incarnation}.{number}", f"{seed}/{number}"),
                    TASKS / actions_per_s,
                )
            )
            for number in range(TASKS)
        ]
        await stop.wait()
        _, late = await asyncio.wait(playing, timeout=STOP_GRACE_S)
        for task in (*late, noting):
            task.cancel()
    await bot.note_now()
    await producer.close()
    await redis.aclose()
    pool.terminate()


async def _open_pool(stop: asyncio.Event) -> asyncpg.Pool | None:
    while not stop.is_set():
        try:
            return await open_pool(os.environ["DATABASE_URL"], name="chaos-bot")
        except StorageUnavailable:
            await asyncio.sleep(RETRY_S)
    return None


@cli.command()
def main(
    platform: str,
    accounts: Annotated[int, typer.Option()],
    actions_per_s: Annotated[float, typer.Option()],
    incarnation: Annotated[str, typer.Option()],
    seed: Annotated[str, typer.Option()],
) -> None:
    """Record events on one platform until SIGTERM."""
    set_up_logs(level=os.environ.get("TWINSTREAM_LOG_LEVEL", "info"), style="json")
    source = next(source for source in schemas.SOURCES if source == platform)
    asyncio.run(run(source, accounts, actions_per_s, incarnation, seed))


if __name__ == "__main__":
    cli()
