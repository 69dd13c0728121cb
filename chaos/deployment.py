"""The deployment under test: servers, the network to them, and our processes.

The processes know only the addresses of the proxies. So a server can restart on another port, or
another server can take its place.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import msgspec
import psutil
import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from config import in_place_of
from launch import private_files
from launch.errors import LaunchError
from launch.migrate import migrate
from launch.processes import Crew, Module
from launch.sandbox_runner import DISCORD_BOT, TELEGRAM_BOT, Endpoints, start_platforms
from launch.servers import (
    HOST,
    Server,
    start_postgres,
    start_redis,
    start_redis_binary,
)

from . import community
from .errors import ChaosError
from .pooler import Pooler, pgbouncer_binary
from .proxy import Proxy
from .run_size import TWINSTREAM_TOML, RunSize

log = structlog.get_logger("twinstream.chaos")

SLOTS = (1, 2)
BOTS = ("telegram", "discord")
SETTLERS = tuple(f"settlers-{slot}" for slot in SLOTS)
RELAYS = tuple(f"relay-{slot}" for slot in SLOTS)
#: The processes that serve people: the real bots, and the consumers that show ranks and levels.
PEOPLES_BOTS = {"telegram": TELEGRAM_BOT.name, "discord": DISCORD_BOT.name}
DISPLAY = "display"
#: Windows of the platforms' rate limits, as a share of the real ones: a run is short.
LIMIT_SCALE = 0.01
DATABASE = "twinstream"
SERVER_NAMES = ("postgres", "redis-server", "valkey-server")
WATCH_S = 0.1
START_ATTEMPTS_MAX = 5


class Deployment:
    """The running deployment. Faults act on it; as a supervisor would, it restarts processes."""

    def __init__(self, folder: Path, size: RunSize, seed: str, environ: Mapping[str, str]) -> None:
        self.folder = folder
        self.postgres_proxy = Proxy(0)
        self.redis_proxy = Proxy(0)
        #: The names of processes that ended although no fault had stopped them.
        self.ended_by_themselves: list[str] = []
        self._size = size
        self._seed = seed
        self._environ = environ
        self._redis_folders = 0
        self._postgres_folders = 0
        #: The platforms on which people act; None in a run without people.
        self.endpoints: Endpoints | None = None
        #: When a process was killed or asked to end (Unix seconds), by its name.
        self.ends: dict[str, list[float]] = {}
        #: The pooler of the processes of slot 2; None where the machine has no such program.
        self.pooler: Pooler | None = None
        #: One password for every Redis, because each may take the place of another.
        self._password = private_files.new_password()
        self._incarnations = 0
        self._crews: dict[str, Crew] = {}
        self._platforms: Crew | None = None
        self._modules: dict[str, Callable[[], Module]] = {}
        self._asked_to_end: set[str] = set()
        self.postgres: Server
        self.redis: Server
        self.postgres_folder: Path
        self.redis_folder: Path

    # Servers

    async def start_postgres(self) -> None:
        """Start Postgres on its data and a free port, and point the proxy to it."""
        self.postgres = await self.start_postgres_in(self.postgres_folder)
        self.postgres_proxy.target_port = port_of(self.postgres)

    async def start_postgres_in(self, folder: Path) -> Server:
        """Start a Postgres on the data of this folder, to which the proxy does not point yet."""
        return await self._start_with_retries(lambda: start_postgres(folder, database=DATABASE))

    def become_primary_postgres(self, server: Server, folder: Path) -> None:
        """Make another Postgres the one that the processes use; connections stay where they are."""
        self.postgres, self.postgres_folder = server, folder
        self.postgres_proxy.target_port = port_of(server)

    def new_postgres_folder(self) -> Path:
        """Return a folder that no Postgres has used yet."""
        self._postgres_folders += 1
        return self.folder / f"postgres-{self._postgres_folders}"

    async def start_redis(self) -> None:
        """Start the primary on the data of its folder, and point the proxy to it."""
        folder = self.redis_folder
        self.redis = await self._start_with_retries(lambda: _start_redis(folder, self._password))
        self.redis_proxy.target_port = port_of(self.redis)

    async def start_replica(self, primary_port: int) -> tuple[Server, Path]:
        """Start an empty Redis that replicates the server at this port."""
        folder = self.new_redis_folder()
        server = await self._start_with_retries(lambda: _start_redis(folder, self._password))
        async with redis_at(server) as redis:
            await redis.slaveof(HOST, primary_port)
        return server, folder

    def become_primary_redis(self, server: Server, folder: Path) -> None:
        """Make another Redis the one that the processes use."""
        self.redis, self.redis_folder = server, folder
        self.redis_proxy.target_port = port_of(server)

    def new_redis_folder(self) -> Path:
        """Return a folder that no Redis has used yet."""
        self._redis_folders += 1
        return self.folder / f"redis-{self._redis_folders}"

    @contextlib.asynccontextmanager
    async def conn(self) -> AsyncIterator[asyncpg.Connection]:
        """Lend a direct connection to Postgres, past the proxy."""
        conn = await asyncpg.connect(self.postgres.url, timeout=10, command_timeout=120)
        try:
            yield conn
        finally:
            conn.terminate()

    async def _start_with_retries(self, start: Callable[[], Server]) -> Server:
        """Start a server. The remains of a killed one can block the first attempts."""
        for _ in range(START_ATTEMPTS_MAX - 1):
            try:
                return await _in_a_thread(start)
            except LaunchError as error:
                log.info("server.start_delayed", why=str(error))
                await asyncio.sleep(0.5)
        return await _in_a_thread(start)

    def start_pooler(self) -> None:
        """Put a pooler between Postgres and half of the processes, if the machine has one."""
        if binary := pgbouncer_binary():
            self.pooler = Pooler(
                binary,
                self.folder / "pgbouncer",
                # Before the proxy: whatever happens to the line to Postgres happens behind it, too.
                self.postgres_proxy.port,
                self.postgres.url,
                default_pool_size=8,
                # A promoted standby has other settings: a connection is not kept for long.
                server_lifetime=5,
                server_login_retry=1,
            )
            self.pooler.start()

    # Platforms

    async def start_platforms(self) -> None:
        """Start the sandbox's platforms, on which people act.

        Raises:
            ChaosError: they did not start.
        """
        self._platforms = Crew(
            self._environ,
            roster=self.folder / "platforms.json",
            log_folder=self.folder / "logs",
            say=log.info,
        )
        try:
            ready = await start_platforms(self._platforms, LIMIT_SCALE)
        except LaunchError as error:
            raise ChaosError(str(error)) from error
        servers = {"redis_url": self.redis.url, "database_url": self.postgres.url}
        self.endpoints = msgspec.convert({**ready, **servers}, Endpoints)

    # Processes

    def start_processes(self) -> None:
        """Start the bots and the consumers."""
        for slot in SLOTS:
            source = BOTS[slot - 1]
            self._add(f"settlers-{slot}", slot, _consumers("to-discord", "to-telegram"))
            self._add(f"relay-{slot}", slot, _consumers("relay", "cleanup", "earning"))
            self._add(source, slot, lambda source=source: self._bot(source))  # type: ignore[misc]
        if self.endpoints is not None:
            self._add(TELEGRAM_BOT.name, SLOTS[0], lambda: TELEGRAM_BOT)
            self._add(DISCORD_BOT.name, SLOTS[1], lambda: DISCORD_BOT)
            self._add(DISPLAY, SLOTS[0], _consumers("levels", "telegram-tags", "discord-roles"))

    def pid(self, name: str) -> int:
        """Return the current process id of a process."""
        return self._crews[name].pid(name)

    def kill(self, name: str) -> None:
        """Kill a process, and restart it."""
        self._note_end(name)
        self._crews[name].kill(name)
        self._start(name)

    def ask_to_end(self, name: str) -> None:
        """Send SIGTERM; `watch` restarts the process once it has ended."""
        self._note_end(name)
        self._asked_to_end.add(name)
        os.kill(self.pid(name), signal.SIGTERM)

    def stop(self, names: Iterable[str]) -> None:
        """Send processes SIGTERM, and do not restart them."""
        for name in names:
            del self._modules[name]
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid(name), signal.SIGTERM)

    def are_gone(self, names: Iterable[str]) -> bool:
        """Tell whether all these processes have ended."""
        return not any(self._crews[name].is_running(name) for name in names)

    async def watch(self) -> None:
        """Restart processes that have ended, until cancelled."""
        while True:
            await asyncio.sleep(WATCH_S)
            for name in list(self._modules):
                if self._crews[name].is_running(name):
                    continue
                if name not in self._asked_to_end:
                    self.ended_by_themselves.append(name)
                    log.warning("process.ended", process=name)
                    self._note_end(name)
                self._asked_to_end.discard(name)
                self._start(name)

    def clear(self) -> None:
        """End all processes and servers."""
        self._modules.clear()
        for crew in self._crews.values():
            crew.stop()
        if self.pooler is not None:
            self.pooler.kill()
        for server in (getattr(self, "redis", None), getattr(self, "postgres", None)):
            if server is not None:
                server.stop()
        if self._platforms is not None:
            self._platforms.stop()

    def _add(self, name: str, slot: int, module: Callable[[], Module]) -> None:
        toml = self.folder / "twinstream.toml"
        direct = self.postgres.url_through(self.postgres_proxy.port)
        pooler = self.pooler if slot == SLOTS[-1] else None
        ours = {
            "REDIS_URL": self.redis.url_through(self.redis_proxy.port),
            "DATABASE_URL": pooler.url_of(self.postgres) if pooler else direct,
            "DATABASE_LISTEN_URL": direct,
            "TWINSTREAM_CONFIG": str(toml),
            "TWINSTREAM_CONSUMER_SLOT": str(slot),
            "TWINSTREAM_LOG_FORMAT": "json",
        }
        roster = self.folder / f"{name}.json"
        environ = self._environ
        if self.endpoints is not None:
            environ = self.endpoints.environment(environ)
        crew = Crew(
            in_place_of(environ, ours),
            roster=roster,
            log_folder=self.folder / "logs",
            say=log.info,
        )
        crew.stop_leftovers()
        self._crews[name], self._modules[name] = crew, module
        self._start(name)

    def _note_end(self, name: str) -> None:
        self.ends.setdefault(name, []).append(time.time())

    def _start(self, name: str) -> None:
        self._crews[name].start(self._modules[name]()._replace(name=name))

    def _bot(self, source: str) -> Module:
        self._incarnations += 1
        size = self._size
        arguments = (
            *(source, "--accounts", str(size.accounts), "--actions-per-s", str(size.actions_per_s)),
            *("--incarnation", str(self._incarnations)),
            *("--seed", f"{self._seed}/{source}/{self._incarnations}"),
        )
        return Module(source, "chaos.bot", arguments)


@contextlib.asynccontextmanager
async def open_deployment(
    folder: Path, size: RunSize, seed: str, environ: Mapping[str, str]
) -> AsyncIterator[Deployment]:
    """Start the servers on empty data, and stop servers and processes when the block ends."""
    deployment = Deployment(folder, size, seed, environ)
    async with deployment.postgres_proxy, deployment.redis_proxy:
        try:
            deployment.redis_folder = deployment.new_redis_folder()
            deployment.postgres_folder = deployment.new_postgres_folder()
            await asyncio.gather(deployment.start_postgres(), deployment.start_redis())
            await asyncio.to_thread(migrate, deployment.postgres.url)
            settings = TWINSTREAM_TOML
            if size.has_people:
                settings = community.settings_of(datetime.now(UTC))
                await deployment.start_platforms()
            (folder / "twinstream.toml").write_text(settings)
            deployment.start_pooler()
            yield deployment
        finally:
            await asyncio.to_thread(deployment.clear)


async def _in_a_thread(start: Callable[[], Server]) -> Server:
    """Start a server in a thread. A cancellation waits for the start, then stops the server."""
    starting = asyncio.ensure_future(asyncio.to_thread(start))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        with contextlib.suppress(LaunchError):
            (await starting).stop()
        raise


def end_leftovers(folder: Path) -> None:
    """Stop processes and servers that an earlier, killed run left in this folder."""
    for roster in folder.glob("*.json"):
        Crew({}, roster=roster, log_folder=None).stop_leftovers()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            # Also by name: the folder may be the working folder of a person's shell.
            if process.name() in SERVER_NAMES and folder in Path(process.cwd()).parents:
                process.kill()


@contextlib.asynccontextmanager
async def redis_at(server: Server) -> AsyncIterator[Redis]:
    """Lend a direct client of a Redis, past the proxy. It does not retry, and decodes replies."""
    redis = Redis.from_url(
        server.url,
        protocol=2,
        decode_responses=True,
        socket_timeout=10,
        retry=Retry(NoBackoff(), 0),
    )
    try:
        yield redis
    finally:
        with contextlib.suppress(RedisError, OSError):
            await redis.aclose()


def port_of(server: Server) -> int:
    """Return the port on which a server listens."""
    return urlsplit(server.url).port or 0


def _start_redis(folder: Path, password: str) -> Server:
    if binary := shutil.which("redis-server"):
        return start_redis_binary(Path(binary), folder, password=password)
    return start_redis(folder, password=password)


def _consumers(*roles: str) -> Callable[[], Module]:
    return lambda: Module("", "consumers", roles)
