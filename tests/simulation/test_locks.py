"""Statements of the simulation that wait for locks: which of them count as waiting."""

from collections.abc import Coroutine, Iterator
from typing import Any

import asyncpg
import pytest

from simulation.postgres import Backend, Lock, RealPostgres

ROW_LOCK = "SELECT FROM members WHERE id = {} FOR UPDATE"
#: Far more than the pause before the check for locks.
LATE = "SET LOCAL deadlock_timeout = '200ms'"


def say(real: RealPostgres, backend: Backend, statement: str) -> Lock | None:
    """Run a statement to its end, or until it waits for a lock."""

    def call() -> Coroutine[Any, Any, str]:
        return backend.conn.execute(statement)

    lock = real.begin(backend, call)
    if lock is None:
        real.result(backend)
    return lock


@pytest.fixture
def pair(real_postgres: RealPostgres) -> Iterator[tuple[Backend, Backend]]:
    """Two connections, and two members to lock."""
    real_postgres.reset()
    real_postgres.execute("INSERT INTO members (id) OVERRIDING SYSTEM VALUE VALUES (1), (2)")
    one, other = real_postgres.lend(), real_postgres.lend()
    yield one, other
    for backend in (one, other):
        real_postgres.take_back(backend)


async def test_a_deadlock_that_is_found_late_is_no_wait_for_a_lock(
    real_postgres: RealPostgres, pair: tuple[Backend, Backend]
):
    """Otherwise the trace of a seed depends on when Postgres makes its check for deadlocks."""
    one, other = pair
    for row, backend in enumerate(pair, 1):
        say(real_postgres, backend, "BEGIN")
        say(real_postgres, backend, ROW_LOCK.format(row))
    lock = say(real_postgres, one, ROW_LOCK.format(2))
    assert lock is not None
    say(real_postgres, other, LATE)

    with pytest.raises(asyncpg.DeadlockDetectedError):
        say(real_postgres, other, ROW_LOCK.format(1))

    assert lock.done.done()
    assert real_postgres.result(one) == "SELECT 1"
