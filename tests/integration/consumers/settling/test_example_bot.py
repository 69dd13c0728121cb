"""The example of docs/integrate.md as a process: a bot whose own table is the truth."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

import schemas
from bus import SOURCES, Client, Keys, Publisher, connect, ensure_group
from db import Producer
from db.members import accounts
from launch.sandbox_client import SandboxClient
from sandbox import load_seed
from tests.support.forked_processes import IS_POSSIBLE, start_forked
from tests.support.linking import LinkOutcome, issue_code, redeem_code
from tests.support.patience import PATIENCE_S
from tests.support.processes import CHECKOUT, Process, consumers, environment, sandbox
from tests.support.settling import until, xp_payload

EXAMPLE = CHECKOUT / "examples/telegram_bot_with_users"
SEED = load_seed()
GROUP = SEED.telegram.group.id
MIRA_TG = 1001
MIRA_DC = 700_000_000_000_000_001
TOML = """
[telegram]
chat_id = -1001000000001
[discord]
guild_id = 900000000000000001
[[ranks]]
name = "Newcomer"
xp = 10
[stores.telegram]
table = "users"
[consumers]
block_ms = 100
"""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder on whose path the grounds bear the wheel's name."""
    package = tmp_path / "site-packages/twinstream"
    package.mkdir(parents=True)
    for ground in ("bus", "db", "schemas"):
        (package / ground).symlink_to(CHECKOUT / ground, target_is_directory=True)
    return package.parent


@asynccontextmanager
async def example_bot(environ: dict[str, str], installed: Path) -> AsyncIterator[None]:
    """The bot, in a process that has imported aiogram already: that takes seconds."""
    given = environ | {"PYTHONPATH": str(installed), "PATH": os.environ["PATH"]}
    program = str(EXAMPLE / "bot.py")
    if IS_POSSIBLE:
        process: Process = await start_forked(program, environ=given, folder=EXAMPLE)
    else:
        process = await asyncio.create_subprocess_exec(
            sys.executable, program, cwd=EXAMPLE, env=given
        )
    try:
        yield
    finally:
        process.terminate()
        await process.wait()


@pytest.fixture
async def redis(own_redis_url: str) -> AsyncIterator[Client]:
    """A client that is closed whatever becomes of the test."""
    async with connect(own_redis_url, name="test") as client:
        yield client


async def tell(world: SandboxClient, text: str) -> str:
    after = await world.newest()
    await world.post("/telegram/say", chat_id=GROUP, user_id=MIRA_TG, text=text)
    call = await world.wait_for(
        f"an answer to {text}",
        lambda call: call.name == "sendMessage",
        after=after,
        timeout_s=PATIENCE_S,
    )
    answer: str = call.request["text"]
    return answer


async def test_its_table_and_discord_follow_each_other(
    own_redis_url: str,
    redis: Client,
    database_url: str,
    pool: asyncpg.Pool,
    tmp_path: Path,
    installed: Path,
):
    await pool.execute((EXAMPLE / "schema.sql").read_text())
    toml = tmp_path / "twinstream.toml"
    toml.write_text(TOML)
    for source in SOURCES:
        await ensure_group(redis, Keys().subscription(source))
    in_discord = Producer(pool, schemas, Publisher(redis, Keys()))
    async with pool.acquire() as conn:
        await accounts.ensure(conn, "telegram", [MIRA_TG])
        code = await issue_code(conn, "telegram", MIRA_TG)
        assert await redeem_code(conn, "discord", MIRA_DC, code) is LinkOutcome.LINKED

    async with sandbox() as ready, SandboxClient(ready["control_url"]) as world:
        environ = environment(
            REDIS_URL=own_redis_url,
            DATABASE_URL=database_url,
            TWINSTREAM_CONFIG=str(toml),
            TELEGRAM_TOKEN=ready["telegram"]["token"],
            TELEGRAM_API_BASE=ready["telegram_api_base"],
        )
        async with (
            consumers("to-discord", "to-telegram", environ=environ),
            example_bot(environ, installed),
        ):
            assert await tell(world, "/me") == "You have nothing yet: /dig"
            # Earned in Discord before she has a row: she is owed it, and it is not lost.
            await in_discord.create_xp_change_event(
                user_id=MIRA_DC, delta_xp=7, source="discord", reason="quiz", entity_id="1"
            )
            await until(lambda: owes(pool, 7), what="7 XP are owed to her")

            assert await tell(world, "/dig") == "You dug up 10 XP and 2 coins."
            await until(lambda: discord_has(pool, 17), what="Discord follows")
            await in_discord.create_xp_change_event(
                user_id=MIRA_DC, delta_xp=5, source="discord", reason="quiz", entity_id="2"
            )
            await until(lambda: table_has(pool, 22), what="her row follows, with what was owed")

            assert await tell(world, "/me") == "You have 22 XP and 2 coins."
    await in_discord.close()


async def owes(pool: asyncpg.Pool, xp: int) -> bool:
    return await pool.fetchval("SELECT sum(xp) FROM store_debts") == xp


async def discord_has(pool: asyncpg.Pool, xp: int) -> bool:
    return await pool.fetchval("SELECT xp FROM sync_state WHERE platform = 'discord'") == xp


async def table_has(pool: asyncpg.Pool, xp: int) -> bool:
    return await pool.fetchval("SELECT xp FROM users WHERE id = $1", MIRA_TG) == xp


async def test_a_store_that_cannot_work_ends_the_start_with_one_sentence(
    own_redis_url: str, database_url: str, tmp_path: Path
):
    toml = tmp_path / "twinstream.toml"
    toml.write_text(TOML)
    environ = environment(
        REDIS_URL=own_redis_url, DATABASE_URL=database_url, TWINSTREAM_CONFIG=str(toml)
    )

    async with consumers("to-telegram", "relay", environ=environ) as running:
        assert await running.ended() == 2

    assert "stores.telegram: there is no table users in this database" in running.text
    assert "Traceback" not in running.text


async def test_an_event_that_the_table_refuses_is_buried_with_the_reason(
    own_redis_url: str, redis: Client, database_url: str, pool: asyncpg.Pool, tmp_path: Path
):
    await pool.execute("CREATE TABLE users (id bigint PRIMARY KEY, xp smallint, balance bigint)")
    await pool.execute("INSERT INTO users VALUES ($1, 32767, 0)", MIRA_TG)
    toml = tmp_path / "twinstream.toml"
    toml.write_text(TOML)
    environ = environment(
        REDIS_URL=own_redis_url, DATABASE_URL=database_url, TWINSTREAM_CONFIG=str(toml)
    )
    async with pool.acquire() as conn:
        await accounts.ensure(conn, "telegram", [MIRA_TG])
        code = await issue_code(conn, "telegram", MIRA_TG)
        await redeem_code(conn, "discord", MIRA_DC, code)

    async with consumers("to-telegram", "relay", environ=environ) as running:
        await running.saw("role.started", role="to-telegram")
        stream = Keys().stream("discord")
        await redis.xadd(stream, {"e": xp_payload(1, source="discord", user_id=MIRA_DC)})
        await running.saw("entry.buried")

    reason = await pool.fetchval("SELECT error_message FROM sync_events WHERE status = 'failed'")
    assert reason.startswith("the table users refuses the change: smallint out of range")
