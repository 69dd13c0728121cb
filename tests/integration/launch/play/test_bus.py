"""The panel of the bus follows events on real servers, and goes on while one of them is away."""

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

import schemas
from bus import Client, Keys
from chaos.proxy import Proxy
from db import Producer
from launch.play.board import Board
from launch.play.bus.panel import Bus
from launch.play.bus.stories import DRAWN_AT_ONCE, STORIES_SHOWN
from launch.play.panels import DeedRefused
from launch.servers import Server
from tests.integration.launch.play.conftest import Platforms, Shown, watching
from tests.support.settling import NOON, until

ALICE = 1001


async def win(producer: Producer, entity_id: str, **more: Any) -> str:
    """Record and publish an event of Alice's on Telegram. Returns its key."""
    given: dict[str, Any] = {"user_id": ALICE, "delta_xp": 15, "source": "telegram"}
    given |= {"reason": "game_guess", "entity_id": entity_id, "display_name": "Alice"}
    recorded = await producer.create_xp_change_event(**(given | more))
    return str(recorded.idempotency_key)


async def read_and_acknowledge(redis: Client, keys: Keys) -> None:
    stream, group = keys.subscription("telegram")
    reply: Any = await redis.xreadgroup(group, "to-discord-1", {stream: ">"})
    await redis.xack(stream, group, *(entry_id for entry_id, _ in reply[0][1]))


async def test_each_step_appears_in_the_order_in_which_it_happens(
    shown: Shown, producer: Producer, redis: Client, keys: Keys, platforms: Platforms
) -> None:
    await platforms.hear("/guess 7")
    key = await win(producer, "7")
    await shown.until(lambda: "entry" in shown.kinds(key), "the entry")
    stream, group = keys.subscription("telegram")
    reply: Any = await redis.xreadgroup(group, "to-discord-1", {stream: ">"})
    [(entry_id, _)] = reply[0][1]
    await shown.until(lambda: "read" in shown.kinds(key), "the reader")
    await redis.xack(stream, group, entry_id)
    await shown.until(lambda: "acknowledged" in shown.kinds(key), "the acknowledgement")

    [story] = shown.stories()
    assert shown.kinds(key) == [
        *("asked", "recorded", "ledger", "books", "wanted", "entry", "read", "acknowledged")
    ]
    steps = {step["kind"]: step for step in story["steps"]}
    assert steps["read"]["consumers"] == ["to-discord-1"]
    assert steps["entry"]["id"] == entry_id.decode()
    assert steps["books"]["xp"] == 15
    assert story["amount"] == {"kind": "xp", "value": 15}
    assert (story["source"], story["account"]) == ("telegram", "1001")


async def test_an_entry_that_is_acknowledged_at_once_has_its_reader(
    shown: Shown, producer: Producer, redis: Client, keys: Keys
) -> None:
    key = await win(producer, "7")
    await read_and_acknowledge(redis, keys)
    await shown.until(lambda: "acknowledged" in shown.kinds(key), "the acknowledgement")
    await shown.until(lambda: "read" in shown.kinds(key), "the reader")


async def test_the_streams_show_who_reads_and_what_waits(
    shown: Shown, producer: Producer, redis: Client, keys: Keys
) -> None:
    def lane() -> dict[str, Any]:
        found: dict[str, Any] = shown.folder("bus/streams").get("telegram", {})
        return found

    await win(producer, "7")
    await shown.until(lambda: lane().get("unread") == 1, "an unread entry")
    stream, group = keys.subscription("telegram")
    await redis.xreadgroup(group, "to-discord-1", {stream: ">"})
    await shown.until(lambda: lane()["unacknowledged"] == 1, "an unacknowledged entry")

    assert lane()["consumers"] == [{"name": "to-discord-1", "holds": 1}]
    assert (lane()["entries"], lane()["unread"]) == (1, 0)
    await redis.delete(stream)
    await shown.until(lambda: lane()["missing"], "a stream that is gone")


async def test_what_happened_before_is_shown_without_claims_about_then(
    bus: Bus, board: Board, producer: Producer, redis: Client, keys: Keys
) -> None:
    key = await win(producer, "7")
    await read_and_acknowledge(redis, keys)
    async with watching(bus, board) as shown:
        await shown.until(lambda: "acknowledged" in shown.kinds(key), "the acknowledgement")
        steps = {step["kind"]: step for step in shown.stories()[0]["steps"]}

    assert steps["acknowledged"]["at"] is None
    assert steps["books"]["xp"] is None


