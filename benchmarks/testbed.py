"""The testbed: the same two servers for every contender, and an equal, fresh start per run."""

import asyncio
import contextlib
import itertools
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit, urlunsplit

import asyncpg

import schemas
from bus import Client, Keys, connect, ensure_group
from config import Community
from config.community import DiscordSetting, Rank, TelegramSetting
from db import Platform
from db.ledger import events
from db.ledger.envelopes import Envelope
from db.ledger.ranks import RankRow, set_ranks
from db.members import accounts
from launch.migrate import migrate
from launch.postgres_schema import SEARCH_PATH
from launch.servers import Server, start_postgres, start_redis

from .existing_community import Size, make

KEYS: Final = Keys()
SOURCE: Final = "telegram"
PLATFORM: Final = "discord"
STREAM: Final = KEYS.stream(SOURCE)
MEMBERS: Final = 1_000
BATCH: Final = 500
#: The ledger rows of a database that is lent without pending events.
LEDGER_ROWS: Final = 100_000
#: The empty databases with our schema: of the server's own locale, and of the one compared with it.
EMPTY: Final = "template"
IN_LOCALE: Final = "template_in_locale"
LADDER: Final = (("Newcomer", 10), ("Regular", 100), ("Veteran", 1_000), ("Legend", 10_000))

COMMUNITY: Final = Community(
    telegram=TelegramSetting(chat_id=-1001000000001),
    discord=DiscordSetting(guild_id=900000000000000001),
    ranks=tuple(Rank(name=name, xp=xp) for name, xp in LADDER),
)


class LocaleMissing(Exception):
    """The server does not have the locale that is to be compared."""


class Start(NamedTuple):
    """The start of one run: its own database, with recorded events that are not applied yet."""

    database_url: str
    redis_url: str
    payloads: tuple[bytes, ...]


class BenchTestbed:
    """Both servers, and template databases with recorded events that are not applied yet."""

    def __init__(self, postgres: Server, redis: Server, *, locale: str = "") -> None:
        self.postgres = postgres
        self.redis = redis
        #: The locale to compare with the server's own, which is C; "" compares with none.
        self.locale = locale
        self._numbers = itertools.count(1)
        self._loaded: dict[str, tuple[bytes, ...]] = {}

    @contextlib.asynccontextmanager
    async def start(
        self, count: int, *, members: int = MEMBERS, in_locale: bool = False
    ) -> AsyncIterator[Start]:
        """Lend a fresh database that holds `count` recorded events, and an empty Redis.

        With `count` 0 it holds an existing community, or Postgres would plan for empty tables. With
        `in_locale` it is one of the locale that is compared.
        """
        empty = IN_LOCALE if in_locale else EMPTY
        loaded = f"{empty}_{count}_{members}"
        if loaded not in self._loaded:
            await self._create(loaded, empty)
            self._loaded[loaded] = await _load(self._url(loaded), count, members)
        async with self.database(loaded) as database_url:
            redis_url = await self.empty_redis()
            yield Start(database_url, redis_url, self._loaded[loaded])

    @contextlib.asynccontextmanager
    async def database(self, template: str = EMPTY) -> AsyncIterator[str]:
        """Lend a copy of a database, by default of an empty one with our schema."""
        name = f"run_{next(self._numbers)}"
        await self._create(name, template)
        try:
            yield self._url(name)
        finally:
            await self._admin(f"DROP DATABASE {name} WITH (FORCE)")

    def make_locale(self) -> None:
        """Create the empty database of the locale that is compared.

        Raises:
            LocaleMissing: the server does not have this locale.
        """
        asyncio.run(self._create_in_locale())
        migrate(self._url(IN_LOCALE))

    async def _create_in_locale(self) -> None:
        literal = self.locale.replace("'", "''")
        try:
            await self._admin(f"CREATE DATABASE {IN_LOCALE} TEMPLATE template0 LOCALE '{literal}'")
        except (asyncpg.WrongObjectTypeError, asyncpg.InvalidParameterValueError) as error:
            raise LocaleMissing(
                f"Postgres cannot use the locale {self.locale} ({error}): install it"
                " (`locale -a` lists what is there), or name another one"
            ) from None

    async def empty_redis(self) -> str:
        """Empty our Redis, and return its address."""
        redis = connect(self.redis.url, name="benchmarks")
        await redis.flushall()
        await redis.aclose()
        return self.redis.url

    async def _create(self, name: str, template: str) -> None:
        await self._admin(f"DROP DATABASE IF EXISTS {name}")
        await self._admin(f"CREATE DATABASE {name} TEMPLATE {template}")
        # Otherwise the run would pay for the checkpoint of the copy.
        await self._admin("CHECKPOINT")

    async def _admin(self, statement: str) -> None:
        conn = await asyncpg.connect(self._url("postgres"))
        try:
            await conn.execute(statement)
        finally:
            await conn.close()

    def _url(self, database: str) -> str:
        return urlunsplit(urlsplit(self.postgres.url)._replace(path=f"/{database}"))


