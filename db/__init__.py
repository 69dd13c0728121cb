"""Postgres, the record: accounts, ledger, books, events, surfaces. Functions over a connection."""

from .errors import (
    Contention,
    DbError,
    IdempotencyConflict,
    InsufficientFunds,
    RowRefused,
    RuleBroken,
    StorageUnavailable,
    StoreClosed,
    StoreUnfit,
)
from .ledger.envelopes import Event, Fact, Recorded
from .ledger.ranks import Rung, set_ladder
from .members.accounts import accounts_of, find_member, name_elsewhere, see
from .members.linking import LinkOutcome, issue_code, redeem_code
from .members.profiles import Achievement, Profile, Standing, profile, top
from .platforms import PLATFORMS, Platform
from .pool import SchemaOutdated, open_pool
from .producer import Producer
from .stop_signs import Paused
from .stores.opening import open_stores
from .stores.port import Change, Holding, Store
from .surfaces.announcements import Announcement
from .url import BadDatabaseUrl

__all__ = [
    "PLATFORMS",
    "Achievement",
    "Announcement",
    "BadDatabaseUrl",
    "Change",
    "Contention",
    "DbError",
    "Event",
    "Fact",
    "Holding",
    "IdempotencyConflict",
    "InsufficientFunds",
    "LinkOutcome",
    "Paused",
    "Platform",
    "Producer",
    "Profile",
    "Recorded",
    "RowRefused",
    "RuleBroken",
    "Rung",
    "SchemaOutdated",
    "Standing",
    "StorageUnavailable",
    "Store",
    "StoreClosed",
    "StoreUnfit",
    "accounts_of",
    "find_member",
    "issue_code",
    "name_elsewhere",
    "open_pool",
    "open_stores",
    "profile",
    "redeem_code",
    "see",
    "set_ladder",
    "top",
]