@pytest.fixture
async def proxied(
    board: Board,
    redis: Client,
    redis_server: Server,
    database_url: str,
    platforms: Platforms,
    keys: Keys,
) -> AsyncIterator[tuple[Shown, dict[str, Proxy]]]:
    """The panel behind a network that fails on command."""

    def through(url: str, proxy: Proxy) -> str:
        return url.replace(f":{urlsplit(url).port}", f":{proxy.port}", 1)

    urls = {"redis": redis_server.url, "postgres": database_url, "sandbox": platforms.control.url}
    async with contextlib.AsyncExitStack() as stack:
        proxies = {
            name: await stack.enter_async_context(Proxy(urlsplit(url).port or 0))
            for name, url in urls.items()
        }
        bus = Bus(
            board,
            redis_url=through(urls["redis"], proxies["redis"]),
            database_url=through(urls["postgres"], proxies["postgres"]),
            control_url=through(urls["sandbox"], proxies["sandbox"]),
            keys=keys,
        )
        yield await stack.enter_async_context(watching(bus, board)), proxies


@pytest.mark.parametrize("name", ["redis", "postgres", "sandbox"])
async def test_a_source_that_is_away_is_told_and_the_others_go_on(
    proxied: tuple[Shown, dict[str, Proxy]],
    name: str,
    producer: Producer,
    redis: Client,
    keys: Keys,
    platforms: Platforms,
) -> None:
    shown, proxies = proxied
    there, nowhere = proxies[name].target_port, 1
    proxies[name].target_port = nowhere
    proxies[name].cut()
    await shown.until(lambda: shown.away() == {name}, f"{name} is away")
    await platforms.hear("/guess 7")
    key = await win(producer, "7")
    await read_and_acknowledge(redis, keys)
    if name == "redis":
        await shown.until(lambda: "recorded" in shown.kinds(key), "the record")
    if name == "postgres":
        await shown.until(lambda: shown.folder("bus/streams")["telegram"]["entries"], "an entry")
    if name == "sandbox":
        await shown.until(lambda: "acknowledged" in shown.kinds(key), "the acknowledgement")

    proxies[name].target_port = there
    await shown.until(lambda: not shown.away(), f"{name} is back")
    await shown.until(lambda: "acknowledged" in shown.kinds(key), "the acknowledgement")
    second = await win(producer, "8")
    await shown.until(lambda: "entry" in shown.kinds(second), "the next event")


async def test_a_redis_that_was_emptied_is_followed_from_its_beginning(
    shown: Shown, producer: Producer, redis: Client, keys: Keys
) -> None:
    await redis.xadd(keys.stream("telegram"), {"e": "no event"}, id="99999999999999-0")
    await shown.until(lambda: shown.folder("bus/streams")["telegram"]["trouble"], "a late id")
    await redis.delete(keys.stream("telegram"))
    await redis.xgroup_create(*keys.subscription("telegram"), id="0", mkstream=True)
    await shown.until(lambda: not shown.folder("bus/streams")["telegram"]["entries"], "no entry")
    key = await win(producer, "7")
    await shown.until(lambda: "entry" in shown.kinds(key), "the entry")


async def test_of_a_burst_a_few_are_drawn_and_all_counted(shown: Shown, producer: Producer) -> None:
    burst = [
        schemas.xp_changed(
            user_id=number,
            delta_xp=1,
            source="telegram",
            reason="message",
            entity_id=str(number),
            occurred_at=NOON,
        )
        for number in range(1, 1_001)
    ]
    await producer.create_events(burst)

    def counted() -> bool:
        return bool(shown.folder("bus/pace")["now"]["recorded"] == len(burst))

    await shown.until(counted, "all are counted")
    pace = shown.folder("bus/pace")["now"]
    assert pace["passed_over"] >= len(burst) - DRAWN_AT_ONCE - 40
    assert pace["passed_over"] + len(shown.stories()) == len(burst)
    assert len(shown.stories()) <= STORIES_SHOWN


# Raw forms


Ask = Callable[[dict[str, Any]], Any]


