"""A login or a database with another default isolation than Postgres has."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg
import pytest

import schemas
from db import Platform, Producer, open_pool

PLAYERS, GAMES = 5, 6


class Nowhere:
    """A bus that takes everything."""

    async def publish(self, source: Platform, payloads: Sequence[bytes]) -> list[str]:
        return ["1-1"] * len(payloads)


@pytest.fixture(params=["serializable", pytest.param("repeatable read", marks=pytest.mark.nightly)])
async def isolated_url(
    request: pytest.FixtureRequest, database_url: str, pool: asyncpg.Pool
) -> str:
    name = await pool.fetchval("SELECT current_database()")
    await pool.execute(
        f"ALTER DATABASE {name} SET default_transaction_isolation = '{request.param}'"
    )
    return database_url


@pytest.fixture
async def bots_pool(isolated_url: str) -> AsyncIterator[asyncpg.Pool]:
    """A pool that a bot made itself."""
    async with asyncpg.create_pool(isolated_url, min_size=1, max_size=8) as pool:
        yield pool


async def test_a_bots_events_are_recorded_whatever_isolation_its_login_has(
    bots_pool: asyncpg.Pool,
):
    """Several producers, as of several processes: each shares transactions of its own."""
    producers = [Producer(bots_pool, schemas, Nowhere()) for _ in range(PLAYERS)]

    async def play(player: int) -> None:
        for game in range(GAMES):
            what: dict[str, Any] = {
                "source": "telegram",
                "reason": "game",
                "entity_id": f"{player}.{game}",
            }
            await producers[player].create_xp_change_event(user_id=1001, delta_xp=1, **what)
            async with producers[player].transaction() as conn:
                await producers[player].create_balance_change_event(
                    user_id=1001, delta_balance=1, conn=conn, **what
                )

    await asyncio.gather(*map(play, range(PLAYERS)))
    for producer in producers:
        await producer.close()

    row = await bots_pool.fetchrow("SELECT xp, balance FROM twinstream.members")
    assert tuple(row) == (PLAYERS * GAMES, PLAYERS * GAMES)


async def test_our_own_connections_read_what_is_committed(isolated_url: str):
    async with await open_pool(isolated_url, name="test") as pool:
        assert await pool.fetchval("SHOW transaction_isolation") == "read committed"
