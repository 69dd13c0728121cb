"""A real Prometheus scrapes consumers and bots on the sandbox; alerts fire, and end."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import pytest
from redis.asyncio import Redis

from bus import SOURCES, Keys
from launch.sandbox_client import SandboxClient
from launch.sandbox_member import SandboxMember
from launch.sandbox_runner import Endpoints, _wait_for_bots
from launch.servers import Server, free_port, start_redis
from tests.support.alert_rules import rules
from tests.support.processes import CHECKOUT, Consumers, consumers, environment, sandbox
from tests.support.prometheus import Prometheus, prometheus_binary, running_prometheus
from tests.support.settling import until, xp_payload

pytestmark = pytest.mark.nightly

HOUR_MS = 3_600_000
DASHBOARD = CHECKOUT / "deploy/grafana/twinstream.json"
MODULES = ("consumers", "bots.telegram_bot", "bots.discord_bot")
#: Alerts that are brought about in one process only, and judged by promtool (test_alerts.py): their
#: conditions are differences of books, passes, and refusals of platforms.
ELSEWHERE = (
    "TwinstreamDriftLeft",
    "TwinstreamDriftRepaired",
    "TwinstreamFindingsHeld",
    "TwinstreamReconcileLate",
    "TwinstreamReconcileStopped",
    "TwinstreamStopSign",
    "TwinstreamSurfaceWritesLost",
    "TwinstreamSurfacesParked",
    "TwinstreamSurfacesStuck",
)


class Scene(NamedTuple):
    """Everything at work, and the ways to disturb it."""

    prometheus: Prometheus
    processes: dict[str, Consumers]
    redis: Redis
    redis_server: Server
    pool: asyncpg.Pool
    client: SandboxClient
    member: SandboxMember
    environ: dict[str, str]


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[Server]:
    with start_redis(tmp_path / "redis", persistent=False) as server:
        yield server


@pytest.fixture
async def waiting_entry(
    own_redis: Server, pool: asyncpg.Pool
) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """An entry from two hours ago, which only an empty stream takes, of a member who is held.

    Call what it yields to let the member go.
    """
    await pool.execute("SELECT FROM twinstream.record_xp('telegram', 77, 1, 'game', '1')")
    async with Redis.from_url(own_redis.url, protocol=2) as redis:
        for source in SOURCES:
            stream, group = Keys().subscription(source)
            await redis.xgroup_create(stream, group, id="0", mkstream=True)
        old = f"{int(time.time() * 1_000) - 2 * HOUR_MS}-0"
        await redis.xadd(Keys().stream("telegram"), {"e": xp_payload(1, user_id=77)}, id=old)
    async with pool.acquire() as conn:
        holding = conn.transaction()
        await holding.start()
        await conn.execute("SELECT FROM members FOR UPDATE")
        yield holding.rollback


@pytest.fixture
async def scene(
    own_redis: Server, database_url: str, pool: asyncpg.Pool, tmp_path: Path, checkout: Path
) -> AsyncIterator[Scene]:
    binary = prometheus_binary()
    if binary is None:
        pytest.skip("there is no prometheus on this machine (Debian: apt install prometheus)")
    toml = (checkout / "sandbox/twinstream.toml").read_text(encoding="utf-8")
    (tmp_path / "twinstream.toml").write_text(
        toml + "\n[consumers]\nblock_ms = 100\nclaim_idle_ms = 1000\n",
        encoding="utf-8",
    )
    redis = Redis.from_url(own_redis.url, protocol=2)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(redis.aclose)
        ready = await stack.enter_async_context(sandbox())
        endpoints = Endpoints(redis_url=own_redis.url, database_url=database_url, **known(ready))
        environ = environment(
            **endpoints.environment({}) | {"TWINSTREAM_CONFIG": str(tmp_path / "twinstream.toml")}
        )
        processes, targets = {}, []
        for offset, module in enumerate(MODULES):
            port = free_port()
            targets.append(f"127.0.0.1:{port}")
            processes[module] = await stack.enter_async_context(
                consumers(
                    environ=environ | {"TWINSTREAM_METRICS_PORT": str(port - offset)},
                    module=module,
                )
            )
        client = await stack.enter_async_context(SandboxClient(endpoints.control_url))
        await _wait_for_bots(client, 0, tmp_path)
        prometheus = await stack.enter_async_context(running_prometheus(binary, tmp_path, targets))
        member = await SandboxMember.arrive(client, endpoints, "Mira")
        yield Scene(prometheus, processes, redis, own_redis, pool, client, member, environ)


def known(ready: dict[str, Any]) -> dict[str, Any]:
    fields = Endpoints.__struct_fields__
    return {name: value for name, value in ready.items() if name in fields}


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Stop a process in the middle of whatever it does."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def operate(scene: Scene, *command: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "consumers", *command),
        cwd=CHECKOUT,
        env=scene.environ,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    await process.wait()


async def test_an_entry_that_waits(
    waiting_entry: Callable[[], Awaitable[None]], scene: Scene
) -> None:
    await scene.prometheus.fires("TwinstreamFallingBehind")
    await waiting_entry()
    await scene.prometheus.ends("TwinstreamFallingBehind")


async def test_servers_and_processes_that_do_not_answer(scene: Scene) -> None:
    prometheus = scene.prometheus
    with stopped(scene.processes["bots.discord_bot"].process.pid):
        await prometheus.fires("TwinstreamProcessDown")
    with stopped(scene.redis_server.pid):
        await scene.member.win_in_telegram()
        await prometheus.fires(
            "TwinstreamServerDown",
            "TwinstreamRoleWaiting",
            "TwinstreamProducersLeaveEventsToRelay",
        )
    await prometheus.ends(
        "TwinstreamProcessDown",
        "TwinstreamServerDown",
        "TwinstreamRoleWaiting",
        "TwinstreamProducersLeaveEventsToRelay",
    )


async def test_streams_that_others_write_to(scene: Scene) -> None:
    telegram, discord = Keys().stream("telegram"), Keys().stream("discord")
    await scene.redis.xadd(telegram, {"e": "no event"})
    await scene.redis.xgroup_create(telegram, "audit", id="1000-0")
    ahead = f"{int(time.time() * 1_000) + HOUR_MS}-0"
    await scene.redis.xadd(discord, {"e": xp_payload(1, source="discord")}, id=ahead)
    await scene.prometheus.fires(
        "TwinstreamEntryBuried", "TwinstreamStreamHeld", "TwinstreamStreamAheadOfClock"
    )
    await scene.redis.xgroup_destroy(telegram, "audit")
    await operate(scene, "rebuild")
    await scene.prometheus.ends(
        "TwinstreamEntryBuried", "TwinstreamStreamHeld", "TwinstreamStreamAheadOfClock"
    )


async def test_entries_that_go_before_they_are_settled(scene: Scene) -> None:
    subscription = Keys().subscription("telegram")
    with stopped(scene.processes["consumers"].process.pid):
        await scene.member.win_in_telegram()
        await until(
            lambda: has_unread(scene.redis, subscription), what="the event is on its stream"
        )
        await scene.redis.xreadgroup(subscription.group, "ghost", {subscription.stream: ">"})
        await scene.redis.xtrim(subscription.stream, maxlen=0, approximate=False)
    await scene.prometheus.fires("TwinstreamEntriesDeleted", "TwinstreamRedisLostData")
    await scene.prometheus.ends("TwinstreamEntriesDeleted", "TwinstreamRedisLostData")


async def has_unread(redis: Redis, subscription: Any) -> bool:
    groups = await redis.xinfo_groups(subscription.stream)
    last = (await redis.xinfo_stream(subscription.stream))["last-generated-id"]
    [ours] = [one for one in groups if one["name"].decode() == subscription.group]
    return bool(ours["last-delivered-id"] != last)


async def test_updates_that_cannot_be_read(scene: Scene) -> None:
    prometheus, client = scene.prometheus, scene.client
    await client.post(
        "/faults", platform="telegram", method="getUpdates", status=200, when="garbled",
        page='{"ok": true, "result": [{"update_id": 1, "message": {"text": 1}}]}',
    )  # fmt: skip
    await prometheus.fires("TwinstreamUpdatesSkipped")
    await prometheus.ends("TwinstreamUpdatesSkipped")


async def test_each_query_of_the_dashboard_is_understood_and_has_a_value(scene: Scene) -> None:
    await scene.member.win_in_telegram()
    await scene.member.win_in_discord()
    await until(lambda: has_settled(scene.prometheus), what="Prometheus has seen both events")
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    empty = []
    for panel in panels:
        for target in panel.get("targets", ()):
            answer = await scene.prometheus.query(target["expr"])
            assert answer["status"] == "success", (panel["title"], answer)
            if not answer["data"]["result"]:
                empty.append((panel["title"], target["expr"]))
    # A stream that no other program holds has no such figure.
    assert [one for one in empty if "stream_held" not in one[1]] == []


async def has_settled(prometheus: Prometheus) -> bool:
    seen = await prometheus.values("twinstream_events_entered_total")
    return len(seen) == len(SOURCES) and all(seen)


def test_every_alert_is_named_here() -> None:
    text = Path(__file__).read_text(encoding="utf-8")

    assert [name for name in rules() if f'"{name}"' not in text] == []
