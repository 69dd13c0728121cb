"""The commands that texts for operators name: `make dead` in a checkout, else the module's own."""

import re
from pathlib import Path
from typing import Final

from db.upkeep import overview

#: The images and the release archive hold our packages without the Makefile.
IS_CHECKOUT: Final = (Path(__file__).parents[2] / "Makefile").is_file()
#: The words of a command that its target in the Makefile says itself.
_SAID_BY_TARGET: Final = {"dead": "list", "reconcile": "--now"}

#: A name that means itself in every shell.
_PLAIN_NAME: Final = re.compile(r"[\w.:-]+", re.ASCII)


def command(*words: str, in_checkout: bool = IS_CHECKOUT) -> str:
    """Return a command of `consumers.operate` as the operator types it, in backquotes. Pure.

    `command("dead", "show", "7")` is `make dead ARGS="show 7"` in a checkout.
    """
    if not in_checkout:
        return f"`python -m consumers {' '.join(words)}`"
    name, *arguments = words
    if arguments[:1] == [_SAID_BY_TARGET.get(name)]:
        arguments = arguments[1:]
    if not arguments:
        return f"`make {name}`"
    together = " ".join(arguments)
    quoted = f'"{together}"' if " " in together else together
    return f"`make {name} ARGS={quoted}`"


def end_transaction(pid: int, *, in_checkout: bool = IS_CHECKOUT) -> str:
    """Return the line that ends a process of Postgres with its transaction, in backquotes. Pure."""
    sql = overview.TERMINATE.format(pid=pid)
    if in_checkout:
        return f'`make psql ARGS="{sql}"`'
    return f'`psql "$DATABASE_URL" -c "{sql}"`'


def destroy_group(stream: str, group: str, *, in_checkout: bool = IS_CHECKOUT) -> str:
    """Return the line that removes a group of another program, in backquotes. Pure."""
    # Another program chose the name, so a shell might do anything with it.
    typed = group if _PLAIN_NAME.fullmatch(group) else "GROUP"
    destroy = f"XGROUP DESTROY {stream} {typed}"
    return f'`make redis ARGS="{destroy}"`' if in_checkout else f"`redis-cli {destroy}`"


def start(*, in_checkout: bool = IS_CHECKOUT) -> str:
    """Return the line that starts the processes that are not running, in backquotes. Pure."""
    return "`make run`" if in_checkout else "`docker compose up -d`"
