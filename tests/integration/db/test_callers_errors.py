"""Errors of the caller's own code inside `producer.transaction()`: they stay the caller's."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import asyncpg
import pytest

import schemas
from db import Platform, Producer, RuleBroken, StorageUnavailable

WIN: dict[str, Any] = {
    "user_id": 1001,
    "delta_xp": 5,
    "source": "telegram",
    "reason": "game_guess",
    "entity_id": "1",
}


class Nowhere:
    """A bus to which nothing may come."""

    async def publish(self, source: Platform, payloads: Sequence[bytes]) -> list[str]:
        raise AssertionError("nothing was committed")


@pytest.fixture
async def producer(pool: asyncpg.Pool) -> AsyncIterator[Producer]:
    producer = Producer(pool, schemas, Nowhere())
    yield producer
    await producer.close()


async def recorded(pool: asyncpg.Pool) -> int:
    return int(await pool.fetchval("SELECT count(*) FROM twinstream.sync_events"))


async def buy(producer: Producer, work: Callable[[asyncpg.Connection], Awaitable[Any]]) -> None:
    """Record an event, then do the caller's own work in the same transaction."""
    async with producer.transaction() as conn:
        await producer.create_xp_change_event(conn=conn, **WIN)
        await work(conn)


def losing_the_connection(
    pool: asyncpg.Pool, error: Exception | None = None
) -> Callable[[asyncpg.Connection], Awaitable[None]]:
    async def work(conn: asyncpg.Connection) -> None:
        pid = await conn.fetchval("SELECT pg_backend_pid()")
        await pool.execute("SELECT pg_terminate_backend($1, 5000)", pid)
        if error is not None:
            raise error

    return work


@pytest.mark.parametrize(
    "error",
    [
        TimeoutError("the shop did not answer"),
        ConnectionResetError("the shop hung up"),
        KeyError("price"),
        asyncpg.UniqueViolationError("the caller's own, from another connection"),
        asyncpg.InterfaceError("the caller's own, from another connection"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_what_the_caller_raises_comes_out_as_it_is(
    producer: Producer, pool: asyncpg.Pool, error: Exception
):
    async def work(_: asyncpg.Connection) -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        await buy(producer, work)

    assert raised.value is error
    assert await recorded(pool) == 0


async def test_an_error_of_the_callers_own_statement_is_asyncpgs(
    producer: Producer, pool: asyncpg.Pool
):
    await pool.execute("CREATE TABLE orders (id bigint PRIMARY KEY); INSERT INTO orders VALUES (1)")

    with pytest.raises(asyncpg.UniqueViolationError, match="orders_pkey"):
        await buy(producer, lambda conn: conn.execute("INSERT INTO orders VALUES (1)"))

    assert await recorded(pool) == 0


async def test_the_callers_error_comes_out_even_if_the_connection_is_lost(
    producer: Producer, pool: asyncpg.Pool
):
    error = LookupError("no such order")

    with pytest.raises(LookupError) as raised:
        await buy(producer, losing_the_connection(pool, error))

    assert raised.value is error


async def test_errors_of_the_producer_stay_its_own(producer: Producer, pool: asyncpg.Pool):
    async def ignore_an_error(conn: asyncpg.Connection) -> None:
        with pytest.raises(asyncpg.DivisionByZeroError):
            await conn.execute("SELECT 1 / 0")

    async def overdraw(conn: asyncpg.Connection) -> None:
        debit = {**WIN, "delta_xp": -50, "entity_id": "2"}
        await producer.create_xp_change_event(conn=conn, **debit)

    with pytest.raises(RuleBroken, match="its error was ignored"):
        await buy(producer, ignore_an_error)
    with pytest.raises(RuleBroken, match="less XP"):
        await buy(producer, overdraw)
    with pytest.raises(StorageUnavailable):
        await buy(producer, losing_the_connection(pool))

    assert await recorded(pool) == 0