@contextlib.contextmanager
def open_testbed(locale: str = "") -> Iterator[BenchTestbed]:
    """Start both servers on an empty folder, and remove the folder afterwards.

    Raises:
        LocaleMissing: there is a locale to compare, and the server does not have it.
    """
    with tempfile.TemporaryDirectory(prefix="twinstream-bench-") as folder:
        with start_postgres(Path(folder) / "postgres", database=EMPTY) as postgres:
            migrate(postgres.url)
            asyncio.run(_keep_commit_times(postgres.url))
        with (
            start_postgres(Path(folder) / "postgres", database=EMPTY) as postgres,
            start_redis(Path(folder) / "redis") as redis,
        ):
            testbed = BenchTestbed(postgres, redis, locale=locale)
            if locale:
                testbed.make_locale()
            yield testbed


async def _keep_commit_times(database_url: str) -> None:
    """Let Postgres record commit times, and find our tables in copies of the database, too."""
    conn = await asyncpg.connect(database_url)
    await conn.execute("ALTER SYSTEM SET track_commit_timestamp = on")
    await conn.execute(f"ALTER SYSTEM SET search_path = {SEARCH_PATH}")
    await conn.close()


async def _load(database_url: str, count: int, members: int) -> tuple[bytes, ...]:
    if count:
        return await record_events(database_url, count, members)
    await make(database_url, Size(members, LEDGER_ROWS))
    return ()


async def record_events(database_url: str, count: int, members: int) -> tuple[bytes, ...]:
    """Record events of members with both accounts, at their origin only."""
    payloads: list[bytes] = []
    async with asyncpg.create_pool(database_url, min_size=1, max_size=2) as pool:
        await set_ranks(pool, [RankRow(name, xp) for name, xp in LADDER])
        async with pool.acquire() as conn:
            await accounts.ensure(conn, SOURCE, range(1, members + 1))
        await pool.execute(
            "INSERT INTO accounts (platform, account_id, member_id)"
            f" SELECT '{PLATFORM}', account_id, member_id FROM accounts"
        )
        for first in range(0, count, BATCH):
            envelopes = [
                envelope(number, members) for number in range(first, min(first + BATCH, count))
            ]
            async with pool.acquire() as conn, conn.transaction():
                await events.record_ours(conn, SOURCE, envelopes, status="published")
            payloads += [one.payload for one in envelopes]
        await pool.execute("ANALYZE")
    return tuple(payloads)


def envelope(number: int, members: int = MEMBERS, *, source: Platform = SOURCE) -> Envelope:
    """Return the event of this number: a member wins some XP."""
    event = schemas.xp_changed(
        user_id=number % members + 1,
        delta_xp=number % 7 + 1,
        source=source,
        reason="game_guess",
        entity_id=str(number),
        occurred_at=datetime.now(UTC),
    )
    return Envelope(event, schemas.encode(event))


async def fill(redis: Client, payloads: tuple[bytes, ...], *, field: bytes = b"e") -> None:
    """Create the stream and its group, and add the payloads."""
    await ensure_group(redis, KEYS.subscription(SOURCE))
    for first in range(0, len(payloads), 1_000):
        async with redis.pipeline(transaction=False) as pipeline:
            for payload in payloads[first : first + 1_000]:
                pipeline.xadd(STREAM, {field: payload})
            await pipeline.execute()


async def books(database_url: str) -> tuple[int, int, int]:
    """Count the applied events: ledger rows, XP in the books, and completed events."""
    conn = await asyncpg.connect(database_url)
    try:
        return tuple(
            await conn.fetchrow(
                f"""
                SELECT (SELECT count(*) FROM transactions WHERE platform = '{PLATFORM}'),
                    (SELECT coalesce(sum(xp), 0)::bigint FROM sync_state
                     WHERE platform = '{PLATFORM}'),
                    (SELECT count(*) FROM sync_events WHERE status = 'completed')
                """
            )
        )
    finally:
        await conn.close()


async def all_arrived(database_url: str) -> bool:
    """Tell whether every recorded event is completed, without counting them."""
    conn = await asyncpg.connect(database_url)
    try:
        under_way = (
            "SELECT EXISTS (SELECT FROM sync_events WHERE status IN ('pending', 'published'))"
        )
        return not await conn.fetchval(under_way)
    finally:
        await conn.close()
