"""Processes that run seeds side by side, each on a Postgres server of its own."""

import contextlib
import functools
import multiprocessing
import signal
import tempfile
from collections.abc import Iterator, Sequence
from multiprocessing.pool import Pool
from multiprocessing.queues import SimpleQueue
from pathlib import Path

from launch.migrate import migrate
from launch.servers import start_postgres

from .mutants import MUTANTS, mutant_without
from .postgres import RealPostgres
from .simulated_run import Outcome, simulate

#: The server of this worker, from its start on.
_own_postgres: RealPostgres


class Workers:
    """Open worker processes. The same seed gives the same outcome in each of them."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def run(self, seeds: Sequence[int], *, without: str) -> Iterator[Outcome]:
        """Run seeds without this guard ("" removes none). Yields their outcomes in order."""
        return self._pool.imap(functools.partial(_run, without=without), seeds)

    def find_misses(self, seeds: Sequence[int]) -> Iterator[tuple[str, Outcome | None]]:
        """Yield for each guard the first of the seeds that fails without it, if there is one."""
        find = functools.partial(_find_miss, seeds=seeds)
        return zip(MUTANTS, self._pool.imap(find, MUTANTS), strict=True)


@contextlib.contextmanager
def open_workers(count: int) -> Iterator[Workers]:
    """Start workers, and end them with the block, whatever they are at."""
    # A forked process would share the parent's servers and signal handlers.
    context = multiprocessing.get_context("spawn")
    addresses: SimpleQueue[str] = context.SimpleQueue()
    with contextlib.ExitStack() as servers:
        for _ in range(count):
            addresses.put(servers.enter_context(postgres()))
        with context.Pool(count, _connect, (addresses,)) as pool:
            yield Workers(pool)


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """Run a migrated server until the block ends, and remove its data. Yields its address."""
    with tempfile.TemporaryDirectory(prefix="twinstream-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # Postgres may run as another user
        with start_postgres(Path(folder) / "postgres", database="simulation") as server:
            migrate(server.url)
            yield server.url


def _connect(addresses: "SimpleQueue[str]") -> None:
    """Begin as a worker. Ctrl-C reaches the whole group, and is the parent's to answer."""
    global _own_postgres  # noqa: PLW0603 - a pool hands its workers nothing but functions
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _own_postgres = RealPostgres(addresses.get())


def _run(seed: int, *, without: str) -> Outcome:
    return simulate(seed, _own_postgres, mutant=mutant_without(without))


def _find_miss(name: str, *, seeds: Sequence[int]) -> Outcome | None:
    mutant = MUTANTS[name]
    for seed in seeds:
        outcome = simulate(seed, _own_postgres, mutant=mutant)
        if outcome.broken and not (
            mutant.beside and simulate(seed, _own_postgres, mutant=mutant.beside).broken
        ):
            return outcome
    return None
