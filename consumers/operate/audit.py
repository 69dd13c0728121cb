"""`python -m consumers audit`: prove from the ledger alone that everything adds up."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec
from rich.text import Text

from config import Community, Settings
from config.outside_text import visible
from config.outside_text.terminal import Terminal, whole_table
from consumers.runtime.operator_commands import command
from db import Platform, Store, open_pool, open_stores
from db.upkeep.audit import Audit, Check, audit

EXIT_CODE_DIFFERENT = 1
PROVES: Mapping[str, str] = {
    "accounts": "each account that has ledger entries is a member's",
    "books": "XP and balance on each platform are what the ledger adds up to",
    "ranks": "each rank is the one that the XP asks for",
    "achievements": "each achievement was unlocked by an event, and each one unlocked is held",
    "totals": "settled totals are what happened on both platforms together",
    "events": "each event stands twice in the ledger, or is on its way, or was buried",
}


async def run(settings: Settings, console: Terminal, *, as_json: bool) -> int:
    """Audit everything and print the result. Returns the exit code: 1 if anything differs.

    Raises:
        ConfigError, StorageUnavailable, DatabaseUnfit, StoreUnfit: the audit cannot be made.
    """
    settings.require("database_url")
    community = Community.from_toml(Path(settings.twinstream_config))
    async with await open_pool(settings.database_url or "", name="audit", size_max=2) as pool:
        stores: Mapping[Platform, Store] = await open_stores(pool, community.stores.by_platform())
        async with pool.acquire() as conn:
            with _progress(console, silent=as_json) as tell:
                found = await audit(conn, stores, tell=tell)
    if as_json:
        console.print_json(as_json_text(found), ensure_ascii=True)
    else:
        show(found, console)
    return EXIT_CODE_DIFFERENT if found.differences else 0


def show(found: Audit, console: Terminal) -> None:
    """Print the result for people."""
    table = whole_table("proven", "looked at", "differences", "what that means")
    for check in found.checks:
        colour = "red" if check.different else "green"
        table.add_row(
            check.name,
            f"{check.looked_at:,}",
            Text(f"{check.different:,}", style=colour),
            PROVES.get(check.name, "the table holds what the ledger adds up to, less what is owed"),
        )
    console.print(table)
    for check in found.checks:
        if check.different:
            _show_examples(check, console)
    console.print(
        f"{found.on_their_way:,} events are on their way, {found.buried:,} are buried"
        f" ({command('dead', 'list')})."
    )
    console.print(
        Text.assemble(
            (f"{found.differences:,} differences", "red"),
            f": {command('reconcile', '--now')} tells what each one is, and what becomes of it.",
        )
        if found.differences
        else Text.assemble(
            ("Everything adds up", "green"), f", as of {found.taken_at:%Y-%m-%d %H:%M:%S} UTC."
        )
    )


def as_json_text(found: Audit) -> str:
    """Write the result for programs."""
    document = {
        "taken_at": found.taken_at,
        "equal": not found.differences,
        "differences": found.differences,
        "on_their_way": found.on_their_way,
        "buried": found.buried,
        "checks": [
            {**check._asdict(), "examples": [example._asdict() for example in check.examples]}
            for check in found.checks
        ],
    }
    return msgspec.json.encode(document).decode()


def _show_examples(check: Check, console: Terminal) -> None:
    shown = len(check.examples)
    title = f"{check.name}: {check.different:,} differences"
    if shown < check.different:
        title += f", the first {shown}"
    table = whole_table("what", "is", "should be", title=title, title_justify="left")
    for example in check.examples:
        table.add_row(*map(visible, example))
    console.print(table)


@contextlib.contextmanager
def _progress(console: Terminal, *, silent: bool) -> Iterator[Callable[[str], None]]:
    """Show the progress at a terminal; a program that reads the output sees nothing of it."""
    if silent or not console.is_terminal:
        yield lambda _: None
        return
    with console.status("looking at the ledger") as line:
        yield lambda name: line.update(f"looking at {name}")
