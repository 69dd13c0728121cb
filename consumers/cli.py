"""The command line: options of `python -m consumers`, and the operator's commands.

Only a process that is asked for one of them imports this module.
"""

import sys
from typing import Annotated

import typer

from config import ConfigError
from config.outside_text import tell
from db.release_number import RELEASE

from .operate import cli as operator
from .runtime.process import EXIT_CODE_UNFIT_SETTINGS, run_roles
from .runtime.roles import ROLES

# A pretty traceback would show local variables, and tokens among them.
cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def _tell_release(is_asked: bool) -> None:
    if is_asked:
        sys.stdout.write(f"twinstream {RELEASE}\n")
        raise typer.Exit


@cli.command()
def main(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[ROLE ...]", help=f"Some of {', '.join(ROLES)}.")
    ] = None,
    _: Annotated[
        bool,
        typer.Option("--version", callback=_tell_release, is_eager=True, help="Say the release."),
    ] = False,
) -> None:
    """Settle events, publish leftovers, show ranks: all roles, or those that are named.

    Commands for the operator: status (whether all is well, and what to do next),
    trace (the life of one event), dead (what was buried), links (of accounts: see, link,
    unlink, undo), rebuild (publish again what Redis lost), reread (settle again what is on the
    streams, after Postgres was restored),
    doctor (what is wrong here, and how to fix it), reconcile --now (compare both sides now),
    audit (prove from the ledger that everything adds up), import-history (what a bot's own table
    held before).
    """
    run_roles(names or [])


def run() -> None:
    """Run the operator's command, or the roles, that the arguments name."""
    asked, *more = sys.argv[1:]
    is_command = asked in operator.COMMANDS
    if asked == "reconcile":  # also the name of a role; only the command has options
        is_command = any(one.startswith("-") for one in more)
    if not is_command:
        cli()
        return
    try:
        operator.app()
    except ConfigError as error:
        tell(error)
        raise SystemExit(EXIT_CODE_UNFIT_SETTINGS) from None
