"""`python -m simulation --seeds 1000`, or `--seed 17` to see one again, step by step."""

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

#: A line of progress after so many seeds.
TOLD_EVERY = 50

cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@cli.command()
def main(
    seeds: Annotated[int, typer.Option(help="How many seeds to run.")] = 1_000,
    first: Annotated[int, typer.Option(help="The first of them.")] = 1,
    seed: Annotated[int | None, typer.Option(help="Replay this one, with every step.")] = None,
    without: Annotated[str, typer.Option(help=f"Guard to take out: {', '.join(MUTANTS)}.")] = "",
    stop_at_first: Annotated[bool, typer.Option(help="Stop at the first failure.")] = False,
    guards: Annotated[
        bool, typer.Option(help="Take out each guard in turn; every one must be missed.")
    ] = False,
) -> None:
    """Run seeds and print every failure with its seed. Ends with 1 if there was any.

    Ctrl-C ends it early, with a summary of what was run.
    """
    for number in (signal.SIGINT, signal.SIGTERM):  # either leaves no server behind
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
                    tell(outcome)
                if outcome.broken and stop_at_first:
                    break
                if len(done) % TOLD_EVERY == 0 and len(done) < len(wanted):
                    sum_up(done, time.monotonic() - began)
        except KeyboardInterrupt:
            typer.echo("interrupted")
    sum_up(done, time.monotonic() - began)
    raise SystemExit(any(outcome.broken for outcome in done))


def all_guards_are_missed(seeds: Sequence[int]) -> bool:
    """Print for each guard which seed shows that it is missing. False if none does for one."""
    missed = True
    with postgres() as real:
        for name, mutant in MUTANTS.items():
            found = first_that_misses(mutant, seeds, real)
            missed = missed and found is not None
            typer.echo(f"{name}: {_first_line(found) if found else 'no seed misses it'}")
    return missed


def first_that_misses(mutant: Mutant, seeds: Iterable[int], real: RealPostgres) -> Outcome | None:
    """Find the first seed that breaks without this guard, and because of it."""
    for outcome in outcomes(seeds, real, mutant, all_steps=False):
        if outcome.broken and not (
            mutant.beside and simulate(outcome.seed, real, mutant=mutant.beside).broken
        ):
            return outcome
    return None


def _first_line(outcome: Outcome) -> str:
    return f"seed {outcome.seed}: {str(outcome.broken).splitlines()[0][:160]}"


def sum_up(done: Sequence[Outcome], took_s: float) -> None:
    """Print one line about what was run so far."""
    failed = [str(outcome.seed) for outcome in done if outcome.broken]
    typer.echo(
        f"{len(done)} seeds, {len(failed)} failed{': ' if failed else ''}{', '.join(failed)};"
        f" {sum(one.events for one in done)} events, {sum(one.steps for one in done)} steps,"
        f" at rest after {max((one.calm_s for one in done), default=0.0):.0f} s at most (virtual);"
        f" {took_s:.0f} s"
    )


@contextmanager
def postgres() -> Iterator[RealPostgres]:
    """A server of our own, gone at the end."""
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


def tell(outcome: Outcome) -> None:
    """Print what broke, the last steps, and how to see it again."""
    typer.echo("\n".join(outcome.last_steps))
    typer.echo(f"seed {outcome.seed}: faults: {outcome.fault_plan or 'none'}")
    typer.echo(f"seed {outcome.seed}: {outcome.broken or 'sound'}; trace {outcome.digest[:16]}")
    typer.echo(f"seed {outcome.seed}: replay it with `make simulate SEED={outcome.seed}`\n")


if __name__ == "__main__":
    cli()
