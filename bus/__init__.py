"""The bus: Redis Streams, at least once, bytes in and bytes out.

It knows streams, groups and entries, and not the meaning of the bytes: callers encode and decode.
"""

from .client import BLOCK_MS_MAX, Client, address, connect, connect_reader, ping
from .dead_letters import Burial, DeadLetters
from .entry import Entry
from .errors import (
    AccessDenied,
    BadRedisUrl,
    BusError,
    BusFull,
    BusUnavailable,
    CommandRefused,
    GroupMissing,
    NotAStream,
    PayloadTooLarge,
    ServerUnfit,
    StreamExhausted,
    StreamMissing,
)
from .groups import (
    deliver_again,
    ensure_group,
    entries_after,
    group_exists,
    remove_idle_consumers,
)
from .keys import SOURCES, Keys, Source, Subscription, consumer_name
from .lag import CLOCK_STEP_MS, Consumer, Holder, Lag, measure_lag, told_ahead
from .publisher import PAYLOAD_BYTES_MAX, PUBLISH_ENTRIES_MAX, Publisher
from .reader import GroupPosition, Reader
from .repair import Repaired, repair_stream
from .trim import Trimmed, is_short_of_memory, trim_stream

__all__ = [
    "BLOCK_MS_MAX",
    "CLOCK_STEP_MS",
    "PAYLOAD_BYTES_MAX",
    "PUBLISH_ENTRIES_MAX",
    "SOURCES",
    "AccessDenied",
    "BadRedisUrl",
    "Burial",
    "BusError",
    "BusFull",
    "BusUnavailable",
    "Client",
    "CommandRefused",
    "Consumer",
    "DeadLetters",
    "Entry",
    "GroupMissing",
    "GroupPosition",
    "Holder",
    "Keys",
    "Lag",
    "NotAStream",
    "PayloadTooLarge",
    "Publisher",
    "Reader",
    "Repaired",
    "ServerUnfit",
    "Source",
    "StreamExhausted",
    "StreamMissing",
    "Subscription",
    "Trimmed",
    "address",
    "connect",
    "connect_reader",
    "consumer_name",
    "deliver_again",
    "ensure_group",
    "entries_after",
    "group_exists",
    "is_short_of_memory",
    "measure_lag",
    "ping",
    "remove_idle_consumers",
    "repair_stream",
    "told_ahead",
    "trim_stream",
]
