"""redis-py's client for Redis Cluster, made to notice every failover.

redis-py follows redirections (MOVED, ASK) by itself, at most 16 for a command. A redirected command
was not executed, so nothing is executed twice. After a failure redis-py leaves some steps undone;
this module does them, and the tests that kill nodes fail without it.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Literal

from redis.asyncio.cluster import ClusterNode, ClusterPipeline, RedisCluster
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError, MaxConnectionsError, TimeoutError  # noqa: A004

from .url import RedisUrl

#: Connections per node. redis-py's cluster client does not wait for a free one but refuses, so the
#: limit is far above the number of commands at once.
NODE_CONNECTIONS_MAX: Final = 256


def connect_to_cluster(
    url: RedisUrl,
    settings: Mapping[str, Any],
    greet: Callable[[AbstractConnection], Awaitable[None]],
) -> RedisCluster:
    """A client for the cluster that any of the hosts belongs to. Connects on first use.

    `settings` are those of connections. `greet` logs a new connection in, whichever node it is to.
    """
    cluster = _Cluster(
        startup_nodes=[ClusterNode(host, port) for host, port in url.hosts],
        ssl=url.tls,
        max_connections=NODE_CONNECTIONS_MAX,
        # While one shard is away, the streams of the other shards are still served.
        require_full_coverage=False,
        # One MOVED moves one slot. Asking for all slots again would close every connection.
        reinitialize_steps=0,
        **{**url.options(), **settings},
    )
    # redis-py's cluster client has no parameter for it, as its other clients have.
    cluster.nodes_manager.connection_kwargs["redis_connect_func"] = greet
    for node in cluster.startup_nodes:
        node.connection_kwargs["redis_connect_func"] = greet
    return cluster


class _Cluster(RedisCluster):
    async def initialize(self, *args: Any, **kwargs: Any) -> RedisCluster:
        # redis-py always asks the same node which commands exist, even if exactly that node is
        # gone and the others serve.
        try:
            return await super().initialize(*args, **kwargs)
        except (ConnectionError, TimeoutError):
            self.nodes_manager.move_node_to_end_of_cached_nodes(self.commands_parser.node.name)
            raise

    async def _determine_slot(self, command: str, *args: Any) -> int:
        # For each XREADGROUP redis-py asks that node where the keys are. `Reader` names one key.
        if command == "XREADGROUP":
            return self.keyslot(args[-2])
        return await super()._determine_slot(command, *args)

    def pipeline(
        self, transaction: bool | None = None, shard_hint: Literal[None] = None
    ) -> ClusterPipeline:
        return _Pipeline(self, transaction)  # type: ignore[abstract] # as redis-py's own is

    def look_again(self, error: Exception) -> None:
        """Have the next command ask for the slots again, unless only our connections ran out."""
        if not isinstance(error, MaxConnectionsError):
            self._initialize = True

    async def aclose(self) -> None:
        # redis-py closes nothing while it is due to ask for the slots.
        await super().aclose()
        await self.nodes_manager.aclose()
        await self.nodes_manager.aclose("startup_nodes")


class _Pipeline(ClusterPipeline):
    cluster_client: _Cluster

    # redis-py itself goes on sending pipelines to a node that is gone.
    async def execute(
        self, raise_on_error: bool = True, allow_redirections: bool = True
    ) -> list[Any]:
        try:
            replies = await super().execute(raise_on_error, allow_redirections)
        except (ConnectionError, TimeoutError) as error:
            self.cluster_client.look_again(error)
            raise
        for reply in replies:
            if isinstance(reply, ConnectionError | TimeoutError):
                self.cluster_client.look_again(reply)
        return replies
