"""The operator's commands beside the roles: `dead`, `rebuild`, `doctor`, `reconcile`, `audit`."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Annotated, NamedTuple

import asyncpg
import typer
from rich.console import Console

import schemas
from bus import SOURCES, BusError, Client, Keys, Publisher, connect
from config import Community, ConfigError, Settings, set_up_logs
from consumers.runtime.stream_rebuild import Rebuild
from consumers.settling import bonuses
from db import DbError, Producer, open_pool, open_stores

from . import audit, dead_letters, doctor
from . import reconcile as reconcile_command

LISTED = 50
COMMANDS = ("dead", "rebuild", "doctor", "audit")

app = typer.Typer(
    add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__
)
dead_app = typer.Typer(
    no_args_is_help=True,
    help="Buried events: look at them, and replay them once their cause is fixed.",
)
app.add_typer(dead_app, name="dead")
console = Console(highlight=False)

#: The largest id or limit that Postgres takes (bigint).
NUMBER_MAX = 2**63 - 1

Reason = Annotated[str, typer.Option(help="Only those whose reason contains this text.")]


class Connections(NamedTuple):
    """The connections that a command works with."""

    pool: asyncpg.Pool
    redis: Client
    keys: Keys


@dead_app.command(name="list")
def list_(
    reason: Reason = "", limit: Annotated[int, typer.Option(min=1, max=NUMBER_MAX)] = LISTED
) -> None:
    """Print the buried events, oldest first."""
    _work(lambda to: dead_letters.show_list(to.pool, console, reason=reason, limit=limit))


@dead_app.command()
def show(dead_id: Annotated[int, typer.Argument(metavar="ID", min=1, max=NUMBER_MAX)]) -> None:
    """Print everything that is known of one buried event."""
    _work(lambda to: dead_letters.show_one(to.pool, console, dead_id))


@dead_app.command()
def replay(
    ids: Annotated[
        list[int] | None, typer.Argument(metavar="[ID ...]", min=1, max=NUMBER_MAX)
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that are buried.")] = False,
    reason: Reason = "",
    dry_run: Annotated[
        bool, typer.Option(help="Say what would be sent, and send nothing.")
    ] = False,
) -> None:
    """Send buried events again. Doing so twice counts once."""
    if bool(ids) == everything:
        raise ConfigError("name the ids to send again, or --all, perhaps with --reason")
    _work(lambda to: _replay(to, None if everything else ids, reason, dry_run))


@dead_app.command()
def discard(
    ids: Annotated[list[int], typer.Argument(metavar="ID ...", min=1, max=NUMBER_MAX)],
) -> None:
    """Delete entries that were never events of ours, once you have looked at them."""
    _work(lambda to: dead_letters.discard(to.pool, console, ids))


@app.command()
def rebuild() -> None:
    """Publish all unfinished events again, after Redis lost data.

    The consumers notice a loss and do this within seconds; this command does it at once, for all.
    """
    _work(_rebuild)


@app.command()
def reconcile(
    now: Annotated[bool, typer.Option("--now", help="Make a pass over all members now.")] = False,
    member: Annotated[
        str | None, typer.Option(help="Only this member: 7, telegram:1001 or discord:2001.")
    ] = None,
    dry_run: Annotated[bool, typer.Option(help="Print what differs, and repair nothing.")] = False,
    accept: Annotated[
        bool, typer.Option("--accept", help="You have looked: repair however much it is.")
    ] = False,
) -> None:
    """Compare both sides now, and repair differences that two passes found.

    Exits 0 if nothing differs (any more), 1 if a difference is left or still to be repaired, 3 if
    the pass was stopped. Without options this is the role `reconcile`, which makes passes itself.
    """
    if not now:
        raise ConfigError("say --now: python -m consumers reconcile --now [--member ID]")
    settings = Settings.from_env(os.environ)
    settings.require("redis_url", "database_url")
    set_up_logs(
        level=settings.twinstream_log_level,
        style=settings.twinstream_log_format,
        secrets=settings.secrets(),
    )
    request = reconcile_command.Request(member, dry_run, accept)
    try:
        raise typer.Exit(asyncio.run(reconcile_command.run(settings, console, request)))
    except (DbError, BusError) as error:
        raise ConfigError(str(error)) from error


@app.command(name="doctor")
def doctor_() -> None:
    """Check everything that twinstream depends on, and say what is wrong and how to fix it.

    Exits 0 if all is fine, 1 if something is wrong.
    """
    settings = Settings.from_env(os.environ)
    set_up_logs(
        level=settings.twinstream_log_level,
        style=settings.twinstream_log_format,
        secrets=settings.secrets(),
    )
    raise typer.Exit(asyncio.run(doctor.run(settings, console)))


@app.command(name="audit")
def audit_(
    as_json: Annotated[bool, typer.Option("--json", help="Write it for programs.")] = False,
) -> None:
    """Prove from the ledger alone that everything adds up, for every member. Changes nothing.

    Exits 0 if it does, 1 with the differences if it does not.
    """
    settings = Settings.from_env(os.environ)
    set_up_logs(
        level=settings.twinstream_log_level,
        style=settings.twinstream_log_format,
        secrets=settings.secrets(),
    )
    try:
        raise typer.Exit(asyncio.run(audit.run(settings, console, as_json=as_json)))
    except DbError as error:
        raise ConfigError(str(error)) from error


async def _replay(to: Connections, ids: list[int] | None, reason: str, dry_run: bool) -> None:
    done = await dead_letters.replay(
        to.pool,
        Publisher(to.redis, to.keys),
        ids=ids,
        reason=reason,
        dry_run=dry_run,
        give_bonus=lambda event: _give_bonus(to, event),
    )
    for dead_id, why in done.refused.items():
        console.print(f"{dead_id} cannot be sent again: {why}", soft_wrap=True)
    verb = "would be sent" if dry_run else "sent"
    console.print(f"{len(done.sent)} {verb} again, {len(done.refused)} left where they are")


async def _give_bonus(to: Connections, event: schemas.Event) -> str | None:
    """Record a bonus if it is due, also in the bot's own table if its platform has one."""
    community = Community.from_toml(Path(Settings.from_env(os.environ).twinstream_config))
    stores = await open_stores(to.pool, community.stores.by_platform())
    producer = Producer(to.pool, schemas, Publisher(to.redis, to.keys), stores=stores)
    try:
        return await bonuses.give_again(producer, community, event)
    finally:
        await producer.close()


async def _rebuild(to: Connections) -> None:
    rebuilding = Rebuild(to.pool, to.redis, to.keys)
    for source in SOURCES:
        count = await rebuilding.publish_unfinished_again(source)
        console.print(f"{to.keys.stream(source)}: {count} unfinished events are published again")
    console.print("The role `relay` publishes them; see that it runs.")


def _work(work: Callable[[Connections], Awaitable[None]]) -> None:
    async def connected() -> None:
        async with _connections() as to:
            await work(to)

    try:
        asyncio.run(connected())
    except (DbError, BusError) as error:
        raise ConfigError(str(error)) from error


@contextlib.asynccontextmanager
async def _connections() -> AsyncIterator[Connections]:
    settings = Settings.from_env(os.environ)
    settings.require("redis_url", "database_url")
    set_up_logs(
        level=settings.twinstream_log_level,
        style=settings.twinstream_log_format,
        secrets=settings.secrets(),
    )
    redis = connect(settings.redis_url or "", name="twinstream/operator")
    try:
        async with await open_pool(settings.database_url or "", name="operator") as pool:
            yield Connections(pool, redis, Keys())
    finally:
        await redis.aclose()
