"""Entry: one item of a stream, as the bus hands it out; and the arithmetic of entry ids."""

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
    #: None when the entry has no field `e`: another program wrote it, and it is no event. Bury it.
    payload: bytes | None
    #: How often Redis has delivered it, this time included. A hint: restarts count as well.
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

    It also reads names of groups and consumers, which may hold any bytes.
    """
    return raw.decode(errors="backslashreplace") if isinstance(raw, bytes) else raw


def id_order(entry_id: str) -> tuple[int, int]:
    """Return the key that orders ids: the milliseconds, then the number within them."""
    ms, _, number = entry_id.partition("-")
    return int(ms), int(number)


def id_ms(entry_id: str) -> int:
    """Return the milliseconds in an id: when the entry was added, if its sender chose no id.

    Senders may choose any id, and a server's clock may have been wrong, so no decision that matters
    depends on it.
    """
    return id_order(entry_id)[0]
