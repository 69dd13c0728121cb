"""The ACL of compose.yaml on a real server: nothing can echo, whatever the code does."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis
import yaml
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError

from bus import (
    AccessDenied,
    Client,
    DeadLetters,
    Keys,
    Publisher,
    Reader,
    Source,
    connect,
    connect_reader,
    consumer_name,
    ensure_group,
    measure_lag,
    ping,
    remove_idle_consumers,
    repair_stream,
    trim_stream,
)
from bus.entry import ID_MAX
from launch.servers import Server, start_redis_binary
from tests.support.bus_servers import dead_letters, subscriptions
from tests.support.redis_binaries import redis_binary, valkey_binary

COMPOSE = yaml.safe_load((Path(__file__).parents[3] / "compose.yaml").read_text(encoding="utf-8"))
ACL = re.sub(r"\$\{\w+\}", "secret", COMPOSE["configs"]["redis-acl"]["content"]).splitlines()
KEYS = Keys()


@pytest.fixture(scope="module", params=[redis_binary, valkey_binary], ids=["redis", "valkey"])
def guarded(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server with the users of compose.yaml."""
    binary = Path(request.param())
    users = [line.split()[1:] for line in ACL]
    # The default user comes last: it is who puts the others in.
    users.sort(key=lambda user: user[0] == "default")
    with start_redis_binary(binary, tmp_path_factory.mktemp("acl"), persistent=False) as server:
        with redis.Redis.from_url(server.url, protocol=2) as client:
            client.execute_command("ACL", "SETUSER", "admin", "on", ">secret", "~*", "+@all")
            for name, *rules in users:
                client.execute_command("ACL", "SETUSER", name, "reset", *rules)
        yield server


def password_of(server: Server) -> str:
    return urlsplit(server.url).netloc.rpartition("@")[0]


@asynccontextmanager
async def as_user(server: Server, user: str, *, reading: bool = False) -> AsyncIterator[Client]:
    url = server.url.replace(password_of(server), f"{user}:secret")
    client = (connect_reader if reading else connect)(url, name=user)
    try:
        yield client
    finally:
        await client.aclose()


@pytest.fixture(autouse=True)
async def streams(guarded: Server) -> None:
    async with as_user(guarded, "consumers") as client:
        for subscription in subscriptions(KEYS):
            await ensure_group(client, subscription)


@pytest.mark.parametrize("source", ["telegram", "discord"])
async def test_a_bot_publishes_to_the_stream_of_its_own_platform(guarded, source: Source):
    async with as_user(guarded, f"{source}-bot") as client:
        await ping(client)
        assert len(await Publisher(client, KEYS).publish(source, [b"{}"])) == 1


@pytest.mark.parametrize(("bot", "other"), [("telegram", "discord"), ("discord", "telegram")])
async def test_a_bot_cannot_publish_what_happened_on_the_other_platform(
    guarded, bot: str, other: Source
):
    async with as_user(guarded, f"{bot}-bot") as client:
        with pytest.raises(AccessDenied):
            await Publisher(client, KEYS).publish(other, [b"{}"])


@pytest.mark.parametrize("bot", ["telegram-bot", "discord-bot"])
@pytest.mark.parametrize(
    "command",
    [
        ["XRANGE", KEYS.stream("telegram"), "-", "+"],
        ["XREADGROUP", "GROUP", "telegram", "x", "STREAMS", KEYS.stream("discord"), ">"],
        ["XREAD", "STREAMS", KEYS.stream("telegram"), "0"],
        ["XACK", KEYS.stream("discord"), "telegram", "1-1"],
        ["XTRIM", KEYS.stream("telegram"), "MAXLEN", "0"],
        ["XADD", KEYS.dead, "*", "e", "x"],
        ["XADD", KEYS.snapshots.stream, "*", "e", "x"],
        ["DEL", KEYS.stream("telegram")],
        ["SET", "anything", "1"],
        ["FLUSHALL"],
        ["CONFIG", "GET", "*"],
        ["ACL", "LIST"],
        ["CLIENT", "LIST"],
        ["EVAL", "return 1", "0"],
    ],
    ids=lambda command: " ".join(command[:2]),
)
async def test_a_bot_can_do_nothing_but_publish(guarded, bot: str, command: list[str]):
    async with as_user(guarded, bot) as client:
        with pytest.raises(NoPermissionError):
            await client.execute_command(*command)


@pytest.mark.parametrize(("bot", "other"), [("telegram", "discord"), ("discord", "telegram")])
async def test_a_bot_that_empties_its_own_stream_reaches_no_other(
    guarded: Server, bot: Source, other: Source
) -> None:
    """No ACL tells an XADD with MAXLEN from one without. Postgres has what is lost."""
    async with as_user(guarded, "consumers") as consumers, as_user(guarded, f"{bot}-bot") as client:
        for source in (bot, other):
            await Publisher(consumers, KEYS).publish(source, [b"{}"])
        await client.execute_command("XADD", KEYS.stream(bot), "MAXLEN", "0", "*", "e", "{}")

        assert await consumers.xlen(KEYS.stream(bot)) == 0
        assert await consumers.xlen(KEYS.stream(other)) > 0
        with pytest.raises(NoPermissionError):
            await client.execute_command("XADD", KEYS.stream(other), "MAXLEN", "0", "*", "e", "{}")


