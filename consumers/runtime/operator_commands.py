"""The commands that texts for operators name, as they are typed where this process runs."""

import os
import re
from enum import Enum
from pathlib import Path
from typing import Final

from config.settings import DEPLOYMENT
from db.upkeep import overview

#: Where docs/production.md puts the checkout that systemd runs, and the operator's own command.
SYSTEMD_CHECKOUT: Final = Path("/opt/twinstream/app")
OPERATOR_COMMAND: Final = Path("/usr/local/bin/twinstream")
#: The line that starts what is not running; a unit that runs is left alone.
SYSTEMD_START: Final = (
    "sudo systemctl start twinstream@consumers twinstream@bots.telegram_bot"
    " twinstream@bots.discord_bot"
)
#: The same with Compose: the programs are in the containers, and so is the password of Redis.
COMPOSE_COMMAND: Final = "docker compose exec consumers python -m consumers"
COMPOSE_PSQL: Final = "docker compose exec postgres psql -U twinstream"
COMPOSE_REDIS: Final = "docker compose exec redis redis-cli --user operator"
#: The words of a command that its target in the Makefile says itself.
_SAID_BY_TARGET: Final = {"dead": "list", "reconcile": "--now"}

#: A name that means itself in every shell.
_PLAIN_NAME: Final = re.compile(r"[\w.:-]+", re.ASCII)


class Place(Enum):
    """Where a process runs, which decides what an operator types there."""

    CHECKOUT = "make"
    SYSTEMD = "twinstream"
    #: compose.yaml says so by the variable TWINSTREAM_DEPLOYMENT.
    COMPOSE = "compose"
    #: The images and the release archive hold our packages without the Makefile.
    IMAGE = "python"


def place_of(
    root: Path, operator_command: Path = OPERATOR_COMMAND, *, deployment: str | None = None
) -> Place:
    """Tell where the packages in `root` run; `deployment` is the value of the variable."""
    if deployment == Place.COMPOSE.value:
        return Place.COMPOSE
    if root == SYSTEMD_CHECKOUT and operator_command.is_file():
        return Place.SYSTEMD
    return Place.CHECKOUT if (root / "Makefile").is_file() else Place.IMAGE


HERE: Final = place_of(Path(__file__).parents[2], deployment=os.environ.get(DEPLOYMENT))


def command(*words: str, place: Place = HERE) -> str:
    """Return a command of `consumers.operate` as the operator types it, in backquotes. Pure.

    `command("dead", "show", "7")` is `make dead ARGS="show 7"` in a checkout.
    """
    if place is Place.SYSTEMD:
        return f"`sudo twinstream {' '.join(words)}`"
    if place is Place.COMPOSE:
        return f"`{COMPOSE_COMMAND} {' '.join(words)}`"
    if place is Place.IMAGE:
        return f"`python -m consumers {' '.join(words)}`"
    name, *arguments = words
    if arguments[:1] == [_SAID_BY_TARGET.get(name)]:
        arguments = arguments[1:]
    if not arguments:
        return f"`make {name}`"
    together = " ".join(arguments)
    quoted = f'"{together}"' if " " in together else together
    return f"`make {name} ARGS={quoted}`"


def end_transaction(pid: int, *, place: Place = HERE) -> str:
    """Return the line that ends a process of Postgres with its transaction, in backquotes. Pure."""
    sql = overview.TERMINATE.format(pid=pid)
    if place is Place.SYSTEMD:
        return f'`sudo -u postgres psql -c "{sql}"`'
    if place is Place.COMPOSE:
        return f'`{COMPOSE_PSQL} -c "{sql}"`'
    if place is Place.CHECKOUT:
        return f'`make psql ARGS="{sql}"`'
    return f'`psql "$DATABASE_URL" -c "{sql}"`'


def destroy_group(stream: str, group: str, *, place: Place = HERE) -> str:
    """Return the line that removes a group of another program, in backquotes. Pure."""
    # Another program chose the name, so a shell might do anything with it.
    typed = group if _PLAIN_NAME.fullmatch(group) else "GROUP"
    destroy = f"XGROUP DESTROY {stream} {typed}"
    if place is Place.CHECKOUT:
        return f'`make redis ARGS="{destroy}"`'
    return f"`{COMPOSE_REDIS if place is Place.COMPOSE else 'redis-cli'} {destroy}`"


def start(*, place: Place = HERE) -> str:
    """Return the line that starts the processes that are not running, in backquotes. Pure."""
    if place is Place.SYSTEMD:
        return f"`{SYSTEMD_START}`"
    return "`make run`" if place is Place.CHECKOUT else "`docker compose up -d`"
