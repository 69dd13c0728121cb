"""One item of a stream, as the bus hands it out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from .keys import PAYLOAD_FIELD

#: The largest id there is. Redis adds nothing after it.
ID_MAX: Final = f"{2**64 - 1}-{2**64 - 1}"


@dataclass(frozen=True, slots=True)
class Entry:
    """One delivery of an entry to one consumer."""

    stream: str
    id: str
    #: None when the entry has no field `e`: someone wrote what is not an event. Bury it.
    payload: bytes | None
    #: How often Redis has handed it out, this time included. A hint: restarts count as well.
    deliveries: int
    #: All fields as they came, kept for entries without a payload and empty for the others.
    fields: Mapping[bytes, bytes] = field(default_factory=dict)


def to_entry(
    stream: str, raw_id: bytes | str, fields: Mapping[bytes, bytes], deliveries: int
) -> Entry:
    """Build an entry from a reply of redis-py."""
    payload = fields.get(PAYLOAD_FIELD)
    kept = {} if payload is not None else dict(fields)
    return Entry(stream, to_id(raw_id), payload, deliveries, kept)


def to_id(raw: bytes | str) -> str:
    """The id as text, whether or not the client decodes replies (a foreign bot's may).

    Names of groups and consumers are read by it too, and those may hold any bytes.
    """
    return raw.decode(errors="backslashreplace") if isinstance(raw, bytes) else raw


def id_order(entry_id: str) -> tuple[int, int]:
    """What ids are ordered by: the milliseconds, then the number within them."""
    ms, _, number = entry_id.partition("-")
    return int(ms), int(number)


def id_ms(entry_id: str) -> int:
    """The milliseconds in an id. For an entry whose sender chose no id, when it was added.

    Senders may choose any, and a server's clock may have been wrong, so nothing that matters is
    decided by it.
    """
    return id_order(entry_id)[0]
