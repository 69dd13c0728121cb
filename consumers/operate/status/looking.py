"""One look at both servers, side by side: one that hangs costs its own time limit and no more."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

import asyncpg

from bus import SOURCES, BadRedisUrl, BusError, Client, Keys, Lag, Source, connect, measure_lag
from bus.errors import translated
from config import Community, ConfigError, Settings, masking
from config.community import ReconcileSetting
from consumers.operate.dead_letters import is_unusable
from db import PLATFORMS, BadDatabaseUrl, DbError, Platform, open_pool, stop_signs
from db.errors import mapped_errors
from db.ledger.dead_letters import find_dead
from db.reconcile import drift, passes
from db.stores import store_debts
from db.surfaces import display_visits
from db.upkeep import bot_connections, overview

from .observation import ConsumerState, Observation, Record, ServerState, StreamState

#: Seconds in which a server has to answer everything: an operator waits for no more, and a server
#: that takes longer is in trouble.
ANSWER_S_MAX: Final = 3.0

T = TypeVar("T")


async def look(settings: Settings, *, keys: Keys, answer_s: float = ANSWER_S_MAX) -> Observation:
    """Ask both servers at the same time, each for `answer_s` at most. Raises nothing of theirs."""
    mask = masking(settings.secrets())
    tokens: dict[Platform, str | None] = {
        "telegram": settings.telegram_token,
        "discord": settings.discord_token,
    }
    (postgres, record), (redis, streams) = await asyncio.gather(
        _ask("Postgres", settings.database_url, _postgres, answer_s, mask),
        _ask("Redis", settings.redis_url, lambda url: _redis(url, keys), answer_s, mask),
    )
    passing, unfit = _passes(settings)
    return Observation(
        at=datetime.now().astimezone().isoformat(timespec="seconds"),
        postgres=postgres,
        redis=redis,
        streams=streams or (),
        record=record,
        tokens=[one for one in PLATFORMS if tokens[one]],
        unfit_settings=unfit,
        passes_every_s=passing.interval_ms / 1_000,
    )


def _passes(settings: Settings) -> tuple[ReconcileSetting, str | None]:
    """Return how passes are made by the settings; or the defaults, and why they are unfit."""
    try:
        return Community.from_toml(Path(settings.twinstream_config)).reconcile, None
    except ConfigError as error:
        return ReconcileSetting(), str(error)


async def _ask(
    name: str,
    url: str | None,
    ask: Callable[[str], Awaitable[tuple[str, T]]],
    answer_s: float,
    mask: Callable[[str], str],
) -> tuple[ServerState, T | None]:
    began = time.monotonic()
    if url is None:
        setting = "DATABASE_URL" if name == "Postgres" else "REDIS_URL"
        return ServerState(name=name, trouble=f"{setting} is not set"), None
    try:
        async with asyncio.timeout(answer_s):
            version, seen = await ask(url)
    except TimeoutError:
        return ServerState(name=name, trouble=f"did not answer within {answer_s:g} s"), None
    except (DbError, BusError, BadDatabaseUrl, BadRedisUrl) as error:
        return ServerState(name=name, trouble=mask(str(error))), None
    taken_ms = round((time.monotonic() - began) * 1_000, 1)
    return ServerState(name=name, version=version, answered_ms=taken_ms), seen


async def _postgres(url: str) -> tuple[str, Record]:
    pool = await open_pool(url, name="status", size_max=2)
    try:
        with mapped_errors():
            version = await pool.fetchval("SHOW server_version")
            waiting = {
                one: await display_visits.waiting(pool, one, counted_max=overview.COUNTED_MAX)
                for one in PLATFORMS
            }
            async with pool.acquire() as conn:
                return str(version).split()[0], await _record(conn, waiting)
    finally:
        pool.terminate()  # nothing is under way; a server that hangs must not hold up the end


async def _record(conn: asyncpg.Connection, waiting: dict[Platform, int]) -> Record:
    debts = await store_debts.set_aside(conn, counted_max=overview.COUNTED_MAX)
    buried = await overview.buried(conn)
    newest = await find_dead(conn, ids=[one.newest_id for one in buried[:1]], limit=1)
    return Record(
        flow=await overview.flow(conn),
        unpublished=await overview.unpublished(conn),
        buried=buried,
        buried_is_unusable=any(map(is_unusable, newest)),
        waiting=waiting,
        put_off=await overview.put_off(conn),
        parked=await overview.parked(conn),
        parked_places=await overview.parked_places(conn),
        last_pass=await overview.last_pass(conn),
        finished_s=await passes.age_of_last_s(conn),
        held=await drift.held(conn, counted_max=overview.COUNTED_MAX),
        held_examples=await overview.held_examples(conn),
        stop_sign=await stop_signs.read(conn),
        links=await overview.links_in_last_hour(conn),
        bots=await bot_connections.read(conn),
        late_members=await overview.late_members(conn),
        lockers=await overview.lockers(conn),
        owed={one.platform: one.members for one in debts},
    )


async def _redis(url: str, keys: Keys) -> tuple[str, list[StreamState]]:
    redis = connect(url, name="twinstream/status")
    try:
        with translated():
            info = await redis.info("server")
        version = str(info.get("valkey_version") or info.get("redis_version", ""))
        return version, [await _stream(redis, keys, source) for source in SOURCES]
    finally:
        await redis.aclose()


async def _stream(redis: Client, keys: Keys, source: Source) -> StreamState:
    stream, group = subscription = keys.subscription(source)
    try:
        lag = await measure_lag(redis, subscription)
    except BusError as error:
        return StreamState(source=source, stream=stream, group=group, trouble=str(error))
    return _stream_state(source, stream, group, lag)


def _stream_state(source: Source, stream: str, group: str, lag: Lag) -> StreamState:
    holder = lag.held_by
    behind_ms = None if holder is None else holder.behind_ms
    trouble = "the group was set after the end of the stream" if lag.is_beyond_end else None
    return StreamState(
        source=source,
        stream=stream,
        group=group,
        trouble=lag.trouble or trouble,
        unread=lag.unread,
        unacknowledged=lag.unacknowledged,
        oldest_s=None if lag.oldest_ms is None else lag.oldest_ms / 1_000,
        readers=tuple(
            ConsumerState(
                name=one.name, unacknowledged=one.unacknowledged, seen_s=one.idle_ms / 1_000
            )
            for one in sorted(lag.consumers, key=lambda one: one.idle_ms)
        ),
        held_by=None if holder is None else holder.group,
        held_s=None if behind_ms is None else behind_ms / 1_000,
        is_held=holder is not None and holder.has_stopped,
    )
