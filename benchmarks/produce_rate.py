"""The produce rate: events per second and the time of a call, against a bare insert and XADD.

The bare way has a pool of asyncpg as it comes, as one would write it. Ours, and the unchecked rows
beside it, have the pool that bots open (`db.open_pool`), which resets no connection after each use
and so saves a round trip. `bare insert + XADD, one by one, on our pool` says how much that is.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple

import asyncpg

import schemas
from bus import Publisher, connect, ensure_group
from db import Producer, open_pool
from db.ledger.envelopes import Envelope, Recorded
from db.shared_transactions import SharedTransactions

from .contenders import unchecked_rows
from .report import Report, Series, number, percentile
from .testbed import KEYS, MEMBERS, SOURCE, STREAM, BenchTestbed, Start, envelope

IN_FLIGHT: Final = 16
MANY_IN_FLIGHT: Final = 64
BULK: Final = 100

Call = Callable[[int], Awaitable[object]]
Way = Callable[[Start, int, int, int], Awaitable["Timed"]]


class Timed(NamedTuple):
    """One round: the rate, and the time of each call in milliseconds."""

    rate: float
    calls_ms: list[float]


async def run(testbed: BenchTestbed, *, events: int, rounds: int) -> Report:
    """Measure all variants in turn, round by round."""
    ways: dict[str, tuple[Way, int, int]] = {
        "bare insert + XADD, one by one": (_bare, 1, 1),
        "bare insert + XADD, one by one, on our pool": (_bare_on_our_pool, 1, 1),
        "unchecked rows + XADD, one by one": (_unchecked, 1, 1),
        "twinstream, one by one": (_single, 1, 1),
        f"bare insert + XADD, {IN_FLIGHT} at once": (_bare, IN_FLIGHT, 1),
        f"unchecked rows + XADD, {IN_FLIGHT} at once": (_unchecked, IN_FLIGHT, 1),
        f"twinstream, {IN_FLIGHT} at once": (_single, IN_FLIGHT, 1),
        f"bare insert + XADD, {MANY_IN_FLIGHT} at once": (_bare, MANY_IN_FLIGHT, 1),
        f"unchecked rows + XADD, {MANY_IN_FLIGHT} at once": (_unchecked, MANY_IN_FLIGHT, 1),
        f"twinstream, {MANY_IN_FLIGHT} at once": (_single, MANY_IN_FLIGHT, 1),
        f"bare, {BULK} at a time": (_bare_bulk, 1, BULK),
        f"unchecked rows, {BULK} at a time": (_unchecked_bulk, 1, BULK),
        f"twinstream, {BULK} in one call": (_bulk, 1, BULK),
        f"twinstream, {BULK} calls in a transaction": (_calls_in_a_transaction, 1, BULK),
    }
    # Each way of ours is followed by the same way on a database of the locale that is compared.
    turns = [
        (f"{name}, {testbed.locale}" if in_locale else name, way, in_locale)
        for name, way in ways.items()
        for in_locale in ((False, True) if testbed.locale and "twinstream" in name else (False,))
    ]
    timed: dict[str, list[Timed]] = {name: [] for name, _, _ in turns}
    for _ in range(rounds):
        for name, (way, at_once, size), in_locale in turns:
            async with testbed.start(0, in_locale=in_locale) as start:
                timed[name].append(await way(start, events // size, at_once, size))
    return _report(timed, events, rounds)


async def _bare(start: Start, calls: int, at_once: int, size: int) -> Timed:
    """Insert a row and add an entry, without checks and without changes of books."""
    async with asyncpg.create_pool(start.database_url, min_size=at_once, max_size=at_once) as pool:
        return await _bare_on(pool, start, calls, at_once, size)


async def _bare_on_our_pool(start: Start, calls: int, at_once: int, size: int) -> Timed:
    async with await open_pool(start.database_url, name="benchmarks", size_max=at_once) as pool:
        return await _bare_on(pool, start, calls, at_once, size)


async def _bare_on(pool: asyncpg.Pool, start: Start, calls: int, at_once: int, size: int) -> Timed:
    async def call(number: int) -> None:
        one = envelope(number)
        await pool.execute(
            "INSERT INTO sync_events (idempotency_key, source, type, account_id, payload)"
            " VALUES ($1, $2, $3, $4, $5)",
            one.event.idempotency_key,
            SOURCE,
            one.event.type,
            number % MEMBERS + 1,
            one.payload.decode(),
        )
        await redis.xadd(STREAM, {b"e": one.payload})

    redis = connect(start.redis_url, name="benchmarks")
    timed = await _timed(call, calls, at_once, size)
    await redis.aclose()
    return timed


async def _single(start: Start, calls: int, at_once: int, size: int) -> Timed:
    async def call(producer: Producer, number: int) -> None:
        await producer.create_xp_change_event(
            user_id=number % MEMBERS + 1,
            delta_xp=1,
            source=SOURCE,
            reason="game_guess",
            entity_id=str(number),
        )

    return await _with_producer(start, call, calls, at_once, size)


async def _bare_bulk(start: Start, calls: int, at_once: int, size: int) -> Timed:
    """Insert the rows with one statement and add the entries in one round trip."""
    redis = connect(start.redis_url, name="benchmarks")
    await ensure_group(redis, KEYS.subscription(SOURCE))
    publisher = Publisher(redis, KEYS)

    async def call(pool: asyncpg.Pool, number: int) -> None:
        envelopes = [envelope(one) for one in range(number * size, (number + 1) * size)]
        await pool.execute(
            "INSERT INTO sync_events (idempotency_key, source, type, account_id, payload)"
            " SELECT key, $2, $3, account_id, payload"
            " FROM unnest($1::text[], $4::bigint[], $5::text[]) AS u (key, account_id, payload)",
            [one.event.idempotency_key for one in envelopes],
            SOURCE,
            envelopes[0].event.type,
            [one.event.user_id for one in envelopes],
            [one.payload.decode() for one in envelopes],
        )
        await publisher.publish(SOURCE, [one.payload for one in envelopes])

    async with asyncpg.create_pool(start.database_url, min_size=at_once, max_size=at_once) as pool:
        timed = await _timed(lambda number: call(pool, number), calls, at_once, size)
    await redis.aclose()
    return timed


async def _unchecked(start: Start, calls: int, at_once: int, size: int) -> Timed:
    """Write the rows that twinstream writes, without its rules; calls share transactions too."""
    redis = connect(start.redis_url, name="benchmarks")
    await ensure_group(redis, KEYS.subscription(SOURCE))
    publisher = Publisher(redis, KEYS)

    async def publish(receipts: Sequence[Recorded]) -> None:
        await publisher.publish(SOURCE, [receipt.payload for receipt in receipts])

    async with await open_pool(start.database_url, name="benchmarks") as pool:
        await unchecked_rows.create_functions(pool)

        async def record(
            envelopes: Sequence[Envelope], *, waits_for_locks: bool
        ) -> Sequence[Recorded]:
            return await unchecked_rows.record(pool, envelopes)

        shared = SharedTransactions(record, publish, held_max=1)
        timed = await _timed(lambda number: shared.record(envelope(number)), calls, at_once, size)
        await shared.close()
    await redis.aclose()
    return timed


async def _unchecked_bulk(start: Start, calls: int, at_once: int, size: int) -> Timed:
    redis = connect(start.redis_url, name="benchmarks")
    await ensure_group(redis, KEYS.subscription(SOURCE))
    publisher = Publisher(redis, KEYS)

    async def call(pool: asyncpg.Pool, number: int) -> None:
        envelopes = [envelope(one) for one in range(number * size, (number + 1) * size)]
        await unchecked_rows.record(pool, envelopes)
        await publisher.publish(SOURCE, [one.payload for one in envelopes])

    async with await open_pool(start.database_url, name="benchmarks") as pool:
        await unchecked_rows.create_functions(pool)
        timed = await _timed(lambda number: call(pool, number), calls, at_once, size)
    await redis.aclose()
    return timed


async def _bulk(start: Start, calls: int, at_once: int, size: int) -> Timed:
    async def call(producer: Producer, number: int) -> None:
        entities = range(number * size, (number + 1) * size)
        await producer.create_events([envelope(entity).event for entity in entities])

    return await _with_producer(start, call, calls, at_once, size)


async def _calls_in_a_transaction(start: Start, calls: int, at_once: int, size: int) -> Timed:
    async def call(producer: Producer, number: int) -> None:
        async with producer.transaction() as conn:
            for entity in range(number * size, (number + 1) * size):
                await producer.create_xp_change_event(
                    user_id=entity % MEMBERS + 1,
                    delta_xp=1,
                    source=SOURCE,
                    reason="game_guess",
                    entity_id=str(entity),
                    conn=conn,
                )

    return await _with_producer(start, call, calls, at_once, size)


async def _with_producer(
    start: Start,
    call: Callable[[Producer, int], Awaitable[None]],
    calls: int,
    at_once: int,
    size: int,
) -> Timed:
    redis = connect(start.redis_url, name="benchmarks")
    await ensure_group(redis, KEYS.subscription(SOURCE))
    async with await open_pool(start.database_url, name="benchmarks") as pool:
        producer = Producer(pool, schemas, Publisher(redis, KEYS))
        timed = await _timed(lambda number: call(producer, number), calls, at_once, size)
        await producer.close()
    await redis.aclose()
    return timed


async def _timed(call: Call, calls: int, at_once: int, size: int) -> Timed:
    numbers, took_ms = iter(range(calls)), []

    async def work() -> None:
        for one in numbers:
            began = time.perf_counter()
            await call(one)
            took_ms.append((time.perf_counter() - began) * 1_000)

    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(at_once)))
    return Timed(calls * size / (time.perf_counter() - began), took_ms)


def _report(timed: dict[str, list[Timed]], events: int, rounds: int) -> Report:
    rates = {n: Series(name=n, values=tuple(t.rate for t in all_)) for n, all_ in timed.items()}
    calls = {n: [ms for t in all_ for ms in t.calls_ms] for n, all_ in timed.items()}
    return Report(
        name="produce",
        title=f"Creating {events:,} events, {rounds} rounds",
        columns=("", "events/s", "lowest to highest", "p50 of a call, ms", "p99, ms"),
        rows=tuple(
            (
                name,
                number(series.median),
                series.spread,
                number(percentile(calls[name], 0.5)),
                number(percentile(calls[name], 0.99)),
            )
            for name, series in rates.items()
        ),
        figures={name: series.values for name, series in rates.items()},
    )
