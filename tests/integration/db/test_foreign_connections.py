"""A bot that hands the producer a connection of another library is told what to hand over."""

from types import SimpleNamespace

import psycopg
import pytest

import schemas
from db import Producer


class _Unused:
    """No event gets as far as the bus."""

    async def publish(self, source: str, payloads: object) -> list[str]:
        raise AssertionError((source, payloads))


async def refusal(producer: Producer, conn: object) -> str:
    with pytest.raises(TypeError) as error:
        await producer.create_xp_change_event(
            user_id=1001, delta_xp=15, source="telegram", reason="gift", entity_id="1", conn=conn
        )
    return str(error.value)


async def test_a_connection_of_psycopg_or_a_pool_is_refused_with_what_is_expected(
    pool, database_url
):
    producer = Producer(pool, schemas, _Unused())
    try:
        async with await psycopg.AsyncConnection.connect(database_url) as conn:
            of_psycopg = await refusal(producer, conn)
        of_pool = await refusal(producer, pool)
    finally:
        await producer.close()

    assert "must be a connection of asyncpg, not psycopg" in of_psycopg
    assert "SELECT * FROM twinstream.record_xp(...)" in of_psycopg
    assert "async with pool.acquire() as conn" in of_pool
    assert await pool.fetchval("SELECT count(*) FROM transactions") == 0


async def test_for_a_connection_of_sqlalchemy_the_way_to_the_driver_is_named(pool):
    stand_in = type("AsyncConnection", (SimpleNamespace,), {"__module__": "sqlalchemy.ext.asyncio"})
    producer = Producer(pool, schemas, _Unused())
    try:
        text = await refusal(producer, stand_in())
    finally:
        await producer.close()

    assert "not sqlalchemy.ext.asyncio.AsyncConnection" in text
    assert "get_raw_connection()).driver_connection" in text