@pytest.fixture
async def ask(bus: Bus, shown: Shown) -> Ask:
    return bus.deeds["raw"]


async def test_each_step_has_its_raw_form(
    shown: Shown, producer: Producer, keys: Keys, platforms: Platforms, ask: Ask
) -> None:
    await platforms.hear("/guess 7 \u202e")
    key = await win(producer, "7")
    await shown.until(lambda: {"asked", "entry"} <= set(shown.kinds(key)), "the steps")
    [story] = shown.stories()
    steps = {step["kind"]: step for step in story["steps"]}

    entry_id = steps["entry"]["id"]
    entry = await ask({"kind": "entry", "source": "telegram", "id": entry_id})
    assert entry["asked"] == f"XRANGE {keys.stream('telegram')} {entry_id} {entry_id}"
    assert entry["command"] == f'make redis ARGS="{entry["asked"]}"'
    assert key in entry["answer"]
    group = await ask({"kind": "group", "source": "telegram"})
    assert "last-delivered-id" in group["answer"]
    ledger = await ask({"kind": "ledger", "event": story["id"]})
    assert key in ledger["answer"]
    assert ledger["command"] == f'make psql ARGS="{ledger["asked"]}"'
    books = await ask({"kind": "books", "member": story["member"]})
    assert "discord_xp" in books["answer"]
    assert key in (await ask({"kind": "event", "event": story["id"]}))["answer"]
    assert key in (await ask({"kind": "surfaces", "member": story["member"]}))["answer"]
    call = await ask({"kind": "call", "number": steps["asked"]["number"]})
    assert "/guess 7 \\u202e" in call["answer"]
    assert call["command"].startswith(f"curl -s '{platforms.control.url}/transcript?")


UNFIT: list[dict[str, Any]] = [
    {},
    {"kind": "unknown"},
    {"kind": ["entry"]},
    {"kind": "entry", "source": "snapshots", "id": "1-1"},
    {"kind": "entry", "source": "telegram", "id": "1-1 COUNT 1"},
    {"kind": "entry", "source": "telegram", "id": "- +"},
    {"kind": "entry", "source": "telegram", "id": "+"},
    {"kind": "event", "event": "1 OR true"},
    {"kind": "event", "event": -1},
    {"kind": "event", "event": True},
    {"kind": "event", "event": 2**63},
    {"kind": "event", "event": None},
    {"kind": "books", "member": [1]},
    {"kind": "call"},
    {"kind": "call", "number": 10**6},
]


async def test_anything_else_is_refused_with_a_sentence(ask: Ask) -> None:
    for asked in UNFIT:
        with pytest.raises(DeedRefused):
            await ask(asked)


async def test_a_key_that_means_harm_is_part_of_no_command(
    shown: Shown, producer: Producer, pool: asyncpg.Pool, ask: Ask
) -> None:
    harm = "x'\"; DROP TABLE t; $(rm -rf ~) `id` \u202e\x1b[31m"
    await pool.execute(
        "INSERT INTO twinstream.sync_events (idempotency_key, source, type, payload, status,"
        " error_message) VALUES ($1, 'telegram', 'xp.changed', $1, 'failed', $1)",
        harm,
    )
    await shown.until(lambda: "failed" in shown.kinds(harm), "the buried event")
    [story] = shown.stories()
    form = await ask({"kind": "event", "event": story["id"]})

    assert "rm -rf" not in form["command"]
    assert "\\x1b" in form["answer"]
    assert "\\u202e" in form["answer"]
    assert "\x1b" not in form["answer"]


async def test_the_connections_end_with_the_panel(
    bus: Bus, board: Board, redis: Client, pool: asyncpg.Pool
) -> None:
    async with watching(bus, board):
        assert await ours(pool, redis)

    async def none_left() -> bool:
        return not await ours(pool, redis)

    await until(none_left, what="no connection is left")


async def ours(pool: asyncpg.Pool, redis: Client) -> list[str]:
    """The panel's connections to both servers."""
    rows = await pool.fetch(
        "SELECT application_name FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name LIKE 'twinstream/%/play'"
    )
    clients: Any = await redis.client_list()
    names = [one["name"] for one in clients if one["name"].startswith("twinstream/play")]
    return [*(row["application_name"] for row in rows), *names]
