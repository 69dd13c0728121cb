"""Seeds that run side by side."""

import multiprocessing
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from simulation import __main__ as command
from simulation.mutants import MUTANTS
from simulation.workers import WorkerEnded, Workers, open_workers


@pytest.mark.nightly
def test_a_seed_gives_the_same_run_in_every_worker():
    with open_workers(2) as workers:
        found = list(workers.run([1] * 4, without=""))

    assert [one.broken for one in found] == [None] * 4
    assert len({one.digest for one in found}) == 1


def kill_workers() -> None:
    """End them as the kernel does on a machine that runs out of memory."""
    for process in multiprocessing.active_children():
        process.kill()


def test_a_worker_that_is_killed_ends_the_run_at_the_seed_that_it_played():
    played: list[int] = []

    def run_and_kill(workers: Workers) -> None:
        for outcome in workers.run(range(11, 40), without=""):
            played.append(outcome.seed)
            kill_workers()

    with open_workers(1) as workers, pytest.raises(WorkerEnded) as ended:
        run_and_kill(workers)

    seed = 11 + len(played)
    assert played == list(range(11, seed))
    assert str(ended.value) == f"a worker process ended (exit code -9) while it played seed {seed}"


@pytest.fixture
def own_signals() -> Iterator[None]:
    """Give this process back how it answers signals, which a command changes."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    handlers = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, handlers, strict=True):
        signal.signal(number, handler)


@pytest.mark.usefixtures("own_signals")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "seed 1"),
        pytest.param(["--guards"], f"seed 1 without the guard {next(iter(MUTANTS))!r}",
                     marks=pytest.mark.nightly),
    ],
)  # fmt: skip
def test_the_command_ends_with_a_sentence_that_names_the_seed(
    words: list[str], said: str, monkeypatch: pytest.MonkeyPatch
):
    @contextmanager
    def killed(count: int) -> Iterator[Workers]:
        with open_workers(count) as workers:
            kill_workers()
            yield workers

    monkeypatch.setattr(command, "open_workers", killed)
    with pytest.raises(SystemExit) as ended:
        command.cli(["--seeds", "3", "--jobs", "1", *words], standalone_mode=False)

    assert ended.value.code == f"a worker process ended (exit code -9) while it played {said}"
