"""Postgres, the record: accounts, ledger, books, events, surfaces. Functions over a connection."""

from .accounts import accounts_of, find_member, name_elsewhere, see
from .announcements import Announcement
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
from .facts import Event, Fact, Recorded
from .ladder import Rung, set_ladder
from .linking import LinkOutcome, issue_code, redeem_code
from .platforms import PLATFORMS, Platform
from .pool import SchemaOutdated, open_pool
from .producer import Producer
from .standings import Achievement, Profile, Standing, profile, top
from .stop_signs import Paused
from .store_opening import open_stores
from .stores import Change, Holding, Store
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
