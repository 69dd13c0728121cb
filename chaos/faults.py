"""The faults. Each one injects its failure, ends it, and returns; recovery follows."""

import asyncio
import contextlib
import json
import os
import random
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import asyncpg
from redis.exceptions import RedisError

import schemas
from bus import SOURCES, Keys

from . import users_table
from .deployment import (
    BOTS,
    DISPLAY,
    PEOPLES_BOTS,
    RELAYS,
    SETTLERS,
    Deployment,
    port_of,
    redis_at,
)
from .errors import ChaosError
from .postgres_failover import end_at_once, make_read_only, promote, start_standby
from .proxy import Proxy
from .run_size import CLAIM_IDLE_S

Fault = Callable[[Deployment, random.Random], Coroutine[Any, Any, None]]

REPLICA_SYNC_S_MAX = 20.0
#: How often an old primary of Postgres stays up beside the new one, and for how many seconds.
PRIMARY_STAYS_SHARE = 0.5
PRIMARY_STAYS_S = (1.0, 6.0)
#: The refused events of a flood: several batches.
FLOOD_ENTRIES = 300
OVERDRAWN_ACCOUNTS = 50
POLL_S = 0.02
#: Seconds by which a clock was ahead before it was set back.
CLOCK_JUMP_S = 3_600
#: Seconds of writes lost in a power cut. Redis syncs its append-only file every second, so up to
#: one second can be lost; the rest is a margin.
TAIL_S = (0.2, 2.0)
#: How often entries pile up unread before a loss, and for how many seconds.
UNREAD_SHARE = 0.7
UNREAD_S = (0.1, 0.6)


async def kill_a_settler(deployment: Deployment, chance: random.Random) -> None:
    """Kill one settling process (kill -9)."""
    deployment.kill(chance.choice(SETTLERS))


async def kill_all_settlers(deployment: Deployment, chance: random.Random) -> None:
    """Kill all settling processes at once."""
    for name in SETTLERS:
        deployment.kill(name)


async def kill_a_relay(deployment: Deployment, chance: random.Random) -> None:
    """Kill one relay."""
    deployment.kill(chance.choice(RELAYS))


async def kill_a_bot(deployment: Deployment, chance: random.Random) -> None:
    """Kill a bot in the middle of its work."""
    deployment.kill(chance.choice(BOTS))


async def stop_a_settler(deployment: Deployment, chance: random.Random) -> None:
    """Send SIGTERM, as a rolling update does."""
    deployment.ask_to_end(chance.choice(SETTLERS))


async def pause_a_settler(deployment: Deployment, chance: random.Random) -> None:
    """SIGSTOP a settling process until another one has claimed its entries; then SIGCONT."""
    await _pause(deployment, chance.choice(SETTLERS), CLAIM_IDLE_S * chance.uniform(1.5, 3.0))


async def pause_a_relay(deployment: Deployment, chance: random.Random) -> None:
    """SIGSTOP a relay, which may have locked rows, for as long."""
    await _pause(deployment, chance.choice(RELAYS), CLAIM_IDLE_S * chance.uniform(1.5, 3.0))


async def pause_a_bot(deployment: Deployment, chance: random.Random) -> None:
    """SIGSTOP a bot, which may be about to publish."""
    await _pause(deployment, chance.choice(BOTS), CLAIM_IDLE_S * chance.uniform(1.0, 3.0))


async def kill_a_peoples_bot(deployment: Deployment, chance: random.Random) -> None:
    """Kill a bot that people write to."""
    deployment.kill(chance.choice(list(PEOPLES_BOTS.values())))


async def stop_a_peoples_bot(deployment: Deployment, chance: random.Random) -> None:
    """Send a bot that people write to SIGTERM, as a rolling update does."""
    deployment.ask_to_end(chance.choice(list(PEOPLES_BOTS.values())))


async def pause_a_peoples_bot(deployment: Deployment, chance: random.Random) -> None:
    """SIGSTOP a bot that people write to, also past the three seconds that Discord waits."""
    name = chance.choice(list(PEOPLES_BOTS.values()))
    await _pause(deployment, name, chance.uniform(1.0, 4.0))


