"""Postgres, the record: what a bot that produces events needs of it.

A bot opens a pool and records events with a `Producer`; a bot with a table of its own gives it a
`Store`. The rooms below are for twinstream's own processes: `ledger`, `members`, `surfaces`,
`stores`, `reconcile` and `upkeep` may change with every release.
"""

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
from .ledger.envelopes import Event, Recorded
from .platforms import PLATFORMS, Platform
from .pool import DatabaseUnfit, SchemaOutdated, open_pool
from .producer import Producer, Publisher, Wire
from .stores.opening import open_stores
from .stores.port import Change, Holding, Store, StoreSetting, StoreTable
from .url import BadDatabaseUrl

__all__ = [
    "PLATFORMS",
    "BadDatabaseUrl",
    "Change",
    "Contention",
    "DatabaseUnfit",
    "DbError",
    "Event",
    "Holding",
    "IdempotencyConflict",
    "InsufficientFunds",
    "Platform",
    "Producer",
    "Publisher",
    "Recorded",
    "RowRefused",
    "RuleBroken",
    "SchemaOutdated",
    "StorageUnavailable",
    "Store",
    "StoreClosed",
    "StoreSetting",
    "StoreTable",
    "StoreUnfit",
    "Wire",
    "open_pool",
    "open_stores",
]