async def test_consumers_can_do_all_that_the_bus_does(guarded):
    """From reading to burying; each of these fails when the ACL lacks a command it needs."""
    subscription = KEYS.subscription("telegram")
    stream, group = subscription
    async with (
        as_user(guarded, "consumers") as client,
        as_user(guarded, "consumers", reading=True) as reading,
    ):
        await Publisher(client, KEYS).publish("telegram", [b"1", b"2"])
        reader = Reader(
            reading,
            subscription,
            consumer=consumer_name(group, 1),
            batch_entries=10,
            block_ms=100,
            claim_idle_ms=60_000,
        )
        entries = await reader.read()
        assert len(entries) >= 2
        await reader.renew([entry.id for entry in entries])
        await DeadLetters(client, KEYS).bury(entries[0], group=group, reason="a test")
        await reader.acknowledge([entry.id for entry in entries[1:]])

        [letter] = await dead_letters(client, KEYS)
        assert letter[b"id"].decode() == entries[0].id
        assert (await measure_lag(client, subscription)).unacknowledged == 0
        await trim_stream(client, stream, [group], keep_ms=0)
        await remove_idle_consumers(client, subscription, idle_ms=0)
        await client.xadd(stream, {"e": "x"}, id=ID_MAX)
        assert (await repair_stream(client, subscription)).moved == 1


@pytest.mark.parametrize("missing", ["-del", "-xadd", "-xgroup|create"])
async def test_a_user_who_may_not_mend_a_stream_changes_nothing(guarded, missing: str):
    """A script that is refused in its middle would leave the stream deleted."""
    stream, _ = subscription = KEYS.subscription("discord")
    [rules] = [line.split()[2:] for line in ACL if line.split()[1] == "consumers"]
    async with as_user(guarded, "admin") as admin:
        await admin.execute_command("ACL", "SETUSER", "poor", "reset", *rules, missing)
        await admin.delete(stream)
        await ensure_group(admin, subscription)
        await admin.xadd(stream, {"e": "x"}, id=ID_MAX)
        async with as_user(guarded, "poor") as client:
            with pytest.raises(AccessDenied):
                await repair_stream(client, subscription)
        assert await admin.xlen(stream) == 1
        await admin.delete(stream)


@pytest.mark.parametrize(
    "command", [["FLUSHALL"], ["CONFIG", "GET", "*"], ["SET", "anything", "1"], ["SHUTDOWN"]]
)
async def test_consumers_cannot_reach_beyond_the_streams(guarded, command: list[str]):
    async with as_user(guarded, "consumers") as client:
        with pytest.raises(NoPermissionError):
            await client.execute_command(*command)


@pytest.mark.parametrize(
    "command",
    [
        "XINFO GROUPS sync:telegram",
        "XINFO STREAM sync:telegram",
        "XPENDING sync:telegram discord",
        "XRANGE sync:dead - +",
        "XGROUP DESTROY sync:telegram stranger",
        "DEL sync:dead",
        "INFO memory",
        "INFO commandstats",
        "CONFIG GET maxmemory-policy",
        "CLIENT LIST",
        "CLIENT KILL USER operator",
    ],
)
async def test_the_operator_may_do_what_the_pages_tell_to_type(guarded: Server, command: str):
    async with as_user(guarded, "operator") as client:
        await client.execute_command(*command.split())


@pytest.mark.parametrize(
    "command",
    [
        "XADD sync:telegram * e x",
        "XTRIM sync:telegram MAXLEN 0",
        "XREADGROUP GROUP discord x STREAMS sync:telegram >",
        "XACK sync:telegram discord 1-1",
        "SET anything 1",
        "FLUSHALL",
        "CONFIG SET maxmemory 1mb",
        "ACL LIST",
        "SHUTDOWN",
    ],
)
async def test_the_operator_can_forge_and_reconfigure_nothing(guarded: Server, command: str):
    async with as_user(guarded, "operator") as client:
        with pytest.raises(NoPermissionError):
            await client.execute_command(*command.split())


async def test_without_a_password_one_can_only_ask_whether_redis_is_there(guarded):
    url = guarded.url.replace(f"{password_of(guarded)}@", "")
    async with Redis.from_url(url, protocol=2) as client:
        assert await client.execute_command("PING")
        for command in (["XLEN", KEYS.stream("telegram")], ["INFO"], ["ACL", "WHOAMI"]):
            with pytest.raises(NoPermissionError):
                await client.execute_command(*command)