async def kill_the_display(deployment: Deployment, chance: random.Random) -> None:
    """Kill the process that shows ranks and notes levels."""
    deployment.kill(DISPLAY)


async def restart_redis(deployment: Deployment, chance: random.Random) -> None:
    """Kill Redis, and restart it with its append-only file."""
    deployment.redis.kill()
    await asyncio.sleep(chance.uniform(0.0, 1.0))
    await deployment.start_redis()


async def restart_redis_empty(deployment: Deployment, chance: random.Random) -> None:
    """Stop Redis, and restart it empty, as without persistence."""
    async with _unread(deployment, chance):
        await asyncio.to_thread(deployment.redis.stop)
    deployment.redis_folder = deployment.new_redis_folder()
    await asyncio.sleep(chance.uniform(0.0, 1.0))
    await deployment.start_redis()


async def cut_power_of_redis(deployment: Deployment, chance: random.Random) -> None:
    """Kill Redis, and cut the tail of its append-only file that was not yet on disk."""
    file = _append_only_file(deployment.redis_folder)
    synced_bytes = file.stat().st_size
    async with _unread(deployment, chance):
        await asyncio.sleep(chance.uniform(*TAIL_S))
        deployment.redis.kill()
    file = _append_only_file(deployment.redis_folder)
    # The cut can hit the middle of a command, as on a disk; Redis drops that command at its start.
    os.truncate(file, min(synced_bytes + chance.randint(0, 40), file.stat().st_size))
    await deployment.start_redis()


async def promote_a_replica_without_the_tail(deployment: Deployment, chance: random.Random) -> None:
    """Kill the primary while its replica is behind; the replica takes its place."""
    async with redis_at(deployment.redis) as redis:
        await redis.config_set("repl-diskless-sync-delay", "0")
    async with Proxy(port_of(deployment.redis)) as link:
        replica, folder = await deployment.start_replica(link.port)
        try:
            async with asyncio.timeout(REPLICA_SYNC_S_MAX), redis_at(replica) as redis:
                while (await redis.info("replication"))["master_link_status"] != "up":  # noqa: ASYNC110 - it happens in another process
                    await asyncio.sleep(POLL_S)
        except TimeoutError as error:
            replica.stop()
            raise ChaosError("the replica did not follow its primary in time") from error
        with link.silent():
            async with _unread(deployment, chance):
                await asyncio.sleep(chance.uniform(*TAIL_S))
                deployment.redis.kill()
            link.cut()
    async with redis_at(replica) as redis:
        await redis.slaveof()
    deployment.become_primary_redis(replica, folder)


async def empty_redis(deployment: Deployment, chance: random.Random) -> None:
    """Send FLUSHALL."""
    async with redis_at(deployment.redis) as redis, _unread(deployment, chance):
        await redis.flushall()


async def delete_a_stream(deployment: Deployment, chance: random.Random) -> None:
    """DEL one stream, as an eviction does."""
    async with redis_at(deployment.redis) as redis, _unread(deployment, chance):
        await redis.delete(Keys().stream(chance.choice(SOURCES)))


async def destroy_a_group(deployment: Deployment, chance: random.Random) -> None:
    """XGROUP DESTROY: the entries stay, but the group's position and acknowledgements are lost."""
    async with redis_at(deployment.redis) as redis, _unread(deployment, chance):
        with contextlib.suppress(RedisError):  # an earlier fault removed the stream
            await redis.xgroup_destroy(*Keys().subscription(chance.choice(SOURCES)))


async def fill_redis(deployment: Deployment, chance: random.Random) -> None:
    """Let Redis run out of memory for a while: it reads and deletes, but refuses writes."""
    async with redis_at(deployment.redis) as redis:
        await redis.config_set("maxmemory", "1mb")
        await asyncio.sleep(chance.uniform(1.0, 3.0))
        await redis.config_set("maxmemory", "0")


