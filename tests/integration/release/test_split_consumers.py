"""The three consumers processes of compose.yaml, each on its own users of Redis and of Postgres."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from redis.exceptions import NoPermissionError, ResponseError

import schemas
from bus import AccessDenied, Keys, Publisher
from launch.migrate import make_roles
from launch.roles import address_of
from launch.servers import Server
from tests.integration.release.test_redis_acl import COMPOSE, as_user, guarded, password_of
from tests.support.processes import Consumers, consumers, environment, sandbox
from tests.support.settling import NOON, Desk, until, xp_payload

__all__ = ["guarded"]

PASSWORD = "password"
#: The commands of the three services, as compose.yaml has them, and the users that they log in as.
SERVICES = {
    name: COMPOSE["services"][name]["command"][3:]
    for name in ("to-discord", "to-telegram", "consumers")
}
DUTIES = {"to-discord": "to_discord", "to-telegram": "to_telegram", "consumers": "consumers"}
SETTLING = ("to-discord", "to-telegram")
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
[[achievements]]
name = "lucky_guess"
title = "Lucky"
bonus_xp = 50
[consumers]
block_ms = 100
relay_interval_ms = 50
look_for_lost_ms = 200
"""
MIRA, ALICE = 1001, 800000000000000101


@pytest.fixture
async def logins(database_url: str, pool: asyncpg.Pool) -> Mapping[str, str]:
    """The address of the database for each service."""
    prefix = "test_split"
    make_roles(database_url, prefix=prefix)
    for duty in DUTIES.values():
        known = await pool.fetchval(
            "SELECT 1 FROM pg_roles WHERE rolname = $1", f"{prefix}_{duty}_login"
        )
        if not known:
            await pool.execute(f"CREATE ROLE {prefix}_{duty}_login LOGIN PASSWORD '{PASSWORD}'")
            await pool.execute(f"GRANT {prefix}_{duty} TO {prefix}_{duty}_login")
    return {
        name: address_of(database_url, f"{prefix}_{duty}_login", PASSWORD)
        for name, duty in DUTIES.items()
    }


@pytest.fixture
async def desk(guarded: Server, pool: asyncpg.Pool) -> AsyncIterator[Desk]:
    async with as_user(guarded, "admin") as redis:
        await redis.flushall()
        yield Desk(pool, redis, Keys())


@asynccontextmanager
async def deployment(
    guarded: Server, logins: Mapping[str, str], tmp_path: Path, *services: str
) -> AsyncIterator[dict[str, Consumers]]:
    """These services, on a sandbox, until the block ends."""
    toml = tmp_path / "twinstream.toml"
    toml.write_text(TOML)
    async with AsyncExitStack() as stack:
        ready: dict[str, Any] = await stack.enter_async_context(sandbox())
        yield {
            name: await stack.enter_async_context(
                consumers(
                    *SERVICES[name],
                    environ=environment(
                        REDIS_URL=guarded.url.replace(password_of(guarded), f"{name}:secret"),
                        DATABASE_URL=logins[name],
                        TWINSTREAM_CONFIG=str(toml),
                        TELEGRAM_TOKEN=None if name == "to-discord" else ready["telegram"]["token"],
                        TELEGRAM_API_BASE=ready["telegram_api_base"],
                        DISCORD_TOKEN=None if name == "to-telegram" else ready["discord"]["token"],
                        DISCORD_API_BASE=ready["discord_api_base"],
                        DISCORD_GATEWAY_URL=ready["discord_gateway_url"],
                    ),
                )
            )
            for name in services
        }


async def test_each_service_does_all_its_work_with_its_own_rights(
    guarded: Server, logins: Mapping[str, str], desk: Desk, tmp_path: Path
) -> None:
    """Events both ways, ranks, a bonus, a burial, and streams that Redis lost."""
    async with deployment(guarded, logins, tmp_path, *SERVICES) as running:
        for name in SETTLING:
            await running[name].saw("role.started", role=name)
        await running["consumers"].saw("stream.built", times=2)
        unlocked = schemas.encode(
            schemas.achievement_unlocked(
                user_id=MIRA, achievement="lucky_guess", source="telegram", occurred_at=NOON
            )
        )
        await desk.add("telegram", xp_payload(15, user_id=MIRA), unlocked, b"no event")
        await desk.add("discord", xp_payload(20, source="discord", user_id=ALICE))
        await running["to-telegram"].saw("surface.shown", platform="telegram")
        await running["to-discord"].saw("entry.buried")

        async def all_arrived() -> bool:
            return await desk.xp("discord", user_id=MIRA) == 65

        await until(all_arrived, what="the bonus arrives")
        await desk.redis.delete(*(desk.keys.stream(source) for source in ("telegram", "discord")))
        await running["consumers"].saw("stream.built", times=4)
        await desk.add("telegram", xp_payload(5, user_id=MIRA, entity_id="2"))

        async def arrived_again() -> bool:
            return await desk.xp("discord", user_id=MIRA) == 70

        await until(arrived_again, what="the stream that was lost is read again")
        codes = [await one.terminate() for one in running.values()]

    assert codes == [0, 0, 0]
    failures = [line for one in running.values() for line in one.events if line["level"] == "error"]
    assert [line["event"] for line in failures] == ["entry.buried"]


