"""No entry of a stream ends a process, holds up a neighbour, or is lost.

An example puts entries on a stream that only an ill-behaved program writes: any fields, names that
stand twice, any bytes, ids of any time, and keys of other types beside them. Then the roles work,
and an honest event behind the entries, and one on the other stream, must arrive. Each entry has
taken effect, or is on record as failed.
"""

import asyncio
import contextlib
import itertools
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from redis.exceptions import ResponseError

import schemas
from bus import SOURCES, BusError, Keys
from bus.entry import ID_MAX
from config import Settings
from consumers.cleanup.role import Cleanup
from consumers.relay.role import Relay
from consumers.runtime.resources import Resources, open_resources
from consumers.runtime.runner import Deferred, Role
from consumers.settling.role import Settling
from db import Contention, Producer
from launch.servers import Server
from tests.support.deployment import COMMUNITY
from tests.support.event_strategies import events
from tests.support.example_numbers import examples, is_daily
from tests.support.reconcile import a_pass, opened
from tests.support.settling import edited, xp_payload

#: Examples of each day; `make nightly` draws a fifth as many as of the other properties.
EXAMPLES = 8
NIGHTLY_SHARE = 5
HOUR_MS = 3_600_000
ROUNDS_MAX = 40
#: Errors of a step that the runner waits out.
TEMPORARY = (Deferred, Contention, BusError)


class Written(NamedTuple):
    """An entry as a program adds it."""

    id: str
    fields: tuple[bytes, ...]
    """Names and values by turns."""


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**63, -(2**63), 1e400, "x" * 300, "\x00", "\ud800"])
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)
FIELD_NAMES = ("v", "type", "idempotency_key", "source", "user_id", "delta_xp", "occurred_at", "x")


def changed(fields: dict[str, Any]) -> bytes:
    """An event, some of whose fields are anything."""
    return edited(xp_payload(1, entity_id="fuzz"), **fields)


#: An event with a number that Python itself does not read.
ENDLESS = xp_payload(1, entity_id="endless").replace(b'"delta_xp":1', b'"delta_xp":' + b"9" * 5_000)
PAYLOADS = st.one_of(
    st.binary(max_size=40),
    st.builds(json.dumps, JSON).map(str.encode),
    st.builds(changed, st.dictionaries(st.sampled_from(FIELD_NAMES), JSON, max_size=3)),
    events.map(schemas.encode),
    st.builds(xp_payload, st.sampled_from([-50, -1, 1, 50]), entity_id=st.sampled_from("abc")),
    st.sampled_from(
        [b"", b"[" * 20_000, b"x" * 70_000, b'{"a":' * 3_000, b"\xef\xbb\xbf{}", ENDLESS]
    ),
)
PAIRS = st.tuples(
    st.sampled_from([b"e", b"e", b"e", b"E", b"", b"n", b"\xff\x00"]),
    PAYLOADS,
)
AHEAD_MS = st.sampled_from([-HOUR_MS, HOUR_MS, 10 * HOUR_MS])
IDS = st.one_of(
    st.just("*"),
    st.just("*"),
    st.builds(lambda ahead: f"{int(time.time() * 1_000) + ahead}-*", AHEAD_MS),
    st.sampled_from([ID_MAX, "1-1", "9223372036854775807-1"]),
)
ENTRIES = st.lists(
    st.builds(
        lambda entry_id, pairs: Written(entry_id, tuple(part for pair in pairs for part in pair)),
        IDS,
        st.lists(PAIRS, min_size=1, max_size=3),
    ),
    max_size=6,
)
#: Deeds of other programs beside the entries.
DEEDS = st.sets(
    st.sampled_from(
        [
            "dead is a text",
            "dead is full",
            "another group",
            "junk consumer",
            "the other stream is a text",
            "the other stream is a list",
            "the pages are a text",
        ]
    ),
    max_size=2,
)


