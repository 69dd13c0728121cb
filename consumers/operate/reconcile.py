"""`python -m consumers reconcile --now`: makes one pass at once and prints its findings."""

import asyncio
import signal
from pathlib import Path
from typing import Final, NamedTuple

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from config import Community, ConfigError, Settings
from config.outside_text import visible
from config.outside_text.terminal import Terminal, whole_table
from consumers.reconcile import open_subjects
from consumers.reconcile.role import Reconcile
from consumers.runtime.operator_commands import command
from consumers.runtime.resources import Resources, open_resources
from consumers.runtime.runner import pause
from consumers.runtime.transactions import transaction
from db import PLATFORMS
from db.members.accounts import find_member
from db.reconcile import comparison_queries, drift, passes
from db.reconcile.compared_fields import FieldKind
from db.reconcile.passes import RunReport
from db.stop_signs import Paused
from schemas import DELTA_MAX

#: Findings in the printed table, at most.
FINDINGS_SHOWN: Final = 50
CONSUMER: Final = "reconcile-operator"
#: How often the command asks to begin while another pass is running, in seconds.
ASK_AGAIN_S: Final = 0.5
#: The largest id that a bigint holds.
ID_MAX: Final = 2**63 - 1

EXIT_CODE_EQUAL: Final = 0
EXIT_CODE_DIFFERENT: Final = 1
EXIT_CODE_STOPPED: Final = 3

#: The decisions after which nothing differs any more.
CLOSED: Final = ("repaired", "gone")

#: The fate of an open difference in an amount of Telegram's.
TELEGRAM_IS_THE_TRUTH: Final = (
    "Telegram is the source of truth: repairing a difference in its XP or balance makes an event of"
    " the amount under `by`, and Discord follows. To keep what is expected, set the row back before"
    " the next pass."
)

_COLOURS: Final = {"repaired": "green", "watched": "yellow", "held": "red", "left": "red"}


class Request(NamedTuple):
    """The options of the command."""

    member: str | None
    dry_run: bool
    accept: bool


async def run(settings: Settings, console: Terminal, request: Request) -> int:
    """Make one pass and print what it found. Returns the exit code.

    Raises:
        ConfigError: there is no such member.
    """
    community = Community.from_toml(Path(settings.twinstream_config))
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with (
        open_resources(settings, community, stop) as resources,
        open_subjects(resources) as (subjects, _),
    ):
        member_id = await _member(resources, request.member)
        role = Reconcile(resources, subjects, consumer=CONSUMER)
        _print_what_is_skipped(settings, community, console)
        try:
            run_id = await _begin(role, resources, console, request, member_id)
        except Paused as paused:
            console.print(f"No pass is begun, because {paused}")
            return EXIT_CODE_STOPPED
        report = None if run_id is None else await _watch(role, resources, console, run_id)
        if report is None or report.status == "running":
            console.print("Stopped by you; the service goes on with the pass in a while.")
            return EXIT_CODE_STOPPED
        if request.dry_run:
            console.print("A dry run: nothing is repaired, and nothing counts as seen.")
        return await _print_report(resources, console, report, dry_run=request.dry_run)


def _print_what_is_skipped(settings: Settings, community: Community, console: Terminal) -> None:
    """Name the subjects that are not compared: the operator must not take them for equal."""
    if community.keep_manual_changes:
        console.print("Roles and tags are not looked at: keep_manual_changes is set.")
        return
    for what, token in (("tags", "telegram_token"), ("roles", "discord_token")):
        if getattr(settings, token) is None:
            console.print(f"The {what} members wear are not looked at: {token.upper()} is not set.")


async def _member(resources: Resources, asked: str | None) -> int | None:
    """Find the member named by `7`, `telegram:1001` or `discord:2001`.

    Raises:
        ConfigError: there is no such member.
    """
    if asked is None:
        return None
    platform, _, number = asked.rpartition(":")
    is_number = number.isascii() and number.isdecimal()
    if not is_number or (platform and platform not in PLATFORMS):
        raise ConfigError(
            f"--member {asked}: name a member by number (7), or by an account"
            " (telegram:1001, discord:2001)"
        )
    if len(number) > len(str(ID_MAX)) or int(number) > ID_MAX:
        raise ConfigError(f"--member {asked}: there is no such member; ids are at most {ID_MAX}")
    async with transaction(resources.pool) as conn:
        if platform:
            found = await find_member(conn, platform, int(number))
        else:
            found = next(
                iter(await comparison_queries.members_after(conn, int(number) - 1, 1)), None
            )
            found = found if found == int(number) else None
    if found is None:
        raise ConfigError(f"--member {asked}: there is no such member")
    return found


