"""The process as an operator starts it: its log, its ends, and the outages that it survives."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from redis.asyncio import Redis

import schemas
from bus import SOURCES, Keys, connect, ensure_group
from consumers.runtime.roles import ROLES
from db.pool import newest_migration
from db.release_number import RELEASE
from launch.servers import (
    Server,
    free_port,
    start_redis,
    start_redis_binary,
)
from tests.support.postgres_programs import start_chosen_postgres
from tests.support.processes import (
    CHECKOUT,
    SERVICE_ROLES,
    Consumers,
    consumers,
    environment,
    sandbox,
)
from tests.support.redis_binaries import topology_binary
from tests.support.settling import Desk, until, xp_payload
from tests.support.variants import variants

TOML = """
[telegram]
chat_id = -1001000000001
[discord]
guild_id = 900000000000000001
[[ranks]]
name = "Newcomer"
xp = 10
telegram_tag = "Newcomer"
[consumers]
block_ms = 100
relay_interval_ms = 20
relay_after_ms = 100
"""


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    path = tmp_path / "twinstream.toml"
    path.write_text(TOML)
    return path


@pytest.fixture
async def own_redis(own_redis_url: str):
    redis = connect(own_redis_url, name="test")
    for source in SOURCES:
        await ensure_group(redis, Keys().subscription(source))
    yield redis
    await redis.aclose()


@pytest.fixture
def environ(own_redis_url: str, database_url: str, toml: Path) -> dict[str, str]:
    return environment(
        REDIS_URL=own_redis_url, DATABASE_URL=database_url, TWINSTREAM_CONFIG=str(toml)
    )


@pytest.fixture
def outside(pool: asyncpg.Pool, own_redis: Redis) -> Desk:
    return Desk(pool, own_redis, Keys())


async def settled_and_unacknowledged(outside: Desk) -> int:
    stream, group = outside.keys.subscription("telegram")
    payloads: list[Any] = []
    unacknowledged: Any = await outside.redis.xpending_range(stream, group, "-", "+", 500)
    for entry in unacknowledged:
        found: Any = await outside.redis.xrange(stream, entry["message_id"], entry["message_id"])
        [(_, fields)] = found
        payloads.append(fields[b"e"])
    return int(
        await outside.pool.fetchval(
            "SELECT count(*) FROM transactions"
            " WHERE platform = 'discord' AND idempotency_key = ANY ($1)",
            [schemas.decode(payload).idempotency_key for payload in payloads],
        )
    )


async def test_it_announces_its_settings_and_ends_cleanly(environ, outside: Desk):
    async with consumers(*SERVICE_ROLES, environ=environ, imports=True) as running:
        await running.settled()
        await outside.add("telegram", *(xp_payload(1, entity_id=str(n)) for n in range(300)))

        async def begun() -> bool:
            return await outside.xp("discord") > 0

        await until(begun, what="some events are settled")
        code = await running.terminate()

    assert code == 0
    assert running.cut_off == []
    # The step was finished: its entries are committed and acknowledged. Others may have been on
    # their way to the process when it stopped reading; the next one claims them.
    assert await settled_and_unacknowledged(outside) == 0
    assert running.events[0]["release"] == RELEASE
    [started] = [line for line in running.events if line.get("role") == "to-discord"][:1]
    assert started["stream"] == "sync:telegram"
    assert started["group"] == "discord"
    assert started["block_ms"] == 100
    assert running.events[-1]["event"] == "consumers.stopped"
    assert "Traceback" not in running.text


async def test_processes_with_equal_settings_number_themselves_and_a_returning_one_goes_on(
    environ, outside: Desk
):
    stream, group = outside.keys.subscription("telegram")
    async with (
        consumers("to-discord", environ=environ) as one,
        consumers("to-discord", environ=environ) as two,
    ):
        await one.saw("role.started", role="to-discord")
        await two.saw("role.started", role="to-discord")
        slots = {process: leased_slot(process) for process in (one, two)}
        assert sorted(slots.values()) == [1, 2]

        one.process.kill()
        await one.ended()
        # As if it had died with these entries in hand, which no other consumer claims for 30 s.
        await two.terminate()
        await outside.add("telegram", *(xp_payload(1, entity_id=str(n)) for n in range(5)))
        await outside.redis.xreadgroup(group, f"to-discord-{slots[one]}", {stream: ">"})

        async with (
            consumers("to-discord", environ=environ) as back,
            consumers("to-discord", environ=environ) as beside,
        ):
            await back.saw("slots.leased")
            await beside.saw("slots.leased")

            async def arrived() -> bool:
                return await outside.xp("discord") == 5

            await until(arrived, what="the entries of the dead process are settled")
            assert {leased_slot(back), leased_slot(beside)} == {1, 2}


async def test_a_process_that_loses_its_number_goes_on_under_another_one(environ, outside: Desk):
    async with (
        consumers("to-discord", environ=environ) as running,
        outside.pool.acquire() as rival,
    ):
        await running.saw("role.started", role="to-discord")
        waiting = asyncio.create_task(
            rival.execute("SELECT pg_advisory_lock(hashtext('twinstream.slots.discord'), 1)")
        )

        async def waits() -> bool:
            return bool(await outside.pool.fetchval("SELECT 1 FROM pg_locks WHERE NOT granted"))

        await until(waits, what="another process wants the number")
        await outside.pool.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name LIKE '%/slots' AND datname = current_database()"
        )
        await waiting
        await running.saw("slot.lost")
        await running.saw("slots.leased", times=2)
        await outside.add("telegram", xp_payload(5))

        async def arrived() -> bool:
            return await outside.xp("discord") == 5

        await until(arrived, what="it settles under its new number")
        assert leased_slot(running) == 2


def leased_slot(running: Consumers) -> int:
    """The number of the process's consumers of telegram's events, as it says itself."""
    *_, line = [line for line in running.events if line["event"] == "slots.leased"]
    return int(line["slots"]["discord"])


async def test_both_directions_run_in_one_process(environ, outside: Desk):
    async with consumers(*SERVICE_ROLES, environ=environ) as running:
        await running.settled()
        await outside.add("telegram", xp_payload(15))
        await outside.add("discord", xp_payload(3, source="discord", user_id=5))

        async def equal() -> bool:
            return await outside.total_xp("telegram") == await outside.total_xp("discord") == 18

        await until(equal, what="both books hold 18 XP")


async def test_no_direction_waits_for_a_burst_in_the_other(environ, outside: Desk):
    await outside.add("telegram", *(xp_payload(1, entity_id=str(n)) for n in range(3_000)))
    await outside.add("discord", xp_payload(3, source="discord", user_id=5))
    async with consumers(*SERVICE_ROLES, environ=environ):

        async def settled() -> bool:
            return await outside.xp("telegram", 5, on="discord") == 3

        await until(settled, what="the lone event of Discord")
        assert await outside.xp("discord") < 3_000


async def hold_up_each_step(outside: Desk) -> None:
    """Let each step take longer than any test; a lock would be waited for two seconds only."""
    await outside.pool.execute(
        """
        CREATE FUNCTION doze() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN PERFORM pg_sleep(25); RETURN NEW; END
        $$;
        CREATE TRIGGER doze BEFORE INSERT ON transactions EXECUTE FUNCTION doze();
        """
    )


async def test_a_second_signal_leaves_at_once(environ, outside: Desk):
    """The first signal waits for the step under way."""
    async with consumers("to-discord", environ=environ) as running:
        await running.saw("role.started", role="to-discord")
        await hold_up_each_step(outside)
        await outside.add("telegram", xp_payload(15))

        async def delivered() -> bool:
            return await outside.unacknowledged("telegram") == 1

        await until(delivered, what="the entry is in the consumer's hands")
        running.process.send_signal(signal.SIGTERM)
        await running.saw("stop.requested")
        assert running.process.returncode is None
        running.process.send_signal(signal.SIGTERM)
        assert await running.ended() == 130


async def test_a_step_that_does_not_end_is_cancelled(environ, outside: Desk):
    async with consumers("to-discord", environ=environ) as running:
        await running.saw("role.started", role="to-discord")
        await hold_up_each_step(outside)
        await outside.add("telegram", xp_payload(15))

        async def delivered() -> bool:
            return await outside.unacknowledged("telegram") == 1

        await until(delivered, what="the entry is in the consumer's hands")
        code = await running.terminate()

    assert code == 0
    assert any(line["event"] == "role.cut_off" for line in running.events)
    assert await outside.unacknowledged("telegram") == 1


#: The roles, the changes of the environment, and the sentence that ends the process.
UNFIT_SETTINGS: dict[str, tuple[list[str], dict[str, str | None], str]] = {
    "role": (["to-mars"], {}, "there is no role to-mars; the roles are to-discord, to-telegram,"),
    "no redis": (["relay"], {"REDIS_URL": None}, "REDIS_URL is not set"),
    "no database": (["relay"], {"DATABASE_URL": None}, "DATABASE_URL is not set"),
    "no discord": (["discord-roles"], {}, "DISCORD_TOKEN is not set"),
    "no telegram": (["telegram-tags"], {}, "TELEGRAM_TOKEN is not set"),
    "toml": (["relay"], {"TWINSTREAM_CONFIG": "/nowhere/twinstream.toml"}, "does not exist"),
    "redis": (["relay"], {"REDIS_URL": "localhost:6379"}, "a Redis URL looks like"),
    "database": (["relay"], {"DATABASE_URL": "mysql://x"}, "DATABASE_URL cannot be read"),
    "log level": (["relay"], {"TWINSTREAM_LOG_LEVEL": "loud"}, "TWINSTREAM_LOG_LEVEL"),
    "telegram": (
        ["telegram-tags"],
        {"TELEGRAM_TOKEN": "no token"},
        "TELEGRAM_TOKEN does not look like",
    ),
}


@pytest.mark.parametrize(
    ("roles", "changes", "sentence"),
    variants(
        UNFIT_SETTINGS.items(), every_day=("role", "no redis", "no discord", "toml", "database")
    ),
)
async def test_unfit_settings_end_it_with_one_sentence(environ, roles, changes, sentence):
    environ = {k: v for k, v in (environ | changes).items() if v is not None}
    async with consumers(*roles, environ=environ) as running:
        assert await running.ended() == 2

    assert sentence in running.text
    assert "Traceback" not in running.text


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("xp = ", "cannot be read"),
        ("[consumers]\nbatch_entries_max = 0", "batch_entries_max"),
        ("[consumers]\nblock_ms = 9000", "block_ms"),
    ],
)
async def test_an_unfit_toml_ends_it_with_one_sentence(environ, tmp_path, line, sentence):
    unfit = tmp_path / "unfit.toml"
    unfit.write_text(TOML.partition("[consumers]")[0] + line)
    environ |= {"TWINSTREAM_CONFIG": str(unfit)}
    async with consumers("to-discord", environ=environ) as running:
        assert await running.ended() == 2

    assert sentence in running.text
    assert "Traceback" not in running.text


async def test_an_outdated_schema_ends_it_with_one_sentence(environ, pool: asyncpg.Pool):
    await pool.execute("DELETE FROM schema_migrations WHERE version = $1", newest_migration())
    async with consumers("relay", environ=environ) as running:
        assert await running.ended() == 2

    assert "run `make migrate`" in running.text
    assert "Traceback" not in running.text


async def test_a_stream_name_that_is_taken_stops_its_own_direction_only(environ, outside: Desk):
    stream = Keys().stream("telegram")
    await outside.redis.delete(stream)
    await outside.redis.set(stream, "not a stream")
    async with consumers(*SERVICE_ROLES, environ=environ) as running:
        await running.saw("role.delayed", role="to-discord")
        await outside.add("discord", xp_payload(3, source="discord", user_id=5))

        async def settled() -> bool:
            return await outside.xp("telegram", 5, on="discord") == 3

        await until(settled, what="the event of Discord")
        await outside.redis.delete(stream)
        await running.saw("role.resumed", role="to-discord")
        await outside.add("telegram", xp_payload(15))

        async def both() -> bool:
            return await outside.total_xp("discord") == 18

        await until(both, what="the event of Telegram")
        code = await running.terminate()

    assert code == 0
    [why] = {e["why"] for e in running.events if e.get("role") == "to-discord" and "why" in e}
    assert "sync:telegram is not a stream" in why
    assert "delete this one" in why
    assert "Traceback" not in running.text


async def test_a_stream_that_takes_no_more_ids_stops_no_process(environ, outside: Desk):
    largest = "18446744073709551615-18446744073709551615"
    stream = Keys().stream("telegram")
    await outside.redis.xadd(stream, {"e": xp_payload(15, entity_id="1")}, id=largest)
    async with consumers(*SERVICE_ROLES, environ=environ) as running:
        await running.saw("stream.recreated")
        await running.settled()
        await outside.add("telegram", xp_payload(1, entity_id="2"))

        async def settled() -> bool:
            return await outside.xp("discord") == 16

        await until(settled, what="the events of Telegram")
        code = await running.terminate()

    assert code == 0


async def test_an_error_that_no_retry_cures_ends_the_whole_process(environ, tmp_path: Path):
    """Never half dead: a supervisor sees the exit code, and the log has the traceback."""
    old_server = tmp_path / "old-server"
    binary = topology_binary()
    old_server.write_text(f'#!/bin/sh\nexec {binary} "$@" --rename-command XAUTOCLAIM ""\n')
    old_server.chmod(0o755)
    with start_redis_binary(old_server, tmp_path / "redis", persistent=False) as redis:
        environ |= {"REDIS_URL": redis.url}
        async with consumers(*SERVICE_ROLES, environ=environ) as running:
            assert await running.ended() == 1

    failed = [line for line in running.events if line["event"] == "role.failed"]
    assert "unknown command 'XAUTOCLAIM'" in failed[0]["exception"]
    assert "failed" in running.lines[-1]


async def test_a_platform_that_does_not_answer_holds_up_no_other_role(environ, outside: Desk):
    nowhere = f"http://127.0.0.1:{free_port()}/api/v10"
    environ |= {"DISCORD_TOKEN": "SANDBOX.DISCORD.TOKEN", "DISCORD_API_BASE": nowhere}
    async with consumers("to-discord", "discord-roles", environ=environ) as running:
        await running.saw("role.delayed", role="discord-roles")
        await outside.add("telegram", xp_payload(15))

        async def settled() -> bool:
            return await outside.xp("discord") == 15

        await until(settled, what="the event is settled while Discord is away")
        code = await running.terminate()

    assert code == 0
    assert "Unclosed" not in running.text


async def test_all_roles_run_and_end_without_a_warning(environ, outside: Desk, tmp_path):
    alive = tmp_path / "alive"
    async with sandbox() as ready:
        environ |= {
            "TELEGRAM_TOKEN": ready["telegram"]["token"],
            "TELEGRAM_API_BASE": ready["telegram_api_base"],
            "DISCORD_TOKEN": ready["discord"]["token"],
            "DISCORD_API_BASE": ready["discord_api_base"],
            "DISCORD_GATEWAY_URL": ready["discord_gateway_url"],
            "TWINSTREAM_HEARTBEAT_FILE": str(alive),
        }
        async with consumers(environ=environ, imports=True) as running:
            for role in ROLES:
                await running.saw("role.started", role=role)
            await outside.add("telegram", xp_payload(15))
            await running.saw("surface.shown", platform="telegram")
            code = await running.terminate()

    assert code == 0
    assert running.cut_off == []
    assert alive.exists()
    assert {line["level"] for line in running.events} == {"info"}
    assert all(line.startswith("{") for line in running.lines)


async def test_settling_does_not_wait_for_a_slow_import(environ, outside: Desk):
    environ |= {"TELEGRAM_TOKEN": "42:SANDBOX-TELEGRAM"}
    async with consumers("telegram-tags", *SERVICE_ROLES, environ=environ, imports=True) as running:
        await running.settled()
        started = [line["role"] for line in running.events if line["event"] == "role.started"]

    assert "telegram-tags" not in started


async def test_it_waits_for_servers_that_are_not_there_yet(toml: Path, tmp_path: Path):
    redis_port, postgres_port = free_port(), free_port()
    environ = environment(
        REDIS_URL=f"redis://:secret@127.0.0.1:{redis_port}/0",
        DATABASE_URL=f"postgresql://postgres@127.0.0.1:{postgres_port}/twinstream",
        TWINSTREAM_CONFIG=str(toml),
    )
    async with consumers("to-discord", environ=environ) as running:
        await running.saw("role.delayed", role="consumers")
        with start_redis(tmp_path / "redis", port=redis_port, persistent=False, password="secret"):
            code = await running.terminate()

    assert code == 0
    assert running.cut_off == []
    assert sum(line["level"] == "warning" for line in running.events) <= 2


async def test_losing_redis_while_running_loses_no_event(environ, outside: Desk):
    async with consumers(*SERVICE_ROLES, environ=environ) as running:
        await running.settled()
        await outside.add("telegram", xp_payload(15, entity_id="before"))

        async def settled() -> bool:
            return await outside.xp("discord") == 15

        await until(settled, what="the event before the loss")
        await outside.pool.execute(
            "UPDATE sync_events SET status = 'published', processed_by = NULL, processed_at = NULL,"
            " payload = $1",
            xp_payload(15, entity_id="before").decode(),
        )
        await outside.lose_everything()
        await running.saw("stream.built", stream="sync:telegram")
        await running.saw("stream.built", stream="sync:discord")

        async def published_again() -> bool:
            return await outside.statuses() == {"completed": 1}

        await until(published_again, what="the unfinished event is published and settled again")
        await outside.add("telegram", xp_payload(5, entity_id="after"))

        async def all_settled() -> bool:
            return await outside.xp("discord") == 20

        await until(all_settled, what="the event after the loss")


@pytest.mark.postgres
async def test_postgres_away_and_back_loses_nothing(toml: Path, tmp_path: Path, own_redis_url):
    from launch.migrate import migrate

    port = free_port()
    folder = tmp_path / "postgres"
    server: Server = start_chosen_postgres(folder, port=port)
    redis = connect(own_redis_url, name="test")
    try:
        migrate(server.url)
        environ = environment(
            REDIS_URL=own_redis_url, DATABASE_URL=server.url, TWINSTREAM_CONFIG=str(toml)
        )
        async with consumers(*SERVICE_ROLES, environ=environ) as running:
            await running.settled()
            server.stop()
            stream = Keys().stream("telegram")
            for number in range(50):
                await redis.xadd(stream, {"e": xp_payload(1, entity_id=str(number))})
            await running.saw("role.delayed", role="to-discord")
            server = start_chosen_postgres(folder, port=port)
            await running.saw("role.resumed", role="to-discord")
            pool = await asyncpg.create_pool(server.url, min_size=1)
            outside = Desk(pool, redis, Keys())

            async def settled() -> bool:
                return await outside.xp("discord") == 50

            async def acknowledged() -> bool:  # follows the commit
                return await outside.unacknowledged("telegram") == 0

            await until(settled, what="the batch that was in hand")
            await until(acknowledged, what="its acknowledgement")
            await pool.close()
            code = await running.terminate()
        assert code == 0
    finally:
        await redis.aclose()
        server.stop()


def test_settling_imports_neither_platform_library():
    """aiogram alone costs seconds and 100 MB; a process that settles needs neither."""
    probe = """
import sys
from consumers import __main__
from consumers.runtime import process, roles
import consumers.settling.role, consumers.relay.role, consumers.display.role
print(sorted({"aiogram", "discord"} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", probe], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