class World:
    """A deployment that outlives the examples."""

    def __init__(self, resources: Resources) -> None:
        self.resources = resources
        self.redis: Any = resources.redis
        self.stream, self.group = resources.keys.subscription("telegram")
        self.producer = Producer(resources.pool, schemas, resources.publisher)
        self._numbers = itertools.count(1)

    async def play(self, entries: list[Written], deeds: set[str]) -> None:
        await self._start_anew()
        for deed in sorted(deeds):
            await self._do(deed)
        added = [one for one in entries if await self._add(one)]
        honest = {source: await self._record(source) for source in SOURCES}
        if "the other stream is a text" in deeds or "the other stream is a list" in deeds:
            await self._come_to_rest({"telegram": honest["telegram"]})
            await self.redis.delete(self.resources.keys.stream("discord"))
        await self._come_to_rest(honest)
        if "the pages are a text" in deeds:
            await self._reconcile_beside_another_program()
        for entry in added:
            assert await self._is_known(entry), entry

    async def _start_anew(self) -> None:
        keys = self.resources.keys
        await self.redis.delete(*map(keys.stream, SOURCES), keys.dead)
        for source in SOURCES:
            await self.resources.rebuild(source)

    async def _do(self, deed: str) -> None:
        dead = self.resources.keys.dead
        match deed:
            case "dead is a text":
                await self.redis.set(dead, "another program's")
            case "dead is full":
                with contextlib.suppress(ResponseError):
                    await self.redis.xadd(dead, {"e": "x"}, id=ID_MAX)
            case "another group":
                await self.redis.xgroup_create(self.stream, b"\xff audit", id="0")
            case "junk consumer":
                await self.redis.xgroup_createconsumer(self.stream, self.group, b"\xfe")
            case "the other stream is a text":
                await self.redis.set(self.resources.keys.stream("discord"), "another program's")
            case "the other stream is a list":
                await self.redis.delete(self.resources.keys.stream("discord"))
                await self.redis.rpush(self.resources.keys.stream("discord"), "another program's")

    async def _add(self, entry: Written) -> bool:
        try:
            await self.redis.execute_command("XADD", self.stream, entry.id, *entry.fields)
        except ResponseError:
            return False  # Redis refuses the id
        return True

    async def _record(self, source: schemas.Source) -> str:
        recorded = await self.producer.create_xp_change_event(
            user_id=77,
            delta_xp=1,
            source=source,
            reason="honest",
            entity_id=str(next(self._numbers)),
        )
        return recorded.idempotency_key

    async def _reconcile_beside_another_program(self) -> None:
        """Have a pass wait while another program has the key of its pages, and end after that."""
        pages = self.resources.keys.snapshots.stream
        await self.redis.delete(pages)
        await self.redis.set(pages, "another program's")
        with contextlib.suppress(*TEMPORARY):  # the runner opens it again
            async with opened(self.resources) as role:
                await role.step()
        await self.redis.delete(pages)
        async with opened(self.resources) as role:
            assert (await a_pass(role, self.resources.pool)).status == "finished"

    async def _come_to_rest(self, honest: Mapping[schemas.Source, str]) -> None:
        """Run all roles as a new process does, until these events and their streams are settled."""
        relay, cleanup = Relay(self.resources), Cleanup(self.resources)
        settling = [Settling(source, self.resources) for source in SOURCES]
        relay._look_for_lost_at = 0.0
        roles: list[Role] = [relay, *settling, cleanup]
        for _ in range(ROUNDS_MAX):
            for role in roles:
                with contextlib.suppress(*TEMPORARY):
                    await role.step()
            if await self._is_at_rest(honest):
                return
        raise AssertionError(f"not at rest after {ROUNDS_MAX} rounds")

    async def _is_at_rest(self, honest: Mapping[schemas.Source, str]) -> bool:
        arrived = await self.resources.pool.fetchval(
            "SELECT count(*) FROM transactions WHERE idempotency_key = ANY ($1)", [*honest.values()]
        )
        if arrived < 2 * len(honest):
            return False
        for source in honest:
            stream, group = self.resources.keys.subscription(source)
            groups = {one["name"]: one for one in await self.redis.xinfo_groups(stream)}
            ours = groups[group.encode()]
            unread = await self.redis.xrange(stream, min=b"(" + ours["last-delivered-id"], count=1)
            if ours["pending"] or unread:
                return False
        return True

    async def _is_known(self, entry: Written) -> bool:
        """Tell whether the record has the entry: as an event, or as failed with what it held."""
        payloads = [
            value
            for name, value in zip(entry.fields[::2], entry.fields[1::2], strict=True)
            if name == b"e"
        ]
        if len(payloads) == 1:
            with contextlib.suppress(schemas.SchemaError):
                event = schemas.decode(payloads[0])
                if await self._count("idempotency_key = $1", event.idempotency_key):
                    return True
            shown, claimed = payloads[0], schemas.claimed_key(payloads[0])
            if claimed and await self._count("idempotency_key = $1", claimed):
                return True
        else:
            shown = entry.fields[0] + b"=" + entry.fields[1]
        text = shown[:5_000].decode("utf-8", "backslashreplace").replace("\x00", "\\x00")
        return bool(
            await self._count("status = 'failed' AND starts_with(payload, left($1, 1000))", text)
        )

    async def _count(self, condition: str, *args: object) -> int:
        query = f"SELECT count(*) FROM sync_events WHERE {condition}"
        return int(await self.resources.pool.fetchval(query, *args))


@pytest.fixture
def world(
    redis_server: Server, database_url: str, prefix: str
) -> Iterator[tuple[asyncio.Runner, World]]:
    with asyncio.Runner() as runner:
        stack = contextlib.AsyncExitStack()

        async def opened() -> World:
            resources = await stack.enter_async_context(
                open_resources(
                    Settings(redis_url=redis_server.url, database_url=database_url),
                    COMMUNITY,
                    asyncio.Event(),
                    keys=Keys(prefix),
                )
            )
            world = World(resources)
            stack.push_async_callback(world.producer.close)
            return world

        yield runner, runner.run(opened())
        runner.run(stack.aclose())


@settings(
    max_examples=examples(EXAMPLES, nightly_share=NIGHTLY_SHARE),
    deadline=None,
    # Every day the same examples; `make nightly` draws new ones.
    derandomize=is_daily(),
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)
@given(entries=ENTRIES, deeds=DEEDS)
def test_no_entry_ends_a_process_holds_up_a_neighbour_or_is_lost(
    world: tuple[asyncio.Runner, World], entries: list[Written], deeds: set[str]
):
    runner, deployment = world

    runner.run(deployment.play(entries, deeds))
