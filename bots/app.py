"""The composition both bots share: settings, the record, the bus, the game, signals, exit codes."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

import asyncpg
import structlog
import uvloop

import schemas
from bus import BadRedisUrl, Keys, Publisher, connect
from config import Community, ConfigError, Settings, heartbeat, metrics, set_up_logs
from db import (
    BadDatabaseUrl,
    Platform,
    Producer,
    SchemaOutdated,
    StorageUnavailable,
    Store,
    StoreUnfit,
    open_pool,
    open_stores,
)
from db.release import RELEASE
from schemas import Source

from .commands import Commands
from .errors import Refused, Stopped
from .game import GameService
from .markup import Markup
from .members import Members
from .metrics import CountingPublisher
from .sightings import Sightings
from .supervisor import Supervisor
from .texts import Languages

log = structlog.get_logger("twinstream.bots")

EXIT_STOPPED = 0
EXIT_REFUSED = 2
EXIT_SECOND_SIGNAL = 130
POOL_CLOSE_WAIT_S = 5.0
#: The consumers have the port itself.
METRICS_PORT_OFFSETS: dict[Source, int] = {"telegram": 1, "discord": 2}


class Services(NamedTuple):
    """What a bot needs to answer, whatever its platform."""

    commands: Commands
    members: Members
    sightings: Sightings
    languages: Languages
    community: Community


@contextlib.asynccontextmanager
async def open_services(
    settings: Settings,
    community: Community,
    supervisor: Supervisor,
    *,
    platform: Source,
    mark: Markup,
    keys: Keys = Keys(),  # noqa: B008 - frozen
) -> AsyncIterator[Services]:
    """Open the record and the bus for one bot, and close them afterwards.

    It waits for Postgres as long as that takes. Redis may be away: events wait in Postgres then.

    Raises:
        Stopped: the process was asked to stop while Postgres was away.
        Refused: an address cannot be used, or the database has to be migrated first.
    """
    settings.require("database_url", "redis_url")
    assert settings.database_url is not None
    assert settings.redis_url is not None
    name = f"{platform}-bot"
    try:
        redis = connect(settings.redis_url, name=name)
    except BadRedisUrl as error:
        raise Refused(f"REDIS_URL cannot be used: {error}") from error
    pool = await _wait_for_postgres(settings.database_url, supervisor, name=name)
    stores = await _open_store(pool, community, supervisor, platform=platform)
    publisher = CountingPublisher(Publisher(redis, keys))
    producer = Producer(pool, schemas, publisher, stores=stores)
    members = Members(pool, platform)
    game = GameService(source=platform, rewards=producer, pause_s=community.game.pause_s)
    commands = Commands(
        platform=platform, game=game, members=members, community=community, mark=mark
    )
    try:
        sightings = Sightings(members, community)
        yield Services(commands, members, sightings, Languages.load(), community)
    finally:
        await producer.close()
        await redis.aclose()
        await _close(pool)


async def _wait_for_postgres(
    database_url: str, supervisor: Supervisor, *, name: str
) -> asyncpg.Pool:
    try:
        return await supervisor.keep(
            lambda: supervisor.unless_stopped(open_pool(database_url, name=name)),
            what="connecting to Postgres",
            passing=(StorageUnavailable,),
        )
    except (BadDatabaseUrl, SchemaOutdated) as error:
        raise Refused(str(error)) from error


async def _open_store(
    pool: asyncpg.Pool, community: Community, supervisor: Supervisor, *, platform: Platform
) -> dict[Platform, Store]:
    """Open the table in which this platform keeps its members, if it has one of its own."""
    setting = community.stores.by_platform()[platform]
    try:
        return await supervisor.keep(
            lambda: supervisor.unless_stopped(open_stores(pool, {platform: setting})),
            what="looking at the store",
            passing=(StorageUnavailable,),
        )
    except StoreUnfit as error:
        raise Refused(str(error)) from error


async def _close(pool: asyncpg.Pool) -> None:
    try:
        await asyncio.wait_for(pool.close(), POOL_CLOSE_WAIT_S)
    except TimeoutError:
        pool.terminate()


Serve = Callable[[Settings, Community, Supervisor], Awaitable[None]]


def run(load: Callable[[], Serve], *, platform: Source) -> int:
    """Run the bot that `load` brings until SIGINT or SIGTERM; return the exit code.

    2 means that a setting has to be corrected first, and the last line says which. With --version
    it only says the release.
    """
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"twinstream {RELEASE}\n")
        return EXIT_STOPPED
    try:
        settings = Settings.from_env(os.environ)
        set_up_logs(
            level=settings.twinstream_log_level,
            style=settings.twinstream_log_format,
            secrets=settings.secrets(),
        )
        settings.require(f"{platform}_token", "database_url", "redis_url")
        community = Community.from_toml(Path(settings.twinstream_config))
        log.info("process.started", release=RELEASE, platform=platform)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_REFUSED
    try:
        with metrics(settings, offset=METRICS_PORT_OFFSETS[platform]):
            uvloop.run(_until_stopped(load(), settings, community))
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_REFUSED
    except Refused as error:
        log.error("bot.refused", platform=platform, why=str(error))
        return EXIT_REFUSED
    log.info("bot.stopped", platform=platform)
    return EXIT_STOPPED


async def _until_stopped(serve: Serve, settings: Settings, community: Community) -> None:
    supervisor = Supervisor(asyncio.Event())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _stop_or_leave, supervisor.stop)
    beating = heartbeat(settings.twinstream_heartbeat_file, is_healthy=supervisor.pulse.is_felt)
    async with beating:
        with contextlib.suppress(Stopped):
            await serve(settings, community, supervisor)


def _stop_or_leave(stop: asyncio.Event) -> None:
    """Finish what is under way at the first signal; leave at once at the second."""
    if stop.is_set():
        os._exit(EXIT_SECOND_SIGNAL)
    stop.set()
