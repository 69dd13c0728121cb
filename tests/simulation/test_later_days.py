"""The days after a run: the model of claims agrees with Postgres, and notices a missing guard."""

import asyncio
import random

import pytest

from db.links import links
from simulation import later_days
from simulation.clock import VirtualLoop
from simulation.later_days import LaterDays, WrongStreak
from simulation.mutants import MUTANTS, Mutant
from simulation.pool import Pool, PostgresServer
from simulation.postgres import RealPostgres
from simulation.simulated_process import Machine, Process, current
from simulation.trace import Trace


def live(real: RealPostgres, seed: int, mutant: Mutant) -> None:
    """Let the days pass of which one account in three is linked."""
    real.reset()
    with asyncio.Runner(loop_factory=VirtualLoop) as runner, mutant.applied(real):
        loop = runner.get_loop()
        assert isinstance(loop, VirtualLoop)
        machine = Machine(loop, random.Random(seed), Trace())
        server = PostgresServer(machine, real)
        ahead_ms = [0]
        real.now_ms = lambda: loop.now_ms() + ahead_ms[0]

        def pass_ms(ms: int) -> None:
            ahead_ms[0] += ms

        async def run() -> None:
            async with Pool(server, current()).acquire() as conn, conn.transaction():
                await links.link(conn, telegram_account_id=1, discord_account_id=101)
            await LaterDays(machine.dice, real.now_ms, pass_ms).live(Pool(server, current()))

        async def in_process() -> None:
            await Process("members", machine).start(run())

        runner.run(in_process())


@pytest.mark.parametrize("seed", [1, 2])
def test_postgres_pays_as_the_model_says(real_postgres, seed: int):
    live(real_postgres, seed, Mutant())


@pytest.mark.parametrize("guard", ["forgiven days of a month", "day once per person"])
def test_a_missing_guard_is_noticed(real_postgres, guard: str, monkeypatch):
    monkeypatch.setattr(later_days, "DAYS", 12)
    with pytest.raises(WrongStreak):
        live(real_postgres, 3, MUTANTS[guard])
