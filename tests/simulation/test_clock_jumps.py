"""The clock of a server is set wrong by an hour, in either direction: nothing waits for it."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest

from bus import Entry, Keys, Reader, measure_lag, trim_stream
from simulation.clock import VirtualLoop
from simulation.redis_server import RedisServer, SimulatedRedis
from simulation.simulated_process import Machine, Process
from simulation.simulated_run import CLOCK_JUMP_MS
from simulation.trace import Trace

SUBSCRIPTION = Keys().subscription("telegram")
CLAIM_IDLE_MS = 6_000


class World:
    """A Redis with one stream, and two consumers of its group."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.server = RedisServer(machine)
        stream, group = SUBSCRIPTION
        self.server.look("XGROUP CREATE", stream, group, "0", "MKSTREAM")

    def reader(self, consumer: str) -> Reader:
        redis = SimulatedRedis(self.server)
        return Reader(redis, SUBSCRIPTION, consumer=consumer, claim_idle_ms=CLAIM_IDLE_MS)

    def add(self) -> str:
        entry_id: bytes = self.server.look("XADD", SUBSCRIPTION.stream, "*", "e", "any")
        return entry_id.decode()


def in_virtual_time(play: Callable[[World], Awaitable[None]]) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, VirtualLoop)
        machine = Machine(loop, random.Random(1), Trace())
        world = World(machine)

        async def run() -> None:
            async def played() -> None:
                await play(world)

            await Process("test", machine).start(played())

        runner.run(run())


@pytest.mark.parametrize("jump_ms", [-CLOCK_JUMP_MS, CLOCK_JUMP_MS])
def test_what_a_dead_consumer_left_is_claimed_in_time(jump_ms: int):
    async def play(world: World) -> None:
        entry_id = world.add()
        assert [entry.id for entry in await world.reader("dead").read()] == [entry_id]
        world.server.clock_ahead_ms = jump_ms
        living = world.reader("living")
        began = world.machine.loop.time()

        claimed: list[Entry] = []
        while not claimed:
            claimed = await living.read()
            assert world.machine.loop.time() - began < 3 * CLAIM_IDLE_MS / 1_000

        assert [entry.id for entry in claimed] == [entry_id]
        assert await living.acknowledge([entry_id]) == 1

    in_virtual_time(play)


def test_what_a_living_consumer_renews_is_not_claimed_after_the_clock_was_set_back():
    async def play(world: World) -> None:
        entry_id = world.add()
        busy, other = world.reader("busy"), world.reader("other")
        await busy.read()
        world.server.clock_ahead_ms = -CLOCK_JUMP_MS

        for _ in range(6):
            assert await busy.renew([entry_id]) == [entry_id]
            assert await other.read() == []

    in_virtual_time(play)


def test_entries_go_on_in_order_and_are_trimmed_after_the_clock_was_set_back():
    async def play(world: World) -> None:
        redis, reader = SimulatedRedis(world.server), world.reader("only")
        first = world.add()
        world.server.clock_ahead_ms = -CLOCK_JUMP_MS
        second = world.add()

        assert [entry.id for entry in await reader.read()] == [first, second]
        lag = await measure_lag(redis, SUBSCRIPTION)
        assert (lag.unacknowledged, lag.oldest_ms) == (2, None)
        assert lag.trouble is not None
        await reader.acknowledge([first, second])

        trimmed = await trim_stream(
            redis, SUBSCRIPTION.stream, [SUBSCRIPTION.group], keep_ms=1_000, old_id=second
        )
        assert (trimmed.removed, trimmed.left) == (1, 1)

    in_virtual_time(play)
