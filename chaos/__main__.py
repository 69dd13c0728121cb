"""`python -m chaos`, which `make chaos` calls. Exit code 0: nothing lost, nothing doubled."""

import asyncio
import os
import random
import shutil
import signal
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from config import Settings, set_up_logs
from config.outside_text.terminal import Terminal

from .audit import Audit
from .deployment import end_leftovers, open_deployment
from .errors import ChaosError
from .faults import ALL_FAULTS, FAULTS
from .run import TWO_AT_ONCE, Report, Run
from .run_size import RunSize
from .schedule import strikes

EXIT_CODE_OFFENCES = 1
EXIT_CODE_NOT_CARRIED_OUT = 3
OFFENDERS_SHOWN = 10
SECONDS = 300.0

cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
console = Terminal(width=110)


@cli.command()
def main(
    seconds: Annotated[
        float, typer.Option(envvar="CHAOS_SECONDS", help="Inject faults for at least so long.")
    ] = SECONDS,
    seed: Annotated[
        str, typer.Option(envvar="CHAOS_SEED", help="Names the order of the faults.")
    ] = "",
    events: Annotated[int, typer.Option(help="Go on until so many events are committed.")] = 0,
    faults: Annotated[int, typer.Option(help="Go on until so many faults were injected.")] = 0,
    actions_per_s: Annotated[float, typer.Option(help="Actions of each bot per second.")] = 60.0,
    kind: Annotated[
        list[str] | None, typer.Option(help="Only such faults; may be repeated.")
    ] = None,
    people: Annotated[
        bool, typer.Option(help="Let people act on both platforms, through the real bots.")
    ] = True,
    folder: Annotated[Path | None, typer.Option(help="Where data and logs go.")] = None,
) -> None:
    """Inject every kind of failure under load, then audit every event."""
    seed = seed or str(random.SystemRandom().randrange(10**6))
    known = tuple(ALL_FAULTS if people else FAULTS)
    kinds = tuple(kind) if kind else known
    if unknown := set(kinds) - set(known):
        raise typer.BadParameter(f"no fault {', '.join(unknown)}; there are: {'; '.join(known)}")
    size = RunSize(seconds, events, faults, actions_per_s, has_people=people)
    if folder is None:
        folder = Path(Settings.from_env(os.environ).twinstream_run_dir) / "chaos"
    folder = folder.absolute()
    end_leftovers(folder)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    set_up_logs(level="warning")
    console.print(f"seed {seed}; data and logs are in {folder}")
    try:
        report = asyncio.run(_play(folder, size, seed, kinds))
    except ChaosError as error:
        console.print(f"not carried out: {error}")
        raise SystemExit(EXIT_CODE_NOT_CARRIED_OUT) from None
    except (asyncio.CancelledError, KeyboardInterrupt):
        console.print("stopped before the audit")
        raise SystemExit(EXIT_CODE_NOT_CARRIED_OUT) from None
    show(report)
    if not report.audit.passed:
        raise SystemExit(EXIT_CODE_OFFENCES)


async def _play(folder: Path, size: RunSize, seed: str, kinds: tuple[str, ...]) -> Report:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("CHAOS_")}
    run = asyncio.current_task()
    assert run is not None, "run by asyncio.run"
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, run.cancel)
    async with open_deployment(folder, size, seed, environ) as deployment:
        return await Run(deployment, size, seed, console.print).play(strikes(seed, kinds))


def show(report: Report) -> None:
    """Print the faults, how long each recovery took, and the result of the audit."""
    audit, faults = report.audit, report.faults
    kinds = Table("fault", "times", "recovered, longest", "median")
    times = report.recovery_times
    for name in [*sorted(faults), TWO_AT_ONCE]:
        if name in faults or name in times:
            kinds.add_row(
                name, str(faults.get(name, len(times.get(name, [])))), *_spread(times.get(name, []))
            )
    console.print(kinds)
    console.print(
        f"{sum(faults.values())} faults in {report.seconds:.0f} s;"
        f" quiet {_seconds(report.quiet_s)} after the bots had ended;"
        f" processes that ended by themselves: {len(report.ended_by_themselves)}"
    )
    if report.deeds:
        console.print(
            f"people did {report.deeds:,} things; bots said {report.said:,} things to them"
        )
    console.print(_events(audit))
    for offence, offenders in {**audit.offences, "buried": audit.buried}.items():
        for offender in offenders[:OFFENDERS_SHOWN]:
            console.print(f"{offence}: {offender.what}: {offender.detail}", markup=False)
    verdict = "PASSED" if audit.passed else "FAILED"
    console.print(
        f"{verdict}: {len(audit.lost)} lost, {len(audit.doubled)} doubled; seed {report.seed}"
    )


def _events(audit: Audit) -> Table:
    table = Table("events", "")
    for name, count in (
        ("committed", audit.committed),
        ("applied", audit.applied),
        ("buried", len(audit.buried)),
        *((offence, len(offenders)) for offence, offenders in audit.offences.items()),
        ("rolled back by the bots", audit.rolled_back),
        ("junk buried", audit.junk_buried),
        ("members on both platforms", audit.linked),
        ("links that were ended or undone", audit.ended_links),
        ("entries on the streams", audit.entries),
    ):
        table.add_row(name, f"{count:,}")
    return table


def _spread(times: list[float | None]) -> tuple[str, str]:
    if not times:
        return "-", "-"
    ordered = sorted(float("inf") if each is None else each for each in times)
    return _seconds(_finite(ordered[-1])), _seconds(_finite(ordered[len(ordered) // 2]))


def _finite(seconds: float) -> float | None:
    return None if seconds == float("inf") else seconds


def _seconds(seconds: float | None) -> str:
    return "not in time" if seconds is None else f"{seconds:.1f} s"


if __name__ == "__main__":
    cli()