@pytest.mark.parametrize("service", SETTLING)
async def test_a_consumer_adds_to_no_stream(guarded: Server, desk: Desk, service: str) -> None:
    await desk.add("telegram", b"{}")
    await desk.add("discord", b"{}")
    async with as_user(guarded, service) as client:
        for source in ("telegram", "discord"):
            stream = desk.keys.stream(source)
            with pytest.raises(AccessDenied):
                await Publisher(client, desk.keys).publish(source, [b"{}"])
            script = "return redis.call('XADD', KEYS[1], '*', 'e', '{}')"
            for command in (
                ["EVAL", script, "1", stream],
                ["XTRIM", stream, "MAXLEN", "0"],
                ["XGROUP", "SETID", stream, "discord", "$"],
                ["DEL", stream],
            ):
                # Within a script the refusal is a plain error.
                with pytest.raises(ResponseError, match=r"(?i)no permissions"):
                    await client.execute_command(*command)
        other = desk.keys.stream("discord" if service == "to-discord" else "telegram")
        with pytest.raises(NoPermissionError):
            await client.execute_command("XRANGE", other, "-", "+")


FORGED_ENTRY = """
    INSERT INTO twinstream.transactions
        (idempotency_key, platform, source, type, account_id, delta_xp, reason, entity_id,
            occurred_at)
    VALUES ('{key}', '{platform}', '{source}', 'xp.changed', 5, 100, '{reason}', '1', now())
"""
FORGED_EVENT = """
    INSERT INTO twinstream.sync_events (idempotency_key, source, type, account_id, payload, status,
        published_at, left_to_relay)
    VALUES ('{key}', '{source}', 'xp.changed', 5, '{{}}', '{status}',
        CASE WHEN '{status}' = 'published' THEN now() END, true)
"""


@pytest.mark.parametrize("service", SETTLING)
async def test_a_consumer_records_no_event(
    logins: Mapping[str, str], pool: asyncpg.Pool, service: str
) -> None:
    mine, source = ("discord", "telegram") if service == "to-discord" else ("telegram", "discord")
    conn = await asyncpg.connect(logins[service])
    try:
        for statement in (
            FORGED_ENTRY.format(key="k", platform=mine, source=mine, reason="game"),
            FORGED_EVENT.format(key="k", source=source, status="pending"),
            FORGED_EVENT.format(key="k", source=mine, status="pending"),
            FORGED_EVENT.format(key="k", source=mine, status="published"),
            f"SELECT twinstream.record_xp('{source}', 5, 100, 'game', '1')",
            f"SELECT twinstream.record_xp('{mine}', 5, 100, 'game', '1')",
            "UPDATE twinstream.transactions SET delta_xp = 1",
            "DELETE FROM twinstream.transactions",
            "DELETE FROM twinstream.sync_events",
            "SELECT * FROM twinstream.link_codes",
            "INSERT INTO twinstream.links (telegram_account_id, discord_account_id) VALUES (1, 2)",
            "SELECT twinstream.forget_person('telegram', 7, 'a secret of the deployment')",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await conn.execute(statement)
        # It may enter the events of its stream, and a bonus.
        await conn.execute(
            FORGED_ENTRY.format(key="k", platform=mine, source=source, reason="game")
        )
        bonus = "tg_achievement_bonus_5_lucky"
        await conn.execute(FORGED_EVENT.format(key=bonus, source="telegram", status="pending"))
        await pool.execute(FORGED_EVENT.format(key="waits", source=source, status="pending"))
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await conn.execute(
                "UPDATE twinstream.sync_events SET payload = 'x' WHERE idempotency_key = 'waits'"
            )
    finally:
        await conn.close()
