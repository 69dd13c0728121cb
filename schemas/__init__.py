"""The wire format: events, their rules, their keys and their bytes. No I/O, no clock."""

from .builders import EventParts, achievement_unlocked, balance_changed, xp_changed
from .codec import PAYLOAD_BYTES_MAX, claimed_key, decode, encode
from .document import json_schema
from .errors import MalformedEvent, MalformedPage, SchemaError, UnknownEvent, UnsupportedVersion
from .events import AchievementUnlocked, BalanceChanged, Event, XpChanged
from .fields import DELTA_MAX, USER_ID_MAX, VERSION
from .keys import (
    AchievementKey,
    EntityKey,
    achievement_key,
    balance_key,
    parse_key,
    xp_key,
)
from .platforms import SHORT_NAMES, SOURCES, Source, opposite
from .snapshots import SnapshotPage, SnapshotRow, decode_page, encode_page, page_checksum, seal

__all__ = [
    "DELTA_MAX",
    "PAYLOAD_BYTES_MAX",
    "SHORT_NAMES",
    "SOURCES",
    "USER_ID_MAX",
    "VERSION",
    "AchievementKey",
    "AchievementUnlocked",
    "BalanceChanged",
    "EntityKey",
    "Event",
    "EventParts",
    "MalformedEvent",
    "MalformedPage",
    "SchemaError",
    "SnapshotPage",
    "SnapshotRow",
    "Source",
    "UnknownEvent",
    "UnsupportedVersion",
    "XpChanged",
    "achievement_key",
    "achievement_unlocked",
    "balance_changed",
    "balance_key",
    "claimed_key",
    "decode",
    "decode_page",
    "encode",
    "encode_page",
    "json_schema",
    "opposite",
    "page_checksum",
    "parse_key",
    "seal",
    "xp_changed",
    "xp_key",
]
