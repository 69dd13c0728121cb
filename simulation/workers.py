"""Processes that run seeds side by side, each on a Postgres server of its own."""

import contextlib
import functools
import multiprocessing
import signal
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

from launch.migrate import migrate
from launch.servers import start_postgres

from .mutants import MUTANTS, mutant_without
from .postgres import RealPostgres
from .simulated_run import Outcome, simulate


class WorkerEnded(Exception):
    """A worker ended before its seed did, as one that was killed; the text names the seed."""


class Worker(NamedTuple):
    """A process that plays one seed after the other."""

    process: BaseProcess
    connection: Connection


class Workers:
    """Open worker processes. The same seed gives the same outcome in each of them.

    Once a worker has ended by itself, every call and every iterator raises WorkerEnded.
    """

    def __init__(self, workers: Sequence[Worker], threads: ThreadPoolExecutor) -> None:
        #: As many as workers: each waits for one worker at a time.
        self._threads = threads
        self._idle: SimpleQueue[Worker] = SimpleQueue()
        self._ended: WorkerEnded | None = None
        for worker in workers:
            self._idle.put(worker)

    def run(self, seeds: Sequence[int], *, without: str) -> Iterator[Outcome]:
        """Run seeds without this guard ("" removes none). Yields their outcomes in order."""
        return self._threads.map(functools.partial(self._play, without=without), seeds)

    def find_misses(self, seeds: Sequence[int]) -> Iterator[tuple[str, Outcome | None]]:
        """Yield for each guard the first of the seeds that fails without it, if there is one."""
        find = functools.partial(self._find_miss, seeds=seeds)
        return zip(MUTANTS, self._threads.map(find, MUTANTS), strict=True)

    def _find_miss(self, guard: str, *, seeds: Sequence[int]) -> Outcome | None:
        for seed in seeds:
            outcome = self._play(seed, without=guard)
            if outcome.broken and not (
                MUTANTS[guard].beside and self._play(seed, without=guard, only_beside=True).broken
            ):
                return outcome
        return None

    def _play(self, seed: int, *, without: str, only_beside: bool = False) -> Outcome:
        """Play a seed in an idle worker; of the guard, remove all or only what is beside it."""
        worker = self._idle.get()
        try:
            if self._ended:
                raise self._ended
            worker.connection.send((seed, without, only_beside))
            outcome: Outcome = worker.connection.recv()
        except (EOFError, OSError):
            worker.process.join()
            self._ended = WorkerEnded(
                f"a worker process ended (exit code {worker.process.exitcode}) while it played"
                f" seed {seed}{f' without the guard {without!r}' if without else ''}"
            )
            raise self._ended from None
        finally:
            self._idle.put(worker)
        return outcome


@contextlib.contextmanager
def open_workers(count: int) -> Iterator[Workers]:
    """Start workers, and end them with the block, whatever they are at."""
    with contextlib.ExitStack() as stack:
        threads = stack.enter_context(ThreadPoolExecutor(count))
        addresses = [stack.enter_context(postgres()) for _ in range(count)]
        yield Workers([stack.enter_context(_worker(address)) for address in addresses], threads)


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """Run a migrated server until the block ends, and remove its data. Yields its address."""
    with tempfile.TemporaryDirectory(prefix="twinstream-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # Postgres may run as another user
        with start_postgres(Path(folder) / "postgres", database="simulation") as server:
            migrate(server.url)
            yield server.url


@contextlib.contextmanager
def _worker(address: str) -> Iterator[Worker]:
    # A forked process would share the parent's servers and signal handlers.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(address, theirs), daemon=True)
    process.start()
    theirs.close()  # so that the end of the process is the end of the connection
    try:
        yield Worker(process, ours)
    finally:
        process.terminate()
        process.join()


def _serve(address: str, connection: Connection) -> None:
    """Play what is asked for. Ctrl-C reaches the whole group, and is the parent's to answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    real = RealPostgres(address)
    with contextlib.suppress(EOFError):  # the parent has ended
        while True:
            seed, without, only_beside = connection.recv()
            mutant = mutant_without(without)
            connection.send(
                simulate(seed, real, mutant=mutant.beside if mutant and only_beside else mutant)
            )