async def _begin(
    role: Reconcile,
    resources: Resources,
    console: Terminal,
    request: Request,
    member_id: int | None,
) -> int | None:
    said = False
    while not resources.stop.is_set():
        run_id = await role.ask(
            member_id=member_id,
            everybody=member_id is None,
            dry_run=request.dry_run,
            accepted=request.accept,
        )
        if run_id is not None:
            return run_id
        if not said:
            console.print("Another pass is running; this one begins when it has ended.")
            said = True
        await pause(resources.stop, ASK_AGAIN_S)
    return None


async def _watch(
    role: Reconcile, resources: Resources, console: Terminal, run_id: int
) -> RunReport | None:
    async with transaction(resources.pool) as conn:
        about = await comparison_queries.about_members(conn)
    expected = max(1, role.pages_for(about))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
               TextColumn("pages"), TimeElapsedColumn())  # fmt: skip
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task(f"pass {run_id}: comparing", total=expected)
        while True:
            await role.step()
            async with transaction(resources.pool) as conn:
                report = await passes.report(conn, run_id)
            if report is None or report.status != "running" or resources.stop.is_set():
                return report
            total = report.pages or max(expected, report.taken)
            progress.update(bar, completed=report.compared, total=total)
            if report.pages is not None and report.compared == report.pages:
                progress.update(bar, description=f"pass {run_id}: deciding")


async def _print_report(
    resources: Resources, console: Terminal, report: RunReport, *, dry_run: bool
) -> int:
    """Print what a pass found and decided. Returns the exit code."""
    async with transaction(resources.pool) as conn:
        rows = await drift.of_run(conn, report.id, limit=FINDINGS_SHOWN)
        decided = await drift.decisions_of(conn, report.id)
        held = await drift.held_count(conn)
    _print_findings(console, report, rows)
    truth = "books" if resources.community.stores.telegram is None else "store"
    if any(becomes_an_event(row, truth=truth, dry_run=dry_run) for row in rows):
        console.print(TELEGRAM_IS_THE_TRUTH)
    counts = ", ".join(f"{count} {decision}" for decision, count in decided.items())
    seconds = (report.finished_at or report.started_at) - report.started_at
    console.print(
        f"Pass {report.id}: {report.members} members in {seconds.total_seconds():.1f} s,"
        f" {counts or 'nothing differs'}."
    )
    if report.stopped_because is not None:
        done = f"after {report.repairs} repairs" if report.repairs else "and nothing was repaired"
        stopped = Text(f" {visible(report.stopped_because)}")
        console.print(Text(f"Stopped, {done}:", style="red") + stopped)
        return EXIT_CODE_STOPPED
    if decided.get("watched"):
        console.print("What was seen for the first time is repaired by the next pass.")
    if held:
        console.print(
            f"{held} findings are held until you decide:"
            f" {command('reconcile', '--now', '--dry-run')} lists them, the table `drift` says why"
            " of each (decision = 'held'), and"
            f" {command('reconcile', '--now', '--accept')} lets them be imported or corrected."
        )
    open_findings = sum(decided.values()) - sum(decided.get(done, 0) for done in CLOSED)
    return EXIT_CODE_DIFFERENT if held + open_findings else EXIT_CODE_EQUAL


def _print_findings(console: Terminal, report: RunReport, rows: list[drift.DriftRow]) -> None:
    if rows:
        console.print(_table(rows))
        if report.findings > len(rows):
            more = report.findings - len(rows)
            console.print(f"... and {more} more, in the table drift with run_id {report.id}")
    for why in report.left_out:
        console.print(f"Left out: {visible(why)}")


def becomes_an_event(row: drift.DriftRow, *, truth: str, dry_run: bool) -> bool:
    """Tell whether repairing a finding records its amount as an event of Telegram. Pure.

    `truth` is the subject whose changes by hand count: the books, or the bot's own table. In such a
    table, what is held or only looked at may be history, of which the table drift says more.
    """
    if (row.platform, row.subject) != ("telegram", truth) or row.account_id is None:
        return False
    if row.field not in (FieldKind.XP, FieldKind.BALANCE):
        return False
    if row.difference is None or abs(row.difference) > DELTA_MAX:
        return False
    may_be_open = row.decision == "held" or (row.decision == "left" and dry_run)
    return row.decision == "watched" or (truth == "books" and may_be_open)


def _account(row: drift.DriftRow) -> str:
    """Write an account with the name that it had last, which a member chose. Pure."""
    name = f" {visible(row.display_name)}" if row.display_name else ""
    return f"{row.account_id}{name}" if row.account_id is not None else ""


def _table(rows: list[drift.DriftRow]) -> Table:
    table = whole_table("where", "member", "account", "what", "seen", "expected", "by", "decided")
    for row in rows:
        colour = _COLOURS.get(row.decision, "default")
        table.add_row(
            f"{row.platform} {row.subject}",
            str(row.member_id or ""),
            _account(row),
            # A bot's table may hold any text.
            visible(row.field),
            visible(row.seen),
            visible(row.expected),
            "" if row.difference is None else f"{row.difference:+d}",
            Text(row.decision, style=colour),
        )
    return table
