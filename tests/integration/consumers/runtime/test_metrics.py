"""Metrics: served when configured, right, documented, and unknown during an outage."""

import asyncio
import math
import socket
import time
import urllib.request
from pathlib import Path

import msgspec
import pytest
from prometheus_client import REGISTRY
from redis.asyncio import Redis

from bots.runtime.metrics import CountingPublisher
from bus import SOURCES, Keys, StreamMissing, connect, ensure_group
from config import ConfigError, Settings, metrics
from consumers.cleanup.role import Cleanup
from consumers.relay.role import Relay
from consumers.runtime.gauges import Gauges
from consumers.runtime.resources import Resources
from consumers.runtime.runner import Backoff
from consumers.settling.role import Settling
from db import Producer
from launch.servers import free_port
from tests.support.processes import SERVICE_ROLES, consumers, environment
from tests.support.settling import Desk, until, xp_payload

TOML = """
[telegram]
chat_id = -1001000000001
[discord]
guild_id = 900000000000000001
[[ranks]]
name = "Newcomer"
xp = 10
"""


def figure(name: str, **labels: str) -> float:
    value = REGISTRY.get_sample_value(name, labels)
    return 0.0 if value is None else value


def read(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        return answer.read().decode()


def test_every_figure_is_documented(checkout: Path):
    operate = (checkout / "docs/operate.md").read_text(encoding="utf-8")
    ours = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in REGISTRY.collect()
        if family.name.startswith("twinstream_")
    }

    assert len(ours) > 15
    assert {name for name in ours if f"`{name}`" not in operate} == set()


async def test_a_process_with_a_port_serves_its_metrics(
    own_redis_url: str, database_url: str, tmp_path: Path, pool
):
    toml = tmp_path / "twinstream.toml"
    toml.write_text(TOML)
    redis = connect(own_redis_url, name="test")
    for source in SOURCES:
        await ensure_group(redis, Keys().subscription(source))
    desk = Desk(pool, redis, Keys())
    port = free_port()
    environ = environment(
        REDIS_URL=own_redis_url,
        DATABASE_URL=database_url,
        TWINSTREAM_CONFIG=str(toml),
        TWINSTREAM_METRICS_PORT=str(port),
    )
    async with consumers(*SERVICE_ROLES, environ=environ) as running:
        await running.saw("role.started", role="watch")
        await desk.add("telegram", xp_payload(15), b"no event")

        async def served() -> bool:
            text = await asyncio.to_thread(read, port)
            return (
                'twinstream_events_entered_total{source="telegram"} 1.0' in text
                and 'twinstream_entries_buried_total{source="telegram"} 1.0' in text
                and 'twinstream_server_up{server="redis"} 1.0' in text
                and 'twinstream_entries_unread{stream="sync:telegram"}' in text
            )

        await until(served, what="the figures are served")
        code = await running.terminate()
        with pytest.raises(OSError, match="refused"):
            await asyncio.to_thread(read, port)

    assert (code, running.cut_off) == (0, [])
    await redis.aclose()


def test_without_a_port_nothing_is_served_and_a_taken_one_is_one_sentence():
    with metrics(Settings()):
        pass
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(ConfigError, match="choose another TWINSTREAM_METRICS_PORT"),
            metrics(Settings(twinstream_metrics_port=port)),
        ):
            pass


async def test_what_is_settled_relayed_found_and_trimmed_is_counted(
    resources: Resources, desk: Desk, producer: Producer
):
    names = (
        "twinstream_entries_settled_total",
        "twinstream_events_relayed_total",
        "twinstream_events_lost_by_redis_total",
        "twinstream_batch_seconds_count",
    )
    before = [figure(name, source="telegram") for name in names]
    await producer.create_xp_change_event(
        user_id=1001, delta_xp=15, source="telegram", reason="game", entity_id="1"
    )
    await producer.close()
    await desk.redis.xtrim(desk.keys.stream("telegram"), maxlen=0, approximate=False)

    await resources.rebuild.look_for_lost("telegram")
    await Relay(resources).step()
    await Settling("telegram", resources).step()
    await Cleanup(resources).step()

    after = [figure(name, source="telegram") for name in names]
    assert [b - a for a, b in zip(before, after, strict=True)] == [1, 1, 1, 1]


