"""The services that a bot's rooms stand on: Postgres, the producer, languages, the community."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import NamedTuple

import asyncpg

import schemas
from bots.texts.languages import Languages
from bots.texts.markup import Markup
from bus import BadRedisUrl, Keys, Publisher, connect
from config import Community, Settings
from db import (
    BadDatabaseUrl,
    DatabaseUnfit,
    DbError,
    Platform,
    Producer,
    StorageUnavailable,
    Store,
    StoreUnfit,
    open_pool,
    open_stores,
)
from db.earning import Earnings, Rules
from db.members import forgotten_list
from db.upkeep import bot_connections
from schemas import Source

from .database import Database
from .errors import Refused
from .metrics import CONNECTED, EARNINGS, CountingPublisher
from .supervisor import Supervisor

#: Seconds between two reports to the operator's screen of whether the platform answers.
REPORT_S = 15.0
#: Seconds between two looks at the connection, so that a change is reported soon.
LOOK_S = 1.0
#: Seconds that a stopping process waits for its connections; after them it cuts the connections.
POOL_CLOSE_WAIT_S = 5.0


class Services(NamedTuple):
    """Everything that a room may use, on either platform."""

    platform: Source
    database: Database
    producer: Producer
    earnings: Earnings
    mark: Markup
    languages: Languages
    community: Community
    forget_secret: str | None = None
    """FORGET_SECRET; None if it is not set, so that nobody can be forgotten here."""
    amount_secret: bytes = b""
    """A secret that members do not have, for amounts that they must not predict."""

    @property
    def can_forget(self) -> bool:
        """Tell whether members can be forgotten here."""
        return self.forget_secret is not None


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
    """Connect one bot to Postgres and Redis, and close both connections afterwards.

    It waits until Postgres is available. Redis may be unavailable: events wait in Postgres then.

    Raises:
        Stopped: the process was asked to stop while Postgres was unavailable.
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
    pool = await _wait_for_postgres(settings, supervisor, name=name)
    stores = await _open_store(pool, community, supervisor, platform=platform)
    publisher = CountingPublisher(Publisher(redis, keys))
    producer = Producer(
        pool, schemas, publisher, stores=stores, forget_secret=settings.forget_secret
    )
    database = Database(pool, platform)
    earnings = _open_earnings(pool, settings, community, stores, platform)
    reporting = asyncio.create_task(_report_connection(database, supervisor))
    try:
        yield Services(
            platform=platform,
            database=database,
            producer=producer,
            earnings=earnings,
            mark=mark,
            languages=Languages.load(),
            community=community,
            forget_secret=settings.forget_secret,
            amount_secret=_amount_secret(settings, platform),
        )
    except Refused as error:
        await _end(reporting)  # its next report would have no reason
        await _report(database, is_connected=False, trouble=str(error))
        raise
    finally:
        await _end(reporting)
        await earnings.close()
        await producer.close()
        await redis.aclose()
        await _close(pool)


def _open_earnings(
    pool: asyncpg.Pool,
    settings: Settings,
    community: Community,
    stores: Mapping[Platform, Store],
    platform: Platform,
) -> Earnings:
    rules = Rules(
        window_s=community.earning.window_minutes * 60.0,
        zone=community.zone,
        stores=tuple(community.stores.connected()),
    )
    return Earnings(
        pool,
        platform,
        rules,
        store=stores.get(platform),
        forget_secret=settings.forget_secret,
        on_outcome=lambda outcome: EARNINGS.labels(platform, outcome).inc(),
    )


def _amount_secret(settings: Settings, platform: Platform) -> bytes:
    """Derive the secret from the platform's token: it lasts as long, and no member has it."""
    token = settings.telegram_token if platform == "telegram" else settings.discord_token
    return hashlib.blake2b((token or "").encode(), person=b"twin amounts").digest()


async def _report_connection(database: Database, supervisor: Supervisor) -> None:
    """Tell the record whether the bot can serve members, at once and every REPORT_S."""
    known: tuple[bool, str | None] | None = None
    due_s = 0.0
    clock = asyncio.get_running_loop().time
    while True:
        trouble = supervisor.health.trouble()
        is_connected = supervisor.health.is_healthy() and trouble is None
        CONNECTED.labels(database.platform).set(is_connected)
        if (is_connected, trouble) != known or clock() >= due_s:
            if await _report(database, is_connected=is_connected, trouble=trouble):
                known = is_connected, trouble
            due_s = clock() + REPORT_S
        await asyncio.sleep(LOOK_S)


async def _report(database: Database, *, is_connected: bool, trouble: str | None) -> bool:
    """Report once. Returns False if Postgres did not take the report, which is visible anyhow."""
    try:
        async with database.connection() as conn:
            await bot_connections.report(
                conn, database.platform, is_connected=is_connected, trouble=trouble
            )
    except DbError:
        return False
    return True


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})


async def _wait_for_postgres(
    settings: Settings, supervisor: Supervisor, *, name: str
) -> asyncpg.Pool:
    try:
        return await supervisor.keep(
            lambda: supervisor.unless_stopped(_open_pool(settings, name=name)),
            what="connecting to Postgres",
            transient=(StorageUnavailable,),
        )
    except (BadDatabaseUrl, DatabaseUnfit) as error:
        raise Refused(str(error)) from error


async def _open_pool(settings: Settings, *, name: str) -> asyncpg.Pool:
    """Connect to a database that is not older than the list of the forgotten."""
    pool = await open_pool(settings.database_url or "", name=name)
    try:
        if settings.twinstream_forgotten_list is not None:
            await forgotten_list.require_applied(pool, Path(settings.twinstream_forgotten_list))
    except BaseException:
        await pool.close()
        raise
    return pool


async def _open_store(
    pool: asyncpg.Pool, community: Community, supervisor: Supervisor, *, platform: Platform
) -> dict[Platform, Store]:
    """Open the table in which this platform keeps its members, if it has one of its own."""
    setting = community.stores.by_platform()[platform]
    try:
        return await supervisor.keep(
            lambda: supervisor.unless_stopped(open_stores(pool, {platform: setting})),
            what="opening the store",
            transient=(StorageUnavailable,),
        )
    except StoreUnfit as error:
        raise Refused(str(error)) from error


async def _close(pool: asyncpg.Pool) -> None:
    try:
        await asyncio.wait_for(pool.close(), POOL_CLOSE_WAIT_S)
    except TimeoutError:
        pool.terminate()
