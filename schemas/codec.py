"""Codec: events to bytes and back, one JSON object in UTF-8. Only this module touches wire bytes.

Decoding is one typed pass. A payload that fails it is read a second time, to say what is wrong and
to allow the one liberty of the format: `user_id` may be a string of digits, because not every
language has 64-bit integers.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from .errors import MalformedEvent, UnknownEvent, UnsupportedVersion
from .events import AchievementUnlocked, BalanceChanged, Event, XpChanged
from .fields import VERSION, broken, conform, missing, show

#: The longest payload that is read. The longest that the builders can make is below 1 000 bytes;
#: the rest is room for fields of later versions.
PAYLOAD_BYTES_MAX: Final = 16_384

_TYPES: Final[dict[str, type[XpChanged | BalanceChanged | AchievementUnlocked]]] = {
    "xp.changed": XpChanged,
    "balance.changed": BalanceChanged,
    "achievement.unlocked": AchievementUnlocked,
}
_NAMES: Final = ", ".join(_TYPES)
_KNOWN_FIELDS: Final = frozenset(
    ["type", *(field for struct in _TYPES.values() for field in struct.__struct_fields__)]
)
_DIGITS: Final = re.compile(r"[1-9][0-9]{0,18}")

# Beside its own errors, msgspec raises two of Python's: for a string that is not UTF-8, and for
# nesting deeper than the stack.
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_encoder: Final = msgspec.json.Encoder()
_decoder: Final[msgspec.json.Decoder[Event]] = msgspec.json.Decoder(Event)
_loose_decoder: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def encode(event: Event) -> bytes:
    """Write an event as the wire carries it. Events from the builders always decode again."""
    return _encoder.encode(event)


def decode(payload: bytes) -> Event:
    """Read an event from the wire. Unknown fields are ignored: newer senders may add some.

    Raises:
        MalformedEvent: not a JSON object in UTF-8, too long, or a field breaks its rule.
        UnknownEvent: the type is none of ours.
        UnsupportedVersion: the event is of a newer version of the format.
    """
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise MalformedEvent(
            f"the payload has {len(payload)} bytes; expected at most {PAYLOAD_BYTES_MAX}"
        )
    try:
        # msgspec skips the strings of unknown fields without reading them. Postgres stores an
        # accepted payload as text, so all of it has to be UTF-8.
        if not payload.isascii():
            payload.decode()
        return _decoder.decode(payload)
    except _UNREADABLE as error:
        return _second_look(payload, error)


def claimed_key(payload: bytes) -> str | None:
    """Return the idempotency key in a payload that `decode` refuses, or None if there is none.

    Do not believe it: it says under which key to look, not that the event is the payload's. A
    payload that is too long for any event is not searched.
    """
    if len(payload) > PAYLOAD_BYTES_MAX:
        return None
    try:
        key = _fields(payload).get("idempotency_key")
    except MalformedEvent:
        return None
    return key if isinstance(key, str) and key.isprintable() else None


def _second_look(payload: bytes, error: Exception) -> Event:
    """Read a payload that the typed pass refused, or say why it cannot be read."""
    fields = _fields(payload)
    version = fields.get("v", 1)
    if isinstance(version, int) and version > VERSION:
        raise UnsupportedVersion(
            f"v is {show(version)}; this release reads versions up to {VERSION}: "
            f"upgrade it, then replay the entry",
            v=version,
        ) from error
    if "type" not in fields:
        raise missing("type", f"one of {_NAMES}") from error
    event_type = fields["type"]
    if not isinstance(event_type, str):
        raise broken("type", event_type, f"one of {_NAMES}") from error
    if event_type not in _TYPES:
        raise UnknownEvent(
            f"type is {show(event_type)}; this release knows {_NAMES}: "
            f"correct the sender, or upgrade if it is the newer one",
            type=event_type,
        ) from error
    user_id = fields.get("user_id")
    if isinstance(user_id, str) and _DIGITS.fullmatch(user_id):
        fields["user_id"] = int(user_id)
    return conform(_TYPES[event_type], fields)


def _fields(payload: bytes) -> dict[str, object]:
    """Read the known fields, untyped; raise unless the payload is one JSON object."""
    try:
        payload.decode()
        raw = _loose_decoder.decode(payload)
    except msgspec.ValidationError as error:
        raise MalformedEvent(f"the payload is no JSON object: {error}") from error
    except _UNREADABLE as error:
        raise MalformedEvent(f"the payload is not JSON: {error}") from error
    fields: dict[str, object] = {}
    for name, value in raw.items():
        if name not in _KNOWN_FIELDS:
            continue
        try:
            fields[name] = msgspec.json.decode(value)
        except _UNREADABLE as error:
            raise MalformedEvent(f"{name} cannot be read: {error}", field=name) from error
    return fields