async def put_junk_on_a_stream(deployment: Deployment, chance: random.Random) -> None:
    """Add entries without an event, and a forgery: a known key with another amount."""
    stream = Keys().stream(chance.choice(SOURCES))
    async with redis_at(deployment.redis) as redis:
        await redis.xadd(stream, {"e": "{not an event"}, nomkstream=True)
        await redis.xadd(stream, {"hello": "world"}, nomkstream=True)
        newest: Any = await redis.xrevrange(stream, count=50)
        for _, fields in newest:
            if (forged := forgery(fields.get("e", ""))) is not None:
                await redis.xadd(stream, {"e": forged}, nomkstream=True)
                return


async def set_clock_of_redis_back(deployment: Deployment, chance: random.Random) -> None:
    """Leave on a stream what a clock leaves that was an hour ahead: an id, and so all after it."""
    stream = Keys().stream(chance.choice(SOURCES))
    async with redis_at(deployment.redis) as redis:
        seconds, _ = await redis.time()
        with contextlib.suppress(RedisError):  # ids are further ahead than that already
            ahead = f"{(seconds + CLOCK_JUMP_S) * 1_000}-0"
            await redis.xadd(stream, {"hello": "from the future"}, id=ahead, nomkstream=True)


async def set_clock_of_postgres_back(deployment: Deployment, chance: random.Random) -> None:
    """Leave in Postgres what a clock leaves that was an hour ahead: times of unfinished events."""
    async with deployment.conn() as conn:
        await conn.execute(
            """
            UPDATE sync_events SET created_at = created_at + make_interval(secs => $1),
                published_at = published_at + make_interval(secs => $1)
            WHERE status IN ('pending', 'published')
            """,
            CLOCK_JUMP_S,
        )


async def restart_postgres_fast(deployment: Deployment, chance: random.Random) -> None:
    """Restart Postgres with a fast shutdown: open transactions are rolled back."""
    await asyncio.to_thread(deployment.postgres.stop)
    await deployment.start_postgres()


async def restart_postgres_at_once(deployment: Deployment, chance: random.Random) -> None:
    """Restart Postgres with an immediate shutdown: it recovers from the write-ahead log."""
    os.kill(deployment.postgres.pid, signal.SIGQUIT)
    await asyncio.to_thread(deployment.postgres.stop)
    await deployment.start_postgres()


async def kill_postgres(deployment: Deployment, chance: random.Random) -> None:
    """Kill every process of Postgres."""
    os.killpg(deployment.postgres.pid, signal.SIGKILL)
    deployment.postgres.kill()
    await deployment.start_postgres()


async def promote_a_standby_of_postgres(deployment: Deployment, chance: random.Random) -> None:
    """Kill the primary, or leave it up and read-only, and let its standby take its place.

    A primary that stays up keeps the connections that it has: each process has to notice that its
    connection leads to a server that takes no writes any more.
    """
    standby, folder = await start_standby(deployment)
    old = deployment.postgres
    if stays := chance.random() < PRIMARY_STAYS_SHARE:
        await make_read_only(old)
    else:
        end_at_once(old)
    await promote(standby)
    deployment.become_primary_postgres(standby, folder)
    if stays:
        await asyncio.sleep(chance.uniform(*PRIMARY_STAYS_S))
        end_at_once(old)


async def make_postgres_read_only(deployment: Deployment, chance: random.Random) -> None:
    """Let Postgres refuse writes for a while, as a full disk or a careful administrator does."""
    async with deployment.conn() as conn:
        await conn.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        await conn.execute("SELECT pg_reload_conf()")
        await asyncio.sleep(chance.uniform(1.0, 4.0))
        await conn.execute("ALTER SYSTEM RESET default_transaction_read_only")
        await conn.execute("SELECT pg_reload_conf()")


async def restart_the_pooler(deployment: Deployment, chance: random.Random) -> None:
    """Kill PgBouncer with all its connections, and start it again; without it, nothing happens."""
    if deployment.pooler is not None:
        deployment.pooler.kill()
        await asyncio.sleep(chance.uniform(0.0, 2.0))
        deployment.pooler.start()


async def hold_locks_in_postgres(deployment: Deployment, chance: random.Random) -> None:
    """Hold a table, or the rows of half of the members, as another program's transaction may."""
    statement = chance.choice(
        (
            "LOCK TABLE twinstream.sync_state IN ACCESS EXCLUSIVE MODE",
            "LOCK TABLE twinstream.sync_events IN SHARE MODE",
            "SELECT FROM twinstream.members WHERE id % 2 = 0 FOR UPDATE",
        )
    )
    await _hold(deployment, chance, statement)


