"""The resources that the roles of one process share: connections, settings, stores."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import structlog

from bus import (
    SOURCES,
    Client,
    CommandRefused,
    Keys,
    Publisher,
    Reader,
    ServerUnfit,
    StreamExhausted,
    connect,
    connect_reader,
    consumer_name,
)
from config import Community, ConfigError, Settings
from db import Platform, Store, open_pool, open_stores
from db.ledger.ranks import RankRow, set_ranks
from db.links.states import LinkRules, set_rules
from db.members import boards, forgotten_list

from .stream_rebuild import LeftToRelay, Mender, Rebuild
from .transactions import transaction

log = structlog.get_logger("twinstream.consumers")

#: How long connections may take to close in an orderly way before they are cut, so that an outage
#: does not delay a stop.
CLOSE_S_MAX = 2.0


@dataclass(frozen=True, slots=True)
class Resources:
    """The shared resources. Roles use them and close none of them."""

    settings: Settings
    community: Community
    keys: Keys
    pool: asyncpg.Pool
    redis: Client
    reading_redis: Client
    publisher: Publisher
    #: For the relay, which publishes what Redis lost.
    rebuild: Rebuild
    #: For the other roles, which read streams.
    mend: Mender
    stop: asyncio.Event
    #: The bots' own tables of members, by platform; a platform without an entry has none.
    stores: Mapping[Platform, Store] = field(default_factory=dict)
    #: The number of this process in each group of consumers; in others the setting's.
    slots: Mapping[str, int] = field(default_factory=dict)
    #: Which of the process's readers of one stream uses these.
    lane: int = 1

    def consumer_name(self, group: str) -> str:
        """Name this lane's consumer of a group."""
        slot = self.slots.get(group, self.settings.twinstream_consumer_slot)
        return consumer_name(group, slot, self.lane)

    def reader(self, source: Platform) -> Reader:
        """Make this lane's reader of what happened on `source`.

        Raises:
            ConfigError: twinstream.toml sets a limit that the bus does not serve.
        """
        limits = self.community.consumers
        subscription = self.keys.subscription(source)
        try:
            return Reader(
                self.reading_redis,
                subscription,
                consumer=self.consumer_name(subscription.group),
                batch_entries=limits.batch_entries_max,
                block_ms=limits.block_ms,
                claim_idle_ms=limits.claim_idle_ms,
            )
        except ValueError as error:
            raise ConfigError(
                f"{self.settings.twinstream_config}: [consumers] {error}; correct it there"
            ) from error


@contextlib.asynccontextmanager
async def open_resources(
    settings: Settings,
    community: Community,
    stop: asyncio.Event,
    *,
    keys: Keys | None = None,
    has_relay: bool = True,
) -> AsyncIterator[Resources]:
    """Connect to Postgres and Redis, set what Postgres obeys, build missing streams.

    A process without the relay (`has_relay`) leaves ranks, rules and streams to the one that has
    it: its logins may not be permitted to write them.

    Raises:
        StorageUnavailable, Contention, BusError: Postgres or Redis cannot be used (yet).
        BadDatabaseUrl, DatabaseUnfit, StoreUnfit, BadRedisUrl, ServerUnfit: a retry does not help.
    """
    keys = keys or Keys()
    async with contextlib.AsyncExitStack() as stack:
        redis = connect(settings.redis_url or "", name="twinstream/consumers")
        stack.push_async_callback(redis.aclose)
        reading_redis = connect_reader(settings.redis_url or "", name="twinstream/consumers-read")
        stack.push_async_callback(reading_redis.aclose)
        pool = await open_pool(settings.database_url or "", name="consumers")
        stack.push_async_callback(_close, pool)
        if settings.twinstream_forgotten_list is not None:
            await forgotten_list.require_applied(pool, Path(settings.twinstream_forgotten_list))
        stores = await open_stores(pool, community.stores.by_platform())
        rebuild = Rebuild(pool, redis, keys)
        if has_relay:
            await set_ranks(pool, [RankRow(rank.name, rank.xp) for rank in community.ranks])
            await set_rules(pool, _link_rules(community))
            await _set_boards(pool, community)
            for source in SOURCES:
                await _try_to_build(rebuild, source)
        yield Resources(
            settings=settings,
            community=community,
            keys=keys,
            pool=pool,
            redis=redis,
            reading_redis=reading_redis,
            publisher=Publisher(redis, keys),
            rebuild=rebuild,
            mend=rebuild if has_relay else LeftToRelay(keys),
            stop=stop,
            stores=stores,
        )


def _link_rules(community: Community) -> LinkRules:
    """Return the settings of [linking] that Postgres obeys. Pure."""
    linking = community.linking
    return LinkRules(
        policy=linking.policy,
        reward_xp=linking.reward_xp,
        reward_balance=linking.reward_balance,
        cooldown_s=round(linking.cooldown_hours * 3_600),
        undo_s=linking.undo_days * 86_400,
    )


async def _set_boards(pool: asyncpg.Pool, community: Community) -> None:
    """Let Postgres know the zone of weeks and months, and the members whom boards leave out."""
    left_out: dict[Platform, tuple[int, ...]] = {
        "telegram": community.boards.leave_out_telegram,
        "discord": community.boards.leave_out_discord,
    }
    async with transaction(pool) as conn:
        is_known = await boards.set_zone(conn, community.timezone)
        await boards.set_left_out(conn, left_out)
    if not is_known:
        log.warning(
            "timezone.unknown",
            timezone=community.timezone,
            why="this Postgres does not know the zone, so weeks and months on boards begin as"
            " before; install newer time zone data for Postgres, or name another zone",
        )


async def _try_to_build(rebuild: Rebuild, source: Platform) -> None:
    """Build a stream if it is missing. A stream that cannot be used stops its direction only."""
    try:
        await rebuild(source)
    except ServerUnfit:
        raise
    except (CommandRefused, StreamExhausted) as error:
        log.warning("stream.not_built", source=source, why=str(error))


async def _close(pool: asyncpg.Pool) -> None:
    """Close the pool; asyncpg cuts the remaining connections when it is cancelled."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(CLOSE_S_MAX):
            await pool.close()
