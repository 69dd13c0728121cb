"""`python -m simulation --seeds 1000`, or `--seed 17` to see one again, step by step."""

import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from launch.migrate import migrate
from launch.servers import start_postgres

from .mutants import MUTANTS
from .postgres import RealPostgres
from .world import Outcome, simulate

cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@cli.command()
def main(
    seeds: Annotated[int, typer.Option(help="How many seeds to run.")] = 1_000,
    first: Annotated[int, typer.Option(help="The first of them.")] = 1,
    seed: Annotated[int | None, typer.Option(help="Replay this one, with every step.")] = None,
    without: Annotated[str, typer.Option(help=f"Guard to take out: {', '.join(MUTANTS)}.")] = "",
    stop_at_first: Annotated[bool, typer.Option(help="Stop at the first failure.")] = False,
) -> None:
    """Run seeds; print every failure with its seed. Ends with 1 if there was any."""
    mutant = MUTANTS[without] if without else None
    wanted = [seed] if seed is not None else list(range(first, first + seeds))
    failed: list[Outcome] = []
    with tempfile.TemporaryDirectory(prefix="twinstream-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # Postgres may run as another user
        with start_postgres(Path(folder) / "postgres", database="simulation") as server:
            migrate(server.url)
            real = RealPostgres(server.url)
            began = time.monotonic()
            events = steps = 0
            for number in wanted:
                outcome = simulate(
                    number, real, mutant=mutant, keep=None if seed is not None else 60
                )
                events, steps = events + outcome.events, steps + outcome.steps
                if outcome.broken or seed is not None:
                    tell(outcome)
                if outcome.broken:
                    failed.append(outcome)
                    if stop_at_first:
                        break
            took_s = time.monotonic() - began
            real.close()
    typer.echo(
        f"{len(wanted)} seeds, {len(failed)} failed"
        f" ({', '.join(str(one.seed) for one in failed[:20]) or 'none'}),"
        f" {events} events, {steps} steps, {took_s:.1f} s"
    )
    raise SystemExit(bool(failed))


def tell(outcome: Outcome) -> None:
    """Print what broke, the last steps, and how to see it again."""
    typer.echo("\n".join(outcome.last_steps))
    typer.echo(f"seed {outcome.seed}: weather: {outcome.weather or 'fair'}")
    typer.echo(f"seed {outcome.seed}: {outcome.broken or 'sound'}; trace {outcome.digest[:16]}")
    typer.echo(f"seed {outcome.seed}: replay it with `make simulate SEED={outcome.seed}`\n")


if __name__ == "__main__":
    cli()
