"""Redis clients, with an explicit value for every setting that matters for streams.

redis-py 8 repeats a command up to ten times when its answer is lost, which adds an entry twice, and
gives up on any answer after 5 s, which breaks blocking reads. Neither default suits a bus: here a
lost answer is an error that the caller sees, and readers have a timeout of their own.
"""

import contextlib
from typing import Any, Final, NamedTuple

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.connection import AbstractConnection, Connection, SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisClusterException, RedisError, ResponseError

from . import url as urls
from .cluster import connect_to_cluster
from .errors import BadRedisUrl, translated
from .sentinel import connect_by_sentinel
from .tls import PlainConnection, TlsConnection, check_files

#: The client that every part of the bus works with.
Client = Redis | RedisCluster

#: Seconds for a connection and for an answer; a server that needs longer counts as away.
CONNECT_TIMEOUT_S: Final = 5.0
COMMAND_TIMEOUT_S: Final = 5.0
#: The longest wait for new entries. Some servers overran it by half, so a reader's timeout has a
#: margin of 5 s on top.
BLOCK_MS_MAX: Final = 5_000
READER_TIMEOUT_S: Final = BLOCK_MS_MAX / 1_000 + 5.0
#: A connection that was idle for this long is checked with PING before the next command.
HEALTH_CHECK_INTERVAL_S: Final = 15.0
#: Connections per client; further calls wait for a free one.
CONNECTIONS_MAX: Final = 32
#: How long a call waits for a free connection of the pool; no longer than for an answer.
POOL_WAIT_S: Final = 5.0
#: Our connections, by the ones of redis-py in whose place they are.
_EXPLAINING: Final = {Connection: PlainConnection, SSLConnection: TlsConnection}


def connect(url: str, *, name: str) -> Client:
    """A client for commands that answer at once. Connects on first use; close it with `aclose()`.

    Safe to share between tasks. `name` is what `CLIENT LIST` shows; no spaces. `url` is one of the
    forms that `bus.url` lists. With Sentinel and with a cluster, a failover is an error like a lost
    connection, and the calls after it find the new primary.

    Raises:
        BadRedisUrl: with one sentence that says what to correct.
    """
    return _client(url, name=name, timeout_s=COMMAND_TIMEOUT_S)


def connect_reader(url: str, *, name: str) -> Client:
    """A client for `Reader`: its timeout allows reads that block up to `BLOCK_MS_MAX`.

    Raises:
        BadRedisUrl: as `connect`.
    """
    return _client(url, name=name, timeout_s=READER_TIMEOUT_S)


async def ping(redis: Client) -> None:
    """Return once Redis answers; of a cluster, any of its nodes.

    Raises:
        BusUnavailable, AccessDenied: Redis does not answer, or refuses our credentials.
    """
    with translated():
        await redis.ping()


def address(url: str) -> str:
    """The address in the URL, fit for a log: without user, password and options.

    Raises:
        BadRedisUrl: as `connect`.
    """
    return urls.parse(url).address


class Protection(NamedTuple):
    """How connections are protected."""

    is_local: bool
    """They do not leave this machine."""
    is_encrypted: bool
    is_verified: bool
    """Redis must show a certificate of a trusted CA for the host of the address."""


def protection(url: str) -> Protection:
    """Say how connections to this address are protected.

    Raises:
        BadRedisUrl: as `connect`.
    """
    parsed = urls.parse(url)
    return Protection(parsed.is_local, parsed.tls, parsed.is_verified)


def _client(url: str, *, name: str, timeout_s: float) -> Client:
    parsed = urls.parse(url)
    settings: dict[str, Any] = {
        "client_name": name,
        "protocol": 2,  # RESP3 changes the shape of replies
        "decode_responses": False,
        "socket_timeout": timeout_s,
        "socket_connect_timeout": CONNECT_TIMEOUT_S,
        "health_check_interval": HEALTH_CHECK_INTERVAL_S,
        "retry": Retry(NoBackoff(), 0),
    }
    pool_settings = {"max_connections": CONNECTIONS_MAX, "timeout": POOL_WAIT_S}
    try:
        check_files(parsed.options())
        greeted = {**pool_settings, **settings, "redis_connect_func": _greet}
        pool = BlockingConnectionPool.from_url(parsed.single, **greeted)
        if pool.connection_class in _EXPLAINING:
            pool.connection_class = _EXPLAINING[pool.connection_class]
        # The connection stays closed. Making it checks the options, which would otherwise fail at
        # the first command.
        pool.make_connection()  # type: ignore[no-untyped-call]
        match parsed.topology:
            case "single":
                return Redis.from_pool(pool)
            case "sentinel":
                return connect_by_sentinel(parsed, greeted)
            case "cluster":
                return connect_to_cluster(parsed, settings, _greet)
    except (TypeError, ValueError, RedisError, RedisClusterException):
        # Without the cause: its text repeats parts of the URL.
        raise BadRedisUrl(
            "an ssl_ option of the Redis URL is unknown or has an unfit value"
        ) from None


async def _greet(connection: AbstractConnection) -> None:
    """Log in and choose the database; tell Redis our name, if it wants to know.

    redis-py would refuse the connection where an operator has renamed or denied CLIENT, and the
    name is only for people who look.
    """
    name, connection.client_name = connection.client_name, None
    try:
        await connection.on_connect_check_health(check_health=False)
    finally:
        connection.client_name = name
    if name:
        await connection.send_command("CLIENT", "SETNAME", name, check_health=False)
        with contextlib.suppress(ResponseError):
            await connection.read_response()
