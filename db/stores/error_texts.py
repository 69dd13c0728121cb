"""The texts of errors of a platform's own table: what failed, and what the operator can do."""

from typing import Final

from ..platforms import Platform
from .port import Store
from .table import TableStore

_REMEDIES: Final = {
    "42501": "grant the user of DATABASE_URL SELECT and UPDATE on it, and see which of its rows"
    " row-level security lets this user change",
    "42P01": "create it again, or name the right one in twinstream.toml",
    "42703": "add the column again, or name the right one in twinstream.toml",
    "55P03": "end the transaction that holds the lock; pg_stat_activity and pg_locks show it",
}


def described(platform: Platform, store: Store, what: str, error: Exception) -> str:
    """Say what failed, and with which error of Postgres or the class."""
    said = str(error).encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")
    if isinstance(store, TableStore):
        return f"the table {store.name} {what}: {said}"
    return f"the store of {platform} failed: {type(error).__name__}: {said}"


def remedy(error: Exception) -> str:
    """Say what the operator can do about an error."""
    sqlstate = getattr(error, "sqlstate", None) or ""
    return _REMEDIES.get(sqlstate, "correct the table, its triggers or its class")