async def hold_locks_on_the_bots_table(deployment: Deployment, chance: random.Random) -> None:
    """Hold the Telegram bot's own table, or half of its rows, for longer than our bounded wait."""
    await _hold(deployment, chance, chance.choice(users_table.LOCKS))


async def flood_a_stream_with_overdrafts(deployment: Deployment, chance: random.Random) -> None:
    """Add events of another program that take away more than there is; each has to be buried."""
    source = chance.choice(SOURCES)
    flood = chance.randrange(10**9)
    async with redis_at(deployment.redis) as redis, redis.pipeline(transaction=False) as pipeline:
        for number in range(FLOOD_ENTRIES):
            overdraft = schemas.balance_changed(
                source=source,
                user_id=chance.randint(1, OVERDRAWN_ACCOUNTS),
                delta_balance=-(10**12),
                reason="chaos_overdraft",
                entity_id=f"{flood}.{number}",
                occurred_at=datetime.now(UTC),
            )
            event = schemas.encode(overdraft).decode()
            pipeline.xadd(Keys().stream(source), {"e": event}, nomkstream=True)
        await pipeline.execute()


async def cut_connections_to_redis(deployment: Deployment, chance: random.Random) -> None:
    """Reset every connection to Redis, three times in a row."""
    await _cut(deployment.redis_proxy, chance)


async def cut_connections_to_postgres(deployment: Deployment, chance: random.Random) -> None:
    """Reset every connection to Postgres, three times in a row."""
    await _cut(deployment.postgres_proxy, chance)


async def lose_replies_of_redis(deployment: Deployment, chance: random.Random) -> None:
    """Redis executes commands, but no client gets a reply."""
    with deployment.redis_proxy.deaf():
        await asyncio.sleep(chance.uniform(0.1, 1.0))


async def lose_replies_of_postgres(deployment: Deployment, chance: random.Random) -> None:
    """Postgres commits, but no client gets a reply."""
    with deployment.postgres_proxy.deaf():
        await asyncio.sleep(chance.uniform(0.1, 1.0))


async def slow_redis(deployment: Deployment, chance: random.Random) -> None:
    """Delay all traffic to and from Redis."""
    with deployment.redis_proxy.slow(chance.uniform(0.05, 0.3)):
        await asyncio.sleep(chance.uniform(1.0, 3.0))


async def slow_postgres(deployment: Deployment, chance: random.Random) -> None:
    """Delay all traffic to and from Postgres."""
    with deployment.postgres_proxy.slow(chance.uniform(0.02, 0.1)):
        await asyncio.sleep(chance.uniform(1.0, 3.0))


async def silence_redis(deployment: Deployment, chance: random.Random) -> None:
    """Hold all traffic to Redis, often for longer than a command's timeout; then release it."""
    with deployment.redis_proxy.silent():
        await asyncio.sleep(chance.uniform(1.0, 7.0))


async def silence_postgres(deployment: Deployment, chance: random.Random) -> None:
    """Hold all traffic to Postgres for a while, then release it."""
    with deployment.postgres_proxy.silent():
        await asyncio.sleep(chance.uniform(1.0, 4.0))


