"""`python -m simulation --seeds 1000`, or `--seed 17` to replay one seed step by step."""

import signal
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from launch.migrate import migrate
from launch.servers import start_postgres

from .mutants import MUTANTS, Mutant
from .postgres import RealPostgres
from .simulated_run import Outcome, simulate
from .trace import LAST_STEPS

#: The number of seeds between two lines of progress.
REPORTED_EVERY = 50

cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@cli.command()
def main(
    seeds: Annotated[int, typer.Option(help="How many seeds to run.")] = 1_000,
    first: Annotated[int, typer.Option(help="The first seed.")] = 1,
    seed: Annotated[
        int | None, typer.Option(help="Replay this seed, and print every step.")
    ] = None,
    without: Annotated[str, typer.Option(help=f"Guard to remove: {', '.join(MUTANTS)}.")] = "",
    stop_at_first: Annotated[bool, typer.Option(help="Stop at the first failure.")] = False,
    guards: Annotated[
        bool, typer.Option(help="Remove each guard in turn; some seed must fail without it.")
    ] = False,
) -> None:
    """Run seeds and print every failure with its seed. Exit code 1 if there was any.

    Ctrl-C ends the run early, with a summary.
    """
    for number in (signal.SIGINT, signal.SIGTERM):  # both stop the server
        signal.signal(number, signal.default_int_handler)
    wanted = [seed] if seed is not None else range(first, first + seeds)
    if guards:
        raise SystemExit(not all_guards_are_missed(wanted))
    mutant = MUTANTS[without] if without else None
    done: list[Outcome] = []
    began = time.monotonic()
    with postgres() as real:
        try:
            for outcome in outcomes(wanted, real, mutant, all_steps=seed is not None):
                done.append(outcome)
                if outcome.broken or seed is not None:
                    report(outcome)
                if outcome.broken and stop_at_first:
                    break
                if len(done) % REPORTED_EVERY == 0 and len(done) < len(wanted):
                    sum_up(done, time.monotonic() - began)
        except KeyboardInterrupt:
            typer.echo("interrupted")
    sum_up(done, time.monotonic() - began)
    raise SystemExit(any(outcome.broken for outcome in done))


def all_guards_are_missed(seeds: Sequence[int]) -> bool:
    """Print for each guard a seed that fails without it. Returns False if a guard has none."""
    missed = True
    with postgres() as real:
        for name, mutant in MUTANTS.items():
            found = first_that_misses(mutant, seeds, real)
            missed = missed and found is not None
            typer.echo(f"{name}: {_first_line(found) if found else 'no seed fails without it'}")
    return missed


def first_that_misses(mutant: Mutant, seeds: Iterable[int], real: RealPostgres) -> Outcome | None:
    """Find the first seed that fails because this guard is missing."""
    for outcome in outcomes(seeds, real, mutant, all_steps=False):
        if outcome.broken and not (
            mutant.beside and simulate(outcome.seed, real, mutant=mutant.beside).broken
        ):
            return outcome
    return None


def _first_line(outcome: Outcome) -> str:
    return f"seed {outcome.seed}: {str(outcome.broken).splitlines()[0][:160]}"


def sum_up(done: Sequence[Outcome], took_s: float) -> None:
    """Print one line about the seeds run so far."""
    failed = [str(outcome.seed) for outcome in done if outcome.broken]
    typer.echo(
        f"{len(done)} seeds, {len(failed)} failed{': ' if failed else ''}{', '.join(failed)};"
        f" {sum(one.events for one in done)} events, {sum(one.steps for one in done)} steps,"
        f" at rest after {max((one.calm_s for one in done), default=0.0):.0f} s at most (virtual);"
        f" {took_s:.0f} s"
    )


@contextmanager
def postgres() -> Iterator[RealPostgres]:
    """Run a server until the block ends, and remove its data."""
    with tempfile.TemporaryDirectory(prefix="twinstream-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # Postgres may run as another user
        with start_postgres(Path(folder) / "postgres", database="simulation") as server:
            migrate(server.url)
            real = RealPostgres(server.url)
            try:
                yield real
            finally:
                real.close()


def outcomes(
    seeds: Iterable[int], real: RealPostgres, mutant: Mutant | None, *, all_steps: bool
) -> Iterator[Outcome]:
    """Run the seeds one after the other."""
    for seed in seeds:
        yield simulate(seed, real, mutant=mutant, keep=None if all_steps else LAST_STEPS)


def report(outcome: Outcome) -> None:
    """Print the last steps, the breach, and how to replay it."""
    typer.echo("\n".join(outcome.last_steps))
    typer.echo(f"seed {outcome.seed}: faults: {outcome.fault_plan or 'none'}")
    result = outcome.broken or "all invariants hold"
    typer.echo(f"seed {outcome.seed}: {result}; trace {outcome.digest[:16]}")
    typer.echo(f"seed {outcome.seed}: replay it with `make simulate SEED={outcome.seed}`\n")


if __name__ == "__main__":
    cli()
