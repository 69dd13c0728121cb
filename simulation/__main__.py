"""`python -m simulation --seeds 1000`, or `--seed 17` to replay one seed step by step."""

import contextlib
import os
import signal
import time
from collections.abc import Sequence
from typing import Annotated

import typer

from .mutants import MUTANTS, mutant_without
from .postgres import RealPostgres
from .simulated_run import Outcome, simulate
from .workers import WorkerEnded, open_workers, postgres

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
    jobs: Annotated[
        int, typer.Option(min=1, help="How many run side by side; one a processor by itself.")
    ] = os.cpu_count() or 1,
) -> None:
    """Run seeds and print every failure with its seed. Exit code 1 if there was any.

    Ctrl-C ends the run early, with a summary.
    """
    for number in (signal.SIGINT, signal.SIGTERM):  # both stop the servers
        signal.signal(number, signal.default_int_handler)
    wanted = range(first, first + seeds)
    try:
        if seed is not None:
            is_passed = replay(seed, without)
        elif guards:
            is_passed = all_guards_are_missed(wanted, jobs)
        else:
            is_passed = run(wanted, without, jobs, stop_at_first=stop_at_first)
    except WorkerEnded as reason:
        raise SystemExit(str(reason)) from None
    raise SystemExit(not is_passed)


def replay(seed: int, without: str) -> bool:
    """Run one seed in this process, and print every step. Tells whether nothing broke."""
    with postgres() as address, contextlib.closing(RealPostgres(address)) as real:
        outcome = simulate(seed, real, mutant=mutant_without(without), keep=None)
    report(outcome)
    return not outcome.broken


def run(wanted: Sequence[int], without: str, jobs: int, *, stop_at_first: bool) -> bool:
    """Run seeds side by side, and print every failure. Tells whether nothing broke."""
    done: list[Outcome] = []
    began = time.monotonic()
    with open_workers(jobs) as workers:
        try:
            for outcome in workers.run(wanted, without=without):
                done.append(outcome)
                if outcome.broken:
                    report(outcome)
                if outcome.broken and stop_at_first:
                    break
                if len(done) % REPORTED_EVERY == 0 and len(done) < len(wanted):
                    sum_up(done, time.monotonic() - began)
        except KeyboardInterrupt:
            typer.echo("interrupted")
    sum_up(done, time.monotonic() - began)
    return not any(outcome.broken for outcome in done)


def all_guards_are_missed(seeds: Sequence[int], jobs: int) -> bool:
    """Print for each guard a seed that fails without it. Returns False if a guard has none."""
    missed = True
    with open_workers(jobs) as workers:
        for name, found in workers.find_misses(seeds):
            missed = missed and found is not None
            typer.echo(f"{name}: {_first_line(found) if found else 'no seed fails without it'}")
    return missed


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


def report(outcome: Outcome) -> None:
    """Print the last steps, the breach, and how to replay it."""
    typer.echo("\n".join(outcome.last_steps))
    typer.echo(f"seed {outcome.seed}: faults: {outcome.fault_plan or 'none'}")
    result = outcome.broken or "all invariants hold"
    typer.echo(f"seed {outcome.seed}: {result}; trace {outcome.digest[:16]}")
    typer.echo(f"seed {outcome.seed}: replay it with `make simulate SEED={outcome.seed}`\n")


if __name__ == "__main__":
    cli()
