"""Promptness: a consumers process with its default intervals, on both sandboxed platforms."""

import statistics
import time
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import structlog

import schemas
from bus import SOURCES, Keys, Publisher, connect, ensure_group
from db import Producer
from sandbox import load_seed
from tests.support.discord_display import GIVE, Server
from tests.support.processes import consumers, environment
from tests.support.telegram_display import SET, Group

log = structlog.get_logger("twinstream.test")

SEED = load_seed()
PROMOTED = 20
TOML = """
[telegram]
chat_id = -1001000000001
[discord]
guild_id = 900000000000000001
[[ranks]]
name = "Newcomer"
xp = 10
discord_role = 900000000000000101
telegram_tag = "Newcomer"
"""


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with Server(limit_scale=0.001) as server:
        yield server


@pytest.fixture
def environ(own_redis_url, database_url, server, group, tmp_path: Path) -> dict[str, str]:
    toml = tmp_path / "twinstream.toml"
    toml.write_text(TOML + "[consumers]\ndiscord_window_ms = 10\n")
    return environment(
        REDIS_URL=own_redis_url,
        DATABASE_URL=database_url,
        TWINSTREAM_CONFIG=str(toml),
        DISCORD_TOKEN=SEED.discord.token,
        DISCORD_API_BASE=server.platform.api_base,
        DISCORD_GATEWAY_URL=server.platform.gateway_url,
        TELEGRAM_TOKEN=SEED.telegram.token,
        TELEGRAM_API_BASE=group.platform.api_base,
    )


@pytest.fixture
async def producer(pool: asyncpg.Pool, own_redis_url: str) -> AsyncIterator[Producer]:
    redis = connect(own_redis_url, name="test")
    for source in SOURCES:
        await ensure_group(redis, Keys().subscription(source))
    producer = Producer(pool, schemas, Publisher(redis, Keys()))
    yield producer
    await producer.close()
    await redis.aclose()


async def linked_members(pool: asyncpg.Pool, server: Server, group: Group) -> list[tuple[int, int]]:
    """Add people to both communities. Returns their account ids on Telegram and on Discord."""
    pairs = []
    for number in range(PROMOTED):
        pair = group.platform.join(name=f"member {number}"), server.platform.join(name=f"m{number}")
        pairs.append(pair)
        member_id = await pool.fetchval("INSERT INTO members DEFAULT VALUES RETURNING id")
        await pool.executemany(
            "INSERT INTO accounts (platform, account_id, member_id) VALUES ($1, $2, $3)",
            [("telegram", pair[0], member_id), ("discord", pair[1], member_id)],
        )
    return pairs


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


@pytest.mark.nightly
async def test_a_promotion_in_telegram_is_seen_on_both_platforms_within_a_second(
    pool, server, group, environ, producer
):
    pairs = await linked_members(pool, server, group)
    as_tag, as_role = [], []
    async with consumers(environ=environ) as running:
        for role in ("to-discord", "discord-roles", "telegram-tags"):
            await running.saw("role.started", role=role)
        for telegram_id, discord_id in pairs:
            began = time.time()
            await producer.create_xp_change_event(
                user_id=telegram_id,
                delta_xp=10,
                source="telegram",
                reason="game_guess",
                entity_id="1",
            )
            tagged = await group.transcript.wait_for(
                lambda call, user_id=telegram_id: (
                    call.name == SET and str(call.request["user_id"]) == str(user_id)
                ),
                timeout=20.0,
            )
            given = await server.transcript.wait_for(
                lambda call, user_id=discord_id: (
                    call.name == GIVE and call.request["path"]["user_id"] == str(user_id)
                ),
                timeout=20.0,
            )
            as_tag.append(tagged.at - began)
            as_role.append(given.at - began)

    log.info("seen.measured", p95_tag_s=round(p95(as_tag), 3), p95_role_s=round(p95(as_role), 3))
    assert p95(as_tag) < 1.0
    assert p95(as_role) < 1.0
