"""A workspace: the folder in which one deployment runs on this machine, with its servers.

The workspaces `.run/sandbox` and `.run/live` share no data: XP earned in the sandbox stays there.
A lock on the folder admits one launcher at a time.
"""

import asyncio
import contextlib
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from config import Settings

from . import private_files
from .errors import AlreadyRunning
from .migrate import make_own_logins, migrate
from .servers import Server, start_postgres, start_redis
from .single_launcher import only_launcher
from .watchdog import Watchdog

LIVE = "live"
SANDBOX = "sandbox"
ADDRESSES = "addresses.json"
#: The file with the secret of forgotten accounts. It stays as long as the data: with another one,
#: old entries of people who were forgotten would count again.
FORGET_SECRET_FILE = "forget_secret"  # noqa: S105 - a file's name


class Addresses(NamedTuple):
    """The addresses of the servers. They hold passwords, so they are never printed."""

    redis_url: str
    database_url: str


class Workspace(NamedTuple):
    """An open workspace."""

    folder: Path
    redis_url: str
    database_url: str
    """The address for the launcher and for people, whose login may do everything."""
    embedded: tuple[Watchdog, ...]
    """The servers that this launcher started itself."""
    own_database_urls: Mapping[str, str]
    """The addresses with the login of one process each, by duty; none if one login serves all."""

    @property
    def logs(self) -> Path:
        """The folder of our processes' logs."""
        return self.folder / "logs"

    @property
    def forget_secret(self) -> Path:
        """The file with the secret of forgotten accounts."""
        return self.folder / FORGET_SECRET_FILE

    @property
    def roster(self) -> Path:
        """The file that lists our running processes."""
        return self.folder / "processes.json"

    async def watch(self, say: Callable[[str], None] = print) -> None:
        """Restart embedded servers that have ended, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for watchdog in self.embedded:
                group.create_task(watchdog.watch(say))


@contextlib.contextmanager
def open_workspace(folder: Path, settings: Settings) -> Iterator[Workspace]:
    """Start the servers that `settings` does not name, and bring the database up to date.

    In a Postgres that is started here each of our processes has a login of its own, with a password
    that is made anew each time.

    Raises:
        AlreadyRunning: another launcher uses this folder.
        LaunchError: a server does not start, or the database cannot be migrated.
    """
    private_files.make_folder(folder)
    with contextlib.ExitStack() as stack:
        stack.enter_context(only_launcher(folder))
        embedded = []

        def keep(start: Callable[[int], Server]) -> str:
            watchdog = stack.enter_context(Watchdog(start))
            embedded.append(watchdog)
            return watchdog.url

        database_url = settings.database_url or keep(
            lambda port: start_postgres(folder / "postgres", port=port)
        )
        redis_url = settings.redis_url or keep(
            lambda port: start_redis(folder / "redis", port=port)
        )
        migrate(database_url)
        own_database_urls = {} if settings.database_url else make_own_logins(database_url)
        secret = folder / FORGET_SECRET_FILE
        if private_files.read_password(secret) is None:
            private_files.write(secret, private_files.new_password().encode("ascii"))
        addresses = folder / ADDRESSES
        private_files.write(
            addresses, msgspec.json.encode(Addresses(redis_url, database_url)._asdict())
        )
        stack.callback(addresses.unlink, missing_ok=True)
        yield Workspace(folder, redis_url, database_url, tuple(embedded), own_database_urls)


def find_running(root: Path) -> Addresses | None:
    """Return the addresses used by a running launcher: `run` first, else the sandbox."""
    for kind in (LIVE, SANDBOX):
        folder = root / kind
        if not (folder / ADDRESSES).exists():
            continue
        try:
            with only_launcher(folder):
                continue  # left by a launcher that was killed
        except AlreadyRunning:
            return Addresses(**msgspec.json.decode((folder / ADDRESSES).read_bytes()))
    return None


def is_sandbox(root: Path, running: Addresses) -> bool:
    """Tell whether these are the addresses that the sandbox's launcher wrote."""
    addresses = root / SANDBOX / ADDRESSES
    return addresses.exists() and msgspec.json.decode(addresses.read_bytes()) == running._asdict()


def remove(folder: Path) -> None:
    """Remove a workspace's folder with all its data.

    Raises:
        AlreadyRunning: a launcher uses the folder.
    """
    if folder.exists():
        with only_launcher(folder):
            shutil.rmtree(folder)
