"""A client that asks Sentinel where the primary is, whenever it opens a connection.

So it needs no notice of a failover: connections to the lost primary break, or time out, and the
next one goes to the server that was promoted.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import (
    Sentinel,
    SentinelConnectionPool,
    SentinelManagedConnection,
    SentinelManagedSSLConnection,
)
from redis.backoff import NoBackoff

from .url import RedisUrl

#: Sentinels are asked one after the other, so one that hangs may cost a second only.
SENTINEL_TIMEOUT_S: Final = 1.0


class _PrimaryPool(SentinelConnectionPool, BlockingConnectionPool):
    """Waits for a free connection, as `bus.client` does, and closes the sentinels' clients."""

    async def disconnect(self, inuse_connections: bool = True) -> None:
        """Disconnect idle connections, which leave the pool, and perhaps those in use.

        redis-py 8 keeps the idle ones in the pool. After a failover, a call may take one while it
        is being disconnected, and connect it to the new primary; the end of the disconnect then
        forgets the new socket without closing it.
        """
        idle, self._available_connections = self._available_connections, []
        try:
            await super().disconnect(inuse_connections)
        finally:
            await asyncio.gather(*(one.disconnect() for one in idle), return_exceptions=True)

    async def aclose(self) -> None:
        await super().aclose()
        await self.sentinel_manager.aclose()


def connect_by_sentinel(url: RedisUrl, settings: Mapping[str, Any]) -> Redis:
    """A client for the primary of `url.service`. Connects on first use.

    `settings` are those of the pool and of its connections to the primary.
    """
    tls = {name: value for name, value in url.options().items() if name.startswith("ssl_")}
    if url.tls:
        tls["ssl"] = True
    sentinel = Sentinel(  # type: ignore[no-untyped-call]
        list(url.hosts),
        # By default redis-py would ask each sentinel eleven times before the next one.
        sentinel_kwargs={
            **tls,
            **url.sentinel_login,
            "protocol": 2,
            "socket_timeout": SENTINEL_TIMEOUT_S,
            "socket_connect_timeout": SENTINEL_TIMEOUT_S,
            "retry": Retry(NoBackoff(), 0),
        },
    )
    connection = SentinelManagedSSLConnection if url.tls else SentinelManagedConnection
    redis: Redis = sentinel.master_for(
        url.service,
        connection_pool_class=_PrimaryPool,
        connection_class=connection,
        **{**url.options(), **settings},
    )
    return redis
