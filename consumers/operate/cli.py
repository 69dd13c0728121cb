"""The operator's commands beside the roles: `status`, `dead`, `doctor` and the others."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import asyncpg
import typer

import schemas
from bus import SOURCES, BusError, Client, Keys, Publisher, connect
from config import Community, ConfigError, Settings, set_up_logs, set_up_logs_of
from config.outside_text import visible
from config.outside_text.terminal import Terminal
from consumers.runtime.operator_commands import command
from consumers.runtime.stream_rebuild import Rebuild
from consumers.settling import bonuses
from db import DbError, Platform, Producer, open_pool, open_stores
from db.stop_signs import Paused

from . import audit, dead_letters, doctor, history_import, links, people, rereading, trace
from . import reconcile as reconcile_command
from .status import command as status_screen

LISTED = 50
COMMANDS = (
    *("status", "trace", "dead", "links", "rebuild", "reread", "doctor", "audit"),
    *("import-history", "forget", "export"),
)

app = typer.Typer(
    add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__
)
dead_app = typer.Typer(
    no_args_is_help=True,
    help="Buried events: look at them, and replay them once their cause is fixed.",
)
app.add_typer(dead_app, name="dead")
links_app = typer.Typer(
    no_args_is_help=True,
    help="Links of accounts: see, link, unlink, undo, move, forbid, allow, acts, one-sided.",
)
app.add_typer(links_app, name="links")
console = Terminal()

#: The largest id or limit that Postgres takes (bigint).
NUMBER_MAX = 2**63 - 1

Reason = Annotated[str, typer.Option(help="Only those whose reason contains this text.")]


Account = Annotated[str, typer.Argument(metavar="ACCOUNT", help="telegram:1001 or discord:2001.")]
Why = Annotated[str, typer.Option("--reason", help="Why. The members can read it.")]
Listed = Annotated[int, typer.Option("--limit", min=1, max=NUMBER_MAX)]


class Connections(NamedTuple):
    """The connections that a command works with."""

    pool: asyncpg.Pool
    redis: Client
    keys: Keys


@app.command()
def status(
    watch: Annotated[
        bool, typer.Option("--watch", help="Look again every two seconds, until Ctrl-C.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write it for programs.")] = False,
) -> None:
    """Show on one screen whether all is well, and what to do next.

    Exits 0 if all is well, 1 if there is something to do.
    """
    settings = Settings.from_env(os.environ)
    set_up_logs(level="error", secrets=settings.secrets())  # the screen says what is wrong
    with contextlib.suppress(KeyboardInterrupt):
        raise typer.Exit(
            asyncio.run(status_screen.run(settings, console, watch=watch, as_json=as_json))
        )


@app.command(name="trace")
def trace_(key: Annotated[str, typer.Argument(metavar="KEY")]) -> None:
    """Print the life of one event by its idempotency key: ledger, stream, consumers, logs.

    Exits 0 if any place knows of it, 1 if none does.
    """
    settings = Settings.from_env(os.environ)
    settings.require("redis_url", "database_url")
    set_up_logs(level="error", secrets=settings.secrets())
    raise typer.Exit(asyncio.run(trace.run(settings, console, key)))


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
    admit: Annotated[
        bool,
        typer.Option(
            "--admit",
            help="You have looked: record events whose keys are reserved for twinstream itself.",
        ),
    ] = False,
) -> None:
    """Send buried events again. Doing so twice counts once."""
    if bool(ids) == everything:
        raise ConfigError("name the ids to send again, or --all, perhaps with --reason")
    if admit and everything:
        raise ConfigError("--admit needs the ids of the events that you have looked at")
    found = None if everything else ids
    _work(lambda to: _replay(to, found, reason, dry_run=dry_run, admit=admit))


@dead_app.command()
def discard(
    ids: Annotated[list[int], typer.Argument(metavar="ID ...", min=1, max=NUMBER_MAX)],
) -> None:
    """Delete entries that were never events of ours, once you have looked at them."""
    _work(lambda to: dead_letters.discard(to.pool, console, ids))


@links_app.command()
def see(account: Account) -> None:
    """Print with whom an account is linked, since when, and every act that concerns it."""
    named = links.account_of(account)
    _look(lambda pool: links.see(pool, console, named))


@links_app.command()
def link(telegram: Account, discord: Account, reason: Why) -> None:
    """Link two accounts, whose member cannot do it. Both are told."""
    here, there = links.account_of(telegram), links.account_of(discord)
    done = f"{telegram} and {discord} are one member now; both are told."
    _change(lambda pool: links.link(pool, here, there, _stores(), reason), done)


@links_app.command()
def unlink(account: Account, reason: Why) -> None:
    """Unlink an account. XP and balance stay with the Telegram account. Both are told."""
    named = links.account_of(account)
    done = f"{account} is no longer linked; both accounts are told."
    _change(lambda pool: links.unlink(pool, named, _stores(), reason), done)


@links_app.command()
def undo(account: Account, reason: Why) -> None:
    """Undo the newest link of an account: each gets back what it had. Both are told."""
    named = links.account_of(account)
    done = f"The newest link of {account} is undone; both accounts are told."
    _change(lambda pool: links.undo(pool, named, _stores(), reason), done)


@links_app.command()
def move(lost: Account, account: Account, reason: Why) -> None:
    """Put an account in the place of a lost one on the same platform. All are told."""
    old, new = links.account_of(lost), links.account_of(account)
    done = f"The member of {lost} goes on with {account}."
    _change(lambda pool: links.move(pool, old, new, _stores(), reason), done)


@links_app.command()
def forbid(account: Account, reason: Why) -> None:
    """Let an account, and the one that it is linked with, link no more. A link stays."""
    named = links.account_of(account)
    _change(
        lambda pool: links.set_leave(pool, named, may_link=False, reason=reason),
        f"{account} may not link any more.",
    )


@links_app.command()
def allow(account: Account, reason: Why) -> None:
    """Let an account link again."""
    named = links.account_of(account)
    _change(
        lambda pool: links.set_leave(pool, named, may_link=True, reason=reason),
        f"{account} may link again.",
    )


@links_app.command()
def acts(platform: Platform, limit: Listed = links.LISTED) -> None:
    """Print what the administrators of a platform did, and what was done here."""
    _look(lambda pool: links.show_acts(pool, console, platform, limit=limit))


@links_app.command(name="one-sided")
def one_sided(limit: Listed = links.LISTED) -> None:
    """Print members who earn on one platform only: whom to remind of /link."""
    _look(lambda pool: links.show_one_sided(pool, console, limit=limit))


@app.command()
def rebuild() -> None:
    """Publish all unfinished events again, after Redis lost data.

    The consumers notice a loss and do this within seconds; this command does it at once, for all.
    """
    _work(_rebuild)


@app.command()
def reread(
    dry_run: Annotated[
        bool, typer.Option(help="Say what is missing in the ledger, and change nothing.")
    ] = False,
) -> None:
    """Settle again whatever is still on the streams, after Postgres was restored from a backup.

    Events that the restored ledger has count once; those that it lost come back.
    """
    _work(lambda to: rereading.reread(to.pool, to.redis, to.keys, console, dry_run=dry_run))


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
        raise ConfigError(f"say --now: {command('reconcile', '--now')}, perhaps with --member ID")
    settings = _settings("redis_url", "database_url")
    request = reconcile_command.Request(member, dry_run, accept)
    try:
        raise typer.Exit(asyncio.run(reconcile_command.run(settings, console, request)))
    except (DbError, BusError) as error:
        raise ConfigError(str(error)) from error


@app.command(name="import-history")
def import_history(
    platform: Annotated[
        Platform, typer.Argument(help="Whose table of its own, named in [stores], is imported.")
    ],
    dry_run: Annotated[
        bool, typer.Option(help="Print what would be imported, and import nothing.")
    ] = False,
) -> None:
    """Make events of what a bot's own table held before twinstream. Doing so twice counts once.

    The table stays as it is; both platforms have its points then, and ranks follow. Exits 0 if all
    is imported, 1 if rows are left alone (the table says why), 3 if it was stopped.
    """
    settings = _settings("redis_url", "database_url")
    request = history_import.Request(platform, dry_run)
    try:
        raise typer.Exit(asyncio.run(history_import.run(settings, console, request)))
    except (DbError, BusError) as error:
        raise ConfigError(str(error)) from error


@app.command(name="doctor")
def doctor_() -> None:
    """Check everything that twinstream depends on, and say what is wrong and how to fix it.

    Exits 0 if all is fine, 1 if something is wrong.
    """
    settings = _settings()
    raise typer.Exit(asyncio.run(doctor.run(settings, console)))


@app.command(name="audit")
def audit_(
    as_json: Annotated[bool, typer.Option("--json", help="Write it for programs.")] = False,
) -> None:
    """Prove from the ledger alone that everything adds up, for every member. Changes nothing.

    Exits 0 if it does, 1 with the differences if it does not.
    """
    settings = _settings()
    try:
        raise typer.Exit(asyncio.run(audit.run(settings, console, as_json=as_json)))
    except DbError as error:
        raise ConfigError(str(error)) from error


@app.command()
def forget(
    account: Account,
    yes: Annotated[
        bool, typer.Option("--yes", help="You have asked, and do not want to be.")
    ] = False,
) -> None:
    """Forget a person: names and ids leave Postgres and Redis; amounts stay. It cannot be undone.

    Exits 0 if the person is forgotten, 1 if not.
    """
    settings = _settings_of_person()
    ask = (lambda _: True) if yes else typer.confirm
    _run_for_person(people.forget(settings, console, people.read_account(account), confirm=ask))


@app.command()
def export(
    account: Account,
    file: Annotated[Path | None, typer.Option(help="Write it there; else to the terminal.")] = None,
) -> None:
    """Write everything that is stored about a person as JSON. Exits 1 if nothing is."""
    settings = _settings_of_person()
    _run_for_person(people.export(settings, console, people.read_account(account), file))


def _settings(*needed: str) -> Settings:
    """Read the settings, of which these may not be missing, and log as they say."""
    settings = Settings.from_env(os.environ)
    settings.require(*needed)
    set_up_logs_of(settings)
    return settings


def _settings_of_person() -> Settings:
    settings = Settings.from_env(os.environ)
    settings.require("redis_url", "database_url")
    set_up_logs(level="error", style=settings.twinstream_log_format, secrets=settings.secrets())
    return settings


def _run_for_person(work: Coroutine[Any, Any, int]) -> None:
    try:
        raise typer.Exit(asyncio.run(work))
    except (DbError, BusError) as error:
        raise ConfigError(str(error)) from error


async def _replay(
    to: Connections, ids: list[int] | None, reason: str, *, dry_run: bool, admit: bool
) -> None:
    done = await dead_letters.replay(
        to.pool,
        Publisher(to.redis, to.keys),
        ids=ids,
        reason=reason,
        dry_run=dry_run,
        give_bonus=lambda event: _give_bonus(to, event),
        admit=admit,
        forget_secret=Settings.from_env(os.environ).forget_secret,
    )
    for dead_id, why in done.refused.items():
        console.print(f"{dead_id} cannot be sent again: {visible(why)}", soft_wrap=True)
    verb = "would be sent" if dry_run else "sent"
    console.print(f"{len(done.sent)} {verb} again, {len(done.refused)} left where they are")


async def _give_bonus(to: Connections, event: schemas.Event) -> str | None:
    """Record a bonus if it is due, also in the bot's own table if its platform has one."""
    community = Community.from_toml(Path(Settings.from_env(os.environ).twinstream_config))
    stores = await open_stores(to.pool, community.stores.by_platform())
    publisher = Publisher(to.redis, to.keys)
    producer = Producer(
        *(to.pool, schemas, publisher),
        stores=stores,
        may_reserve=True,
        forget_secret=Settings.from_env(os.environ).forget_secret,
    )
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


def _look(look: Callable[[asyncpg.Pool], Awaitable[None]]) -> None:
    """Connect to Postgres alone, and work with it."""
    settings = Settings.from_env(os.environ)
    settings.require("database_url")
    set_up_logs(level="error", secrets=settings.secrets())

    async def connected() -> None:
        async with await open_pool(settings.database_url or "", name="links", size_max=1) as pool:
            await look(pool)

    try:
        asyncio.run(connected())
    except (DbError, Paused) as error:
        raise ConfigError(f"nothing was changed: {error}") from error


def _change(change: Callable[[asyncpg.Pool], Awaitable[None]], done: str) -> None:
    """Change links, and say that it is done."""
    _look(change)
    console.print(done, soft_wrap=True)


def _stores() -> list[Platform]:
    """Return the platforms whose bot has a table of its own: its rows follow the accounts."""
    path = Path(Settings.from_env(os.environ).twinstream_config)
    return list(Community.from_toml(path).stores.connected())


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
    settings = _settings("redis_url", "database_url")
    redis = connect(settings.redis_url or "", name="twinstream/operator")
    try:
        async with await open_pool(settings.database_url or "", name="operator") as pool:
            yield Connections(pool, redis, Keys())
    finally:
        await redis.aclose()
