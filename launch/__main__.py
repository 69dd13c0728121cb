"""`python -m launch COMMAND`: what the Makefile calls."""

import asyncio
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Annotated, Any

import dotenv
import typer
from rich.text import Text

from bus import BadRedisUrl, BusError, CommandRefused, Keys, connect
from bus.errors import translated
from config import (
    Community,
    ConfigError,
    Settings,
    defaults_for,
    in_place_of,
    mask_url,
    secret_setting,
)
from config.outside_text import tell
from config.outside_text.terminal import Terminal
from db import BadDatabaseUrl, DbError, open_pool

from . import database_interface, forgotten_people, operator_hints, private_files, privileges
from .demo import Demo
from .errors import AlreadyRunning, LaunchError
from .migrate import SCHEMA, contract, dump_schema, make_roles, migrate
from .play import PLAY_URL_FILE, serve_page, take_port
from .processes import Crew
from .psql import become_psql
from .sandbox_client import SandboxClient
from .sandbox_member import SandboxMember
from .sandbox_runner import COMMUNITY, OURS, Endpoints, own_logins, run_sandbox
from .servers import start_postgres
from .workspace import (
    FORGET_SECRET_FILE,
    LIVE,
    SANDBOX,
    Workspace,
    find_running,
    is_sandbox,
    open_workspace,
    remove,
)

EXIT_CODE_UNFIT_SETTINGS = 2
#: Factor on the length of the sandbox's rate-limit windows: the demo meets every limit, but waits
#: a tenth of the time.
DEMO_LIMIT_SCALE = 0.1
#: The settings that name servers.
SERVERS = ("REDIS_URL", "REDIS_URL_FILE", "DATABASE_URL", "DATABASE_URL_FILE")
TOKENS = ("telegram_token", "discord_token")
#: The variables with the passwords of logins, and the duty of each login.
PASSWORDS = {
    "POSTGRES_CONSUMERS_PASSWORD": "consumers",
    "POSTGRES_TO_DISCORD_PASSWORD": "to_discord",
    "POSTGRES_TO_TELEGRAM_PASSWORD": "to_telegram",
    "POSTGRES_TELEGRAM_PASSWORD": "telegram_bot",
    "POSTGRES_DISCORD_PASSWORD": "discord_bot",
}
#: Duties that only a deployment with a process for each direction has (compose.yaml).
DUTIES_OF_SPLIT_CONSUMERS = frozenset({"to_discord", "to_telegram"})
NOTHING_RUNS = (
    "nothing runs here to look at: start `make run` (with the tokens in .env) or `make sandbox`"
    " (without any), or set REDIS_URL and DATABASE_URL to the servers of a running deployment"
)
#: The rights that `run` gives up beside Compose, so that an owner can choose.
ONE_PROCESS = (
    "All consumers run as one process, with one login that may write to both streams. Compose runs"
    " them as three processes with the least rights each (SECURITY.md)."
)
#: The folder of the backups that `contract` takes, in the launcher's own.
BACKUPS = "backups"

#: Prints what a person is told once everything runs, the page's address first.
Show = Callable[[str, Endpoints, Workspace], None]

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
console = Terminal()


@app.command()
def run() -> None:
    """Run the bots and the consumers on the real platforms, until Ctrl-C."""
    settings = _settings()
    try:
        settings.require(*TOKENS)
    except ConfigError as error:
        raise ConfigError(f"{error}\n\nTo see twinstream without tokens: make sandbox") from error
    Community.from_toml(Path(settings.twinstream_config))
    _until_signal(_run(settings))


@app.command()
def sandbox() -> None:
    """Run everything on the local platforms, until Ctrl-C. Needs no tokens."""
    settings = _settings_of_sandbox()
    if "TWINSTREAM_CONFIG" in os.environ:
        console.print(f"The sandbox uses {COMMUNITY}; TWINSTREAM_CONFIG is ignored.")
    _until_signal(_sandbox(settings, 0, _show_addresses))


@app.command()
def play(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The page's port; 0 picks a free one.")
    ] = 0,
) -> None:
    """Run everything on the local platforms, and show it on a page, until Ctrl-C."""
    settings = _settings_of_sandbox()
    try:
        _until_signal(_sandbox(settings, port, _show_page))
    except AlreadyRunning:
        _show_running_page(Path(settings.twinstream_run_dir) / SANDBOX)


@app.command()
def demo() -> None:
    """Play the demo on the local platforms; exit 0 only if both sides agree in the end."""
    _until_signal(_demo(_settings_of_sandbox()))


@app.command()
def check() -> None:
    """Read the settings and the community's file, and say what is wrong in them."""
    settings = _settings()
    community = Community.from_toml(Path(settings.twinstream_config))
    console.print(f"{settings.twinstream_config}: {len(community.ranks)} ranks")