FAULTS: Final[dict[str, Fault]] = {
    "kill -9 a settler": kill_a_settler,
    "kill -9 all settlers": kill_all_settlers,
    "kill -9 a relay": kill_a_relay,
    "kill -9 a bot": kill_a_bot,
    "SIGTERM a settler": stop_a_settler,
    "SIGSTOP a settler past its claim time": pause_a_settler,
    "SIGSTOP a relay": pause_a_relay,
    "SIGSTOP a bot": pause_a_bot,
    "kill -9 Redis, back with its AOF": restart_redis,
    "restart Redis empty": restart_redis_empty,
    "power cut of Redis, AOF tail lost": cut_power_of_redis,
    "promote a replica without the tail": promote_a_replica_without_the_tail,
    "FLUSHALL": empty_redis,
    "delete one stream": delete_a_stream,
    "destroy one group": destroy_a_group,
    "Redis out of memory": fill_redis,
    "junk on a stream": put_junk_on_a_stream,
    "flood of overdrafts on a stream": flood_a_stream_with_overdrafts,
    "clock of Redis set back by an hour": set_clock_of_redis_back,
    "clock of Postgres set back by an hour": set_clock_of_postgres_back,
    "restart Postgres, fast": restart_postgres_fast,
    "restart Postgres, immediate": restart_postgres_at_once,
    "kill -9 Postgres": kill_postgres,
    "promote a standby of Postgres": promote_a_standby_of_postgres,
    "Postgres read-only": make_postgres_read_only,
    "locks held in Postgres": hold_locks_in_postgres,
    "locks on a bot's table in Postgres": hold_locks_on_the_bots_table,
    "kill -9 the pooler of Postgres": restart_the_pooler,
    "cut connections to Redis": cut_connections_to_redis,
    "cut connections to Postgres": cut_connections_to_postgres,
    "lose replies of Redis": lose_replies_of_redis,
    "lose replies of Postgres": lose_replies_of_postgres,
    "slow line to Redis": slow_redis,
    "slow line to Postgres": slow_postgres,
    "silent line to Redis": silence_redis,
    "silent line to Postgres": silence_postgres,
}
#: Faults of a run in which people act.
PEOPLES_FAULTS: Final[dict[str, Fault]] = {
    "kill -9 a people's bot": kill_a_peoples_bot,
    "SIGTERM a people's bot": stop_a_peoples_bot,
    "SIGSTOP a people's bot": pause_a_peoples_bot,
    "kill -9 the display": kill_the_display,
}
ALL_FAULTS: Final = FAULTS | PEOPLES_FAULTS
#: Two faults at once must act on different targets, or they would disturb each other.
TARGETS: Final = ("Redis", "Postgres")
ON_REDIS_BY_OTHER_NAMES: Final = ("replica", "FLUSHALL", "stream", "group")


def target_of(kind: str) -> str:
    """Return the target of a fault: Redis, Postgres, or our processes."""
    for target in TARGETS:
        if target in kind:
            return target
    return "Redis" if any(word in kind for word in ON_REDIS_BY_OTHER_NAMES) else "processes"


def forgery(payload: str) -> str | None:
    """Return the event with a larger amount and the same key, or None if it has no XP."""
    try:
        event = json.loads(payload)
        event["delta_xp"] += 1_000
    except (ValueError, KeyError, TypeError):
        return None
    return json.dumps(event)


async def _hold(deployment: Deployment, chance: random.Random, statement: str) -> None:
    with contextlib.suppress(asyncpg.DeadlockDetectedError):
        async with deployment.conn() as conn, conn.transaction():
            await conn.execute(statement)
            await asyncio.sleep(chance.uniform(1.0, 8.0))


async def _pause(deployment: Deployment, name: str, seconds: float) -> None:
    with _stopped(deployment, name):
        await asyncio.sleep(seconds)


@contextlib.contextmanager
def _stopped(deployment: Deployment, *names: str) -> Iterator[None]:
    """Stop these processes (SIGSTOP) within the block; other faults may kill them meanwhile."""
    pids = [deployment.pid(name) for name in names]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


@contextlib.asynccontextmanager
async def _unread(deployment: Deployment, chance: random.Random) -> AsyncIterator[None]:
    """Usually let entries pile up unread, because only unread entries are lost with a stream.

    The settling processes are stopped until the block ends.
    """
    if chance.random() < UNREAD_SHARE:
        with _stopped(deployment, *SETTLERS):
            await asyncio.sleep(chance.uniform(*UNREAD_S))
            yield
    else:
        yield


async def _cut(proxy: Proxy, chance: random.Random) -> None:
    for _ in range(3):
        proxy.cut()
        await asyncio.sleep(chance.uniform(0.0, 0.3))


def _append_only_file(folder: Path) -> Path:
    """Return the file to which Redis appends now."""
    files = (folder / "data" / "appendonlydir").glob("*.incr.aof")
    return max(files, key=lambda file: int(file.name.split(".")[-3]))
