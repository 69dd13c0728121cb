"""Entry: one item of a stream, as the bus hands it out; and the arithmetic of entry ids."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from .keys import PAYLOAD_FIELD

#: The largest id there is. Redis adds nothing after it.
ID_MAX: Final = f"{2**64 - 1}-{2**64 - 1}"


#: The fields of an entry as a reply has them: names and values by turns, so that a name may stand
#: there twice; or by name, from a client that keeps one value of each.
RawFields = Sequence[bytes] | Mapping[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Entry:
    """One delivery of an entry to one consumer."""

    stream: str
    id: str
    #: None unless the entry has exactly one field `e`: another program wrote it, and it is no
    #: event. Bury it.
    payload: bytes | None
    #: How often Redis has delivered it, this time included. A hint: restarts count as well.
    deliveries: int
    #: All fields as they came, kept for entries without a payload and empty for the others.
    fields: tuple[tuple[bytes, bytes], ...] = ()

    @property
    def payloads(self) -> int:
        """How many fields `e` the entry has. It may carry one event only, so any but 1 is wrong."""
        return 1 if self.payload is not None else _count_payloads(self.fields)


def to_entry(stream: str, raw_id: bytes | str, fields: RawFields, deliveries: int) -> Entry:
    """Build an entry from a reply."""
    if isinstance(fields, Mapping):
        pairs = tuple(fields.items())
    else:
        pairs = tuple(zip(fields[::2], fields[1::2], strict=True))
    if _count_payloads(pairs) != 1:
        return Entry(stream, to_id(raw_id), None, deliveries, pairs)
    [payload] = [value for name, value in pairs if name == PAYLOAD_FIELD]
    return Entry(stream, to_id(raw_id), payload, deliveries)


def _count_payloads(fields: Sequence[tuple[bytes, bytes]]) -> int:
    return sum(name == PAYLOAD_FIELD for name, _ in fields)


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