@app.command(name="migrate")
def migrate_() -> None:
    """Bring the database at DATABASE_URL to the newest schema."""
    settings = _settings()
    settings.require("database_url")
    console.print(migrate(settings.database_url or "") or "The database is up to date.")


@app.command()
def roles(
    logins: Annotated[
        bool, typer.Option("--logins", help=f"Make logins too; passwords: {', '.join(PASSWORDS)}.")
    ] = False,
) -> None:
    """Make the roles of Postgres that the processes' logins are granted: docs/operate.md."""
    settings = _settings()
    settings.require("database_url")
    passwords = {
        duty: secret_setting(os.environ, name) for name, duty in PASSWORDS.items() if logins
    }
    passwords = {
        duty: password
        for duty, password in passwords.items()
        if password or duty not in DUTIES_OF_SPLIT_CONSUMERS
    }
    if missing := [name for name, duty in PASSWORDS.items() if passwords.get(duty) == ""]:
        raise ConfigError(f"{', '.join(missing)}: set the password of each login")
    for line in make_roles(
        settings.database_url or "", prefix=settings.twinstream_role_prefix, passwords=passwords
    ):
        console.print(line, soft_wrap=True)


@app.command(name="contract")
def contract_(
    without_backup: Annotated[
        bool, typer.Option("--without-backup", help="Take none: there is one, or none is needed.")
    ] = False,
) -> None:
    """End the move from release 0.1, once none of its processes is left: docs/upgrade.md."""
    settings = _settings()
    database_url = settings.database_url or _addresses(settings)[1]
    backups = None if without_backup else Path(settings.twinstream_run_dir) / BACKUPS
    contract(database_url, backups=backups, say=console.print)


@app.command(name="forgotten")
def forgotten_(what: Annotated[str, typer.Argument(help="`apply`")]) -> None:
    """Forget again who was forgotten since a restored backup: docs/backup.md."""
    if what != "apply":
        raise ConfigError("say `python -m launch forgotten apply`")
    asyncio.run(forgotten_people.apply(_settings(), console.print))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def operate(context: typer.Context) -> None:
    """Run a command of `python -m consumers` on the local deployment, or on the one that is set."""
    environment = _environment_of_what_runs(_settings(), context.args)
    command = (sys.executable, "-m", "consumers", *context.args)
    raise typer.Exit(subprocess.run(command, env=environment, check=False).returncode)


@app.command()
def redis(command: Annotated[list[str], typer.Argument(help="Such as XINFO GROUPS ...")]) -> None:
    """Send one command to the Redis that runs here, or to REDIS_URL."""
    redis_url, _ = _addresses(_settings())
    words = shlex.split(command[0]) if len(command) == 1 else command
    if not words:
        raise ConfigError('name a command, such as make redis ARGS="XINFO GROUPS sync:telegram"')
    _until_signal(_redis(redis_url, words))


@app.command()
def psql(
    query: Annotated[
        str, typer.Argument(help="Such as 'SELECT ...'; without it, psql prompts.")
    ] = "",
) -> None:
    """Query the Postgres that runs here, or DATABASE_URL, with psql."""
    _, database_url = _addresses(_settings())
    become_psql(database_url, query)


@app.command()
def clean() -> None:
    """Remove the data of the sandbox; the data of `run` in .run/live stays."""
    remove(Path(_settings().twinstream_run_dir) / SANDBOX)


@app.command()
def schema() -> None:
    """Regenerate db/schema.sql from the migrations."""
    # In an empty database, because dbmate skips a migration that was edited after it was applied.
    with (
        tempfile.TemporaryDirectory(prefix="twinstream-schema-") as folder,
        start_postgres(Path(folder)) as server,
    ):
        migrate(server.url)
        SCHEMA.write_text(dump_schema(server.url), encoding="utf-8")


@app.command()
def interface() -> None:
    """Write db/interface.toml anew from the migrations and db/roles.sql."""
    with (
        tempfile.TemporaryDirectory(prefix="twinstream-interface-") as folder,
        start_postgres(Path(folder)) as server,
    ):
        migrate(server.url)
        make_roles(server.url, prefix=None)
        found = asyncio.run(database_interface.read(server.url))
        database_interface.FILE.write_text(database_interface.write_out(found), encoding="utf-8")


