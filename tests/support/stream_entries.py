"""The entries of a stream, as they lie in Redis."""

from typing import Any, cast

from bus import Client


async def entries_in(redis: Client, stream: str) -> list[tuple[bytes, dict[Any, Any]]]:
    """Every entry with its id, oldest first.

    Ids, names and values are bytes, as no client of ours decodes. redis-py's types admit text and
    nil as well, and its `xadd` takes a dictionary of exactly its own unions or of `Any`.
    """
    return cast("list[tuple[bytes, dict[Any, Any]]]", await redis.xrange(stream))
