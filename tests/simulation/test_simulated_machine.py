"""Virtual time, locks and deaths of processes: the machine of the simulation."""

import asyncio
import random
import time
from typing import Any
from unittest.mock import patch

import pytest

from db.sessions import notifications, own_session
from simulation.clock import Stuck, VirtualLoop
from simulation.notified_connections import connector_of
from simulation.pool import Pool, PostgresServer
from simulation.postgres import RealPostgres
from simulation.redis_server import RedisServer, SimulatedRedis
from simulation.simulated_process import Machine, Process, current
from simulation.trace import Trace
from tests.support.patience import PATIENCE_S


def virtual() -> tuple[asyncio.Runner, Machine]:
    runner = asyncio.Runner(loop_factory=VirtualLoop)
    loop = runner.get_loop()
    assert isinstance(loop, VirtualLoop)
    return runner, Machine(loop, random.Random(1), Trace())


def test_an_hour_passes_at_once():
    runner, machine = virtual()
    began = time.monotonic()
    with runner:
        runner.run(asyncio.sleep(3_600))

        assert machine.loop.time() == pytest.approx(3_600)
    assert time.monotonic() - began < PATIENCE_S


def test_a_wait_without_end_is_an_error():
    runner, _ = virtual()

    async def wait() -> None:
        await asyncio.Event().wait()

    with runner, pytest.raises(Stuck):
        runner.run(wait())


def test_a_waiting_process_gets_the_lock_when_it_is_released(real_postgres: RealPostgres):
    """Meanwhile the other processes, and the clock, go on."""
    real_postgres.reset()
    runner, machine = virtual()
    server = PostgresServer(machine, real_postgres)
    seen: list[str] = []

    async def hold() -> None:
        async with Pool(server, current()).acquire() as conn, conn.transaction():
            await conn.execute("INSERT INTO members (xp) VALUES (1)")
        async with Pool(server, current()).acquire() as conn, conn.transaction():
            await conn.execute("UPDATE members SET xp = xp + 1")
            await asyncio.sleep(10)
            seen.append("let go")

    async def want() -> None:
        await asyncio.sleep(5)
        async with Pool(server, current()).acquire() as conn:
            seen.append(f"asked after {machine.loop.time():.0f} s")
            await conn.execute("UPDATE members SET xp = xp * 10")
            seen.append("got it")

    async def both() -> None:
        tasks = [
            Process(name, machine).start(work())
            for name, work in (("holder", hold), ("wanter", want))
        ]
        await asyncio.gather(*tasks)

    with runner:
        runner.run(both())

    assert seen == ["asked after 5 s", "let go", "got it"]
    assert real_postgres.fetch("SELECT xp FROM members")[0][0] == 20


def test_the_open_transaction_of_a_dead_process_is_rolled_back(real_postgres: RealPostgres):
    real_postgres.reset()
    runner, machine = virtual()
    server = PostgresServer(machine, real_postgres)

    async def work() -> None:
        async with Pool(server, current()).acquire() as conn, conn.transaction():
            await conn.execute("INSERT INTO members (xp) VALUES (1)")
            await asyncio.sleep(10)

    async def die() -> None:
        process = Process("mortal", machine)
        process.start(work())
        await asyncio.sleep(5)
        await process.kill()

    with runner:
        runner.run(die())

    assert real_postgres.fetch("SELECT count(*) FROM members")[0][0] == 0


def test_a_failover_loses_the_last_writes_and_the_last_acknowledgements():
    runner, machine = virtual()
    with runner:
        server = RedisServer(machine)
        server.look("XGROUP CREATE", "s", "g", "0", "MKSTREAM")
        first = server.look("XADD", "s", "*", "e", "1")
        server.look("XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", ">")
        server.look("XACK", "s", "g", first)
        server.look("XADD", "s", "*", "e", "2")

        assert server.fail_over(2) == 2

        assert server.look("XLEN", "s") == 1
        assert server.look("XPENDING", "s", "g")[0] == 1


def test_a_blocked_read_wakes_for_an_entry_and_waits_no_longer_than_it_said():
    runner, machine = virtual()

    async def read() -> None:
        redis = SimulatedRedis(server)
        assert await redis.xreadgroup("g", "c", {"s": ">"}, block=2_000) == []
        assert machine.loop.time() == pytest.approx(2, abs=1.5)
        machine.loop.call_later(1, server.look, "XADD", "s", "*", "e", "1")
        read: Any = await redis.xreadgroup("g", "c", {"s": ">"}, block=60_000)
        [[_, entries]] = read
        assert len(entries) == 1
        assert machine.loop.time() < 6

    with runner:
        server = RedisServer(machine)
        server.look("XGROUP CREATE", "s", "g", "0", "MKSTREAM")

        async def run() -> None:
            await Process("reader", machine).start(read())

        runner.run(run())


def test_a_listener_hears_of_a_commit_and_of_nothing_else(real_postgres: RealPostgres):
    """A transaction that rolls back notifies nobody. A listener that was cut off connects again."""
    real_postgres.reset()
    runner, machine = virtual()
    server = PostgresServer(machine, real_postgres)
    heard: list[float] = []

    async def listen() -> None:
        async with notifications.listening("postgresql://simulated/") as notes:
            while True:
                await notes.wait(3_600)
                heard.append(machine.loop.time())

    async def record(entity_id: str, *, commits: bool = True) -> None:
        async with Pool(server, current()).acquire() as conn:
            call = conn.transaction()
            await call.start()
            await conn.fetchrow(
                "SELECT * FROM twinstream.record_xp('telegram', 1, 5, 'game', $1)", entity_id
            )
            await asyncio.sleep(5)
            await (call.commit() if commits else call.rollback())

    async def scene() -> None:
        with patch.object(own_session, "Connector", connector_of(server)):
            listener = Process("listener", machine)
            listener.start(listen())
            await asyncio.sleep(1)
            assert len(heard) == 1, "at the connection"
            writer = Process("writer", machine)
            await writer.start(record("rolled-back", commits=False))
            assert len(heard) == 1
            await writer.start(record("committed"))
            ended = machine.loop.time()
            await asyncio.sleep(1)
            assert heard[1:] == [pytest.approx(ended, abs=1)]
            server.cut_off()
            assert server.listeners == []
            server.reachable = True
            await asyncio.sleep(2 * notifications.CONNECT_AGAIN_S)
            assert len(heard) == 3, "at the new connection"
            await listener.kill()
            assert server.listeners == []

    with runner:
        runner.run(scene())