async def _run(settings: Settings) -> None:
    folder = Path(settings.twinstream_run_dir) / LIVE
    with open_workspace(folder, settings) as workspace:
        if workspace.embedded:
            names = " and ".join(watchdog.name for watchdog in workspace.embedded)
            console.print(f"No address is set for {names}: started here, on {workspace.folder}")
        environment = in_place_of(
            os.environ,
            {"REDIS_URL": workspace.redis_url, "DATABASE_URL": workspace.database_url},
        )
        environment |= _own_secret(settings, workspace.forget_secret)
        crew = Crew(
            environment,
            roster=workspace.roster,
            log_folder=None,
            own_variables=own_logins(workspace),
            say=console.print,
        )
        crew.stop_leftovers()
        if (notice := privileges.notice()) is not None:
            console.print(notice, soft_wrap=True)
        console.print(ONE_PROCESS, soft_wrap=True)
        try:
            for module in OURS:
                crew.start(module)
            _show_how_to_look_inside()
            await _watch(workspace.watch(console.print), crew.watch())
        finally:
            crew.stop()


async def _watch(*watches: Coroutine[Any, Any, None]) -> None:
    """Run all watches until cancelled. The first one that fails cancels the others."""
    try:
        async with asyncio.TaskGroup() as group:
            for watch in watches:
                group.create_task(watch)
    except ExceptionGroup as failures:
        error: Exception = failures
        while isinstance(error, ExceptionGroup):
            error = error.exceptions[0]
        raise error from None


async def _sandbox(settings: Settings, port: int, show: Show) -> None:
    root = Path(settings.twinstream_run_dir)
    with open_workspace(root / SANDBOX, settings) as workspace, take_port(port) as at:
        # A launcher that was killed left the address of a page that is no more.
        (workspace.folder / PLAY_URL_FILE).unlink(missing_ok=True)
        console.print("Starting the platforms, the bots and the consumers ...")
        async with (
            run_sandbox(workspace) as sandboxed,
            serve_page(workspace, sandboxed, at=at, say=console.print) as play_url,
        ):
            show(play_url, sandboxed.endpoints, workspace)
            await _watch(workspace.watch(console.print), sandboxed.watch())


async def _demo(settings: Settings) -> None:
    root = Path(settings.twinstream_run_dir)
    try:
        with open_workspace(root / SANDBOX, settings) as workspace:
            console.print(
                "Starting Postgres, Redis, a local Telegram, a local Discord, both bots and the"
                " consumers: all of them real, none of them installed ..."
            )
            async with run_sandbox(workspace, limit_scale=DEMO_LIMIT_SCALE) as sandboxed:
                await _play(sandboxed.endpoints, running_on=False)
    except AlreadyRunning:
        console.print("A sandbox runs here already; the demo is played there.")
        await _play(Endpoints.read(root / "endpoints.json"), running_on=True)


async def _play(endpoints: Endpoints, *, running_on: bool) -> None:
    redis = connect(endpoints.redis_url, name="twinstream/demo")
    pool = await open_pool(endpoints.database_url, name="demo")
    try:
        async with SandboxClient(endpoints.control_url) as client:
            mira = await SandboxMember.arrive(client, endpoints, "Mira")
            differences = await Demo(mira, pool, redis, Keys(), console).play()
    finally:
        await pool.close()
        await redis.aclose()
    if differences:
        raise LaunchError("the two sides differ: " + "; ".join(differences))
    console.print(Text("\nBoth sides agree.", style="bold green"))
    for line in operator_hints.after_demo(still_runs=running_on):
        console.print(line, soft_wrap=True)


def _show_addresses(play_url: str, endpoints: Endpoints, workspace: Workspace) -> None:
    file = workspace.folder.parent / "endpoints.json"
    console.print(f"Telegram Bot API  {endpoints.telegram_api_base}")
    console.print(f"Discord API       {endpoints.discord_api_base}")
    console.print(f"Discord gateway   {endpoints.discord_gateway_url}")
    console.print(f"Redis             {mask_url(endpoints.redis_url)}")
    console.print(f"Postgres          {mask_url(endpoints.database_url)}")
    console.print(f"Control           {endpoints.control_url}")
    console.print(f"Play in a browser {play_url}", soft_wrap=True)
    console.print(f"All others, with passwords, and the seeded ids: {file}. Logs: {workspace.logs}")
    _show_how_to_look_inside()


def _show_page(play_url: str, _: Endpoints, workspace: Workspace) -> None:
    console.print(f"Everything runs. Logs: {workspace.logs}", soft_wrap=True)
    console.print(f"\nOpen this in a browser: {play_url}", soft_wrap=True)
    console.print("\nRunning until Ctrl-C.")


def _show_running_page(folder: Path) -> None:
    """Print the address of the page that another launcher serves.

    Raises:
        LaunchError: that launcher serves none, or not yet.
    """
    play_url = private_files.read_password(folder / PLAY_URL_FILE)
    if play_url is None:
        raise LaunchError(
            "a demo or a sandbox that still starts runs here: try again once it is done"
        )
    console.print(f"A sandbox runs here already. Open this in a browser: {play_url}")


