"""The bus: Redis Streams, at least once, bytes in and bytes out.

It knows streams, groups and entries. What the bytes mean is the caller's business.
"""

from .client import BLOCK_MS_MAX, Client, address, connect, connect_reader, ping
from .deadletter import DeadLetter, DeadLetters
from .entry import Entry
from .errors import (
    AccessDenied,
    BadRedisUrl,
    BusError,
    BusFull,
    BusUnavailable,
    CommandRefused,
    GroupMissing,
    PayloadTooLarge,
    StreamMissing,
)
from .groups import ensure_group, group_exists, remove_idle_consumers
from .keys import SOURCES, Keys, Source, Subscription, consumer_name
from .lag import Consumer, Lag, measure_lag
from .publisher import PAYLOAD_BYTES_MAX, PUBLISH_ENTRIES_MAX, Publisher
from .reader import Reader, Standing
from .trim import Trimmed, trim_stream

__all__ = [
    "BLOCK_MS_MAX",
    "PAYLOAD_BYTES_MAX",
    "PUBLISH_ENTRIES_MAX",
    "SOURCES",
    "AccessDenied",
    "BadRedisUrl",
    "BusError",
    "BusFull",
    "BusUnavailable",
    "Client",
    "CommandRefused",
    "Consumer",
    "DeadLetter",
    "DeadLetters",
    "Entry",
    "GroupMissing",
    "Keys",
    "Lag",
    "PayloadTooLarge",
    "Publisher",
    "Reader",
    "Source",
    "Standing",
    "StreamMissing",
    "Subscription",
    "Trimmed",
    "address",
    "connect",
    "connect_reader",
    "consumer_name",
    "ensure_group",
    "group_exists",
    "measure_lag",
    "ping",
    "remove_idle_consumers",
    "trim_stream",
]
