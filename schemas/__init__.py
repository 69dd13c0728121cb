"""What crosses the wire: events, their rules, their keys and their bytes. No I/O, no clock."""

from .builders import achievement_unlocked, balance_changed, xp_changed
from .codec import PAYLOAD_BYTES_MAX, decode, encode
from .document import json_schema
from .errors import MalformedEvent, SchemaError, UnknownEvent, UnsupportedVersion
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
from .sources import SHORT_NAMES, SOURCES, Source, opposite

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
    "MalformedEvent",
    "SchemaError",
    "Source",
    "UnknownEvent",
    "UnsupportedVersion",
    "XpChanged",
    "achievement_key",
    "achievement_unlocked",
    "balance_changed",
    "balance_key",
    "decode",
    "encode",
    "json_schema",
    "opposite",
    "parse_key",
    "xp_changed",
    "xp_key",
]