def _show_how_to_look_inside() -> None:
    console.print("\nTo look inside, in another terminal (`make status` sums it up):")
    for line in operator_hints.commands():
        console.print(f"  {line}", soft_wrap=True)
    console.print("\nRunning until Ctrl-C.")


async def _redis(redis_url: str, words: list[str]) -> None:
    client = connect(redis_url, name="twinstream/by-hand")
    try:
        with translated():
            reply = await client.execute_command(*words)
    except CommandRefused as error:
        raise LaunchError(f"Redis says: {error}") from error
    finally:
        await client.aclose()
    console.print(operator_hints.format_reply(reply), soft_wrap=True)


def _settings() -> Settings:
    """Read the settings from the environment, and from `.env` those that it does not set.

    Raises:
        ConfigError: a setting is unfit, or the file is no text in UTF-8.
    """
    try:
        # Editors on Windows begin a file with a mark that would be a part of the first name.
        found = dotenv.dotenv_values(".env", encoding="utf-8-sig")
        os.environ.update(defaults_for(os.environ, found))
    except UnicodeDecodeError:
        raise ConfigError(".env is not saved as UTF-8: save it as UTF-8 in your editor") from None
    except (OSError, ValueError) as error:
        raise ConfigError(f".env cannot be read: {error}") from None
    return Settings.from_env(os.environ)


def _settings_of_sandbox() -> Settings:
    """Read the settings for what plays on the local platforms.

    Raises:
        ConfigError: a setting is unfit, or `.env` names a server: that of a real community, among
            whose members the sandbox's people would be.
    """
    chosen = set(os.environ)
    settings = _settings()
    if named := [name for name in SERVERS if name in os.environ and name not in chosen]:
        emptied = " ".join(f"{name}=" for name in named)
        raise ConfigError(
            f".env names {' and '.join(named)} of `make run`, and the sandbox would play there;"
            f" put `{emptied}` before the command, and it starts servers of its own"
        )
    return settings


def _environment_of_what_runs(settings: Settings, asked: Sequence[str]) -> dict[str, str]:
    """Return our environment, completed with the addresses of the local sandbox or `run`.

    Raises:
        LaunchError: there is nothing that the command could look at.
    """
    environment = dict(os.environ)
    root = Path(settings.twinstream_run_dir)
    running = find_running(root)
    is_anything_set = any(
        getattr(settings, field) for field in ("redis_url", "database_url", *TOKENS)
    )
    if running is None:
        # The doctor looks at the platforms, too, and says itself which address is not set.
        looks_at_platforms = is_anything_set and list(asked[:1]) == ["doctor"]
        if not (settings.redis_url or settings.database_url or looks_at_platforms):
            raise LaunchError(NOTHING_RUNS)
        if not (settings.redis_url and settings.database_url):
            console.print("`make run`, which starts Postgres and Redis, does not run now.")
        return environment
    is_ours = is_sandbox(root, running)
    environment |= _own_secret(settings, root / (SANDBOX if is_ours else LIVE) / FORGET_SECRET_FILE)
    if not is_anything_set and is_ours:
        return Endpoints.read(root / "endpoints.json").environment(environment)
    named = {"REDIS_URL": running.redis_url, "DATABASE_URL": running.database_url}
    return {**defaults_for(environment, named), **environment}


def _own_secret(settings: Settings, file: Path) -> dict[str, str]:
    """Return the variable that names the launcher's own secret, unless one is set."""
    if settings.forget_secret is not None or not file.is_file():
        return {}
    return {"FORGET_SECRET_FILE": str(file.resolve())}


def _addresses(settings: Settings) -> tuple[str, str]:
    """Return the addresses of Redis and Postgres: those set, else those of the local launcher."""
    if settings.redis_url and settings.database_url:
        return settings.redis_url, settings.database_url
    running = find_running(Path(settings.twinstream_run_dir))
    if running is None:
        raise LaunchError(NOTHING_RUNS)
    return running


def _until_signal(work: Coroutine[Any, Any, None]) -> None:
    """Run `work` to its end, or until Ctrl-C, SIGTERM or a closed terminal; then close in order."""

    async def cancelled_by_signals() -> None:
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, task.cancel)
        try:
            await task
        except asyncio.CancelledError:
            console.print("Stopped.")

    asyncio.run(cancelled_by_signals())


def main() -> None:
    """Run a command. An error that the operator can fix is one sentence, without a traceback."""
    try:
        app()
    except (ConfigError, BadDatabaseUrl, BadRedisUrl) as error:
        tell(error)
        raise SystemExit(EXIT_CODE_UNFIT_SETTINGS) from None
    except (LaunchError, DbError, BusError) as error:
        tell(error)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
