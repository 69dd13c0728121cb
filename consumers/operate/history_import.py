"""`python -m consumers import-history`: makes events of what a bot's own table held before."""

import asyncio
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import structlog
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from config import Community, ConfigError, Rank, Settings
from config.outside_text.terminal import Terminal, whole_table
from consumers.reconcile.history_import import HistoryImport, Totals
from consumers.runtime.resources import open_resources
from consumers.runtime.runner import pause
from db import Platform
from db.stop_signs import Paused

log = structlog.get_logger("twinstream.operator")

#: How often the command looks whether events have arrived, in seconds, while many are on their way.
LOOK_AGAIN_S: Final = 0.5

EXIT_CODE_DONE: Final = 0
EXIT_CODE_LEFT: Final = 1
EXIT_CODE_STOPPED: Final = 3

NO_RANK: Final = "none"


class Request(NamedTuple):
    """The arguments of the command."""

    platform: Platform
    dry_run: bool


async def run(settings: Settings, console: Terminal, request: Request) -> int:
    """Import the history of one platform's own table, and print a table. Returns the exit code.

    Raises:
        ConfigError: twinstream.toml names no table of that platform.
    """
    community = Community.from_toml(Path(settings.twinstream_config))
    platform = request.platform
    setting = community.stores.by_platform()[platform]
    if setting is None:
        raise ConfigError(
            f"{settings.twinstream_config} has no [stores.{platform}], so there is no table whose"
            " history could be imported: name it there (docs/integrate.md)"
        )
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with open_resources(settings, community, stop) as resources:
        importing = HistoryImport(
            resources.pool,
            platform,
            resources.stores[platform],
            setting=setting,
            dry_run=request.dry_run,
            forget_secret=settings.forget_secret,
        )
        stopped_because = await _import(importing, console, stop)
    totals = importing.totals
    _print(console, request, community.ranks, totals)
    if not request.dry_run and totals.members:
        log.info(
            "history.imported",
            platform=platform,
            members=totals.members,
            xp=totals.xp,
            balance=totals.balance,
        )
    if stopped_because is not None:
        console.print(Text(f"Not finished: {stopped_because}", style="red"), soft_wrap=True)
        return EXIT_CODE_STOPPED
    return EXIT_CODE_LEFT if totals.left else EXIT_CODE_DONE


async def _import(importing: HistoryImport, console: Terminal, stop: asyncio.Event) -> str | None:
    """Import page after page under a progress line. Returns why it was stopped, if it was."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        line = progress.add_task("reading the table")
        while not stop.is_set():
            totals = importing.totals
            seen = f"{totals.looked_at:,} accounts, {totals.members:,} with history"
            if not importing.dry_run and not await importing.has_room():
                progress.update(
                    line,
                    description=f"{seen}; waiting for the consumers, whose events are on their way",
                )
                await pause(stop, LOOK_AGAIN_S)
                continue
            progress.update(line, description=seen)
            try:
                if not await importing.step():
                    return None
            except Paused as error:
                return str(error)
    return "you stopped it. Each imported member is complete; the same command imports the rest"


def _print(console: Terminal, request: Request, ranks: Sequence[Rank], totals: Totals) -> None:
    done = "to import" if request.dry_run else "imported"
    summary = whole_table(f"{request.platform.capitalize()}'s own table", "")
    for what, count in (
        ("accounts looked at", totals.looked_at),
        (f"members with history {done}", totals.members),
        ("of them new to twinstream", totals.new_members),
        (f"XP {done}", totals.xp),
        (f"balance {done}", totals.balance),
    ):
        summary.add_row(what, f"{count:,}")
    console.print(summary)
    if totals.ranks:
        console.print(_rank_table(ranks, totals))
    if totals.left:
        console.print(_left_table(totals))
    if request.dry_run:
        console.print("A dry run: nothing was imported, and no row was changed.")
    elif totals.members:
        console.print(
            "The table was not changed. The consumers bring the events to the other platform, and"
            " show new ranks after those of members who play."
        )


def _rank_table(ranks: Sequence[Rank], totals: Totals) -> Table:
    table = whole_table("rank", "becomes", "members")
    names = [NO_RANK, *(rank.name for rank in ranks)]
    for (before, after), members in sorted(totals.ranks.items()):
        table.add_row(Text(names[before]), Text(names[after]), f"{members:,}")
    return table


def _left_table(totals: Totals) -> Table:
    table = whole_table("left alone", "fields", "such as account")
    for why, count in totals.left.most_common():
        table.add_row(Text(why), f"{count:,}", ", ".join(map(str, totals.examples[why])))
    return table