async def test_the_gauges_show_what_waits(resources: Resources, desk: Desk):
    stream = desk.keys.stream("telegram")
    await desk.add("telegram", xp_payload(1), b"no event")
    await Gauges(resources).step()
    assert figure("twinstream_entries_unread", stream=stream) == 2

    await Settling("telegram", resources).step()
    await Gauges(resources).step()

    assert figure("twinstream_entries_unread", stream=stream) == 0
    assert figure("twinstream_oldest_entry_seconds", stream=stream) == 0
    assert figure("twinstream_events", status="failed") == 1
    assert figure("twinstream_server_up", server="redis") == 1


async def test_a_gauge_says_unknown_of_an_age_that_is(resources: Resources, desk: Desk):
    stream = desk.keys.stream("telegram")
    ahead = f"{int(time.time() * 1_000) + 3_600_000}-0"
    await desk.redis.xadd(stream, {"e": xp_payload(1)}, id=ahead)

    await Gauges(resources).step()

    assert figure("twinstream_entries_unread", stream=stream) == 1
    assert math.isnan(figure("twinstream_oldest_entry_seconds", stream=stream))
    assert 3_500 < figure("twinstream_stream_ahead_seconds", stream=stream) <= 3_600


async def test_the_group_of_another_program_that_holds_a_stream_has_a_figure(
    resources: Resources, desk: Desk
):
    stream = desk.keys.stream("telegram")
    labels = {"stream": stream, "group": "audit"}
    await desk.redis.xgroup_create(stream, "audit", id="1000-0")
    await desk.add("telegram", xp_payload(1))
    await Settling("telegram", resources).step()
    gauges = Gauges(resources)

    await gauges.step()
    assert figure("twinstream_stream_held_seconds", **labels) > 3_600

    await desk.redis.xgroup_destroy(stream, "audit")
    await gauges.step()
    assert REGISTRY.get_sample_value("twinstream_stream_held_seconds", labels) is None


async def test_during_an_outage_of_redis_its_figures_are_unknown_and_the_record_is_still_read(
    resources: Resources, desk: Desk
):
    away = connect(f"redis://127.0.0.1:{free_port()}/0", name="test")
    gauges = Gauges(resources)
    gauges._redis = away

    await gauges.step()

    assert figure("twinstream_server_up", server="redis") == 0
    assert figure("twinstream_server_up", server="postgres") == 1
    assert math.isnan(figure("twinstream_entries_unread", stream=desk.keys.stream("telegram")))
    await away.aclose()


async def test_a_role_that_waits_shows_until_it_goes_on(stop: asyncio.Event):
    backoff = Backoff("to-mars", stop)

    stop.set()
    await backoff.wait(ConnectionError("away"))
    assert figure("twinstream_role_waiting", role="to-mars") == 1

    backoff.reset()
    assert figure("twinstream_role_waiting", role="to-mars") == 0


async def test_an_event_that_the_bus_does_not_take_is_counted_as_left_to_the_relay(
    resources: Resources, desk: Desk, redis: Redis
):
    publisher = CountingPublisher(resources.publisher)
    left = figure("twinstream_events_left_to_relay_total", source="telegram")
    published = figure("twinstream_events_published_total", source="telegram")

    await publisher.publish("telegram", [xp_payload(1)])
    await redis.delete(desk.keys.stream("telegram"))
    with pytest.raises(StreamMissing):
        await publisher.publish("telegram", [xp_payload(1)])

    assert figure("twinstream_events_left_to_relay_total", source="telegram") == left + 1
    assert figure("twinstream_events_published_total", source="telegram") == published + 1


@pytest.mark.parametrize("port", [0, 65_535])
def test_an_unfit_port_is_refused(port: int):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"twinstream_metrics_port": port}, Settings)
