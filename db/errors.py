"""The errors of this package. asyncpg's exceptions never leave it.

`mapped_errors` translates asyncpg's exceptions where they enter. The table in `sqlstates` says what
an exception is about. A constraint's name states its rule, so the name chooses the error.
"""

import contextlib
from collections.abc import Iterator
from typing import Final

import asyncpg

from .error_causes.outage_texts import outage_text
from .error_causes.sqlstates import Fault, fault_of

#: Accounts that the text of InsufficientFunds names, so that it fits in a log line.
USER_IDS_SHOWN = 10


class DbError(Exception):
    """The root of every error raised by this package."""


class StorageUnavailable(DbError):
    """Postgres cannot be reached, or does not serve us now: try again later, with the same key.

    It is shutting down, read-only after a failover, out of room, not migrated, or has not granted
    a right that we need; the text says which. Nothing was recorded, unless the connection broke
    in the middle of a commit; then a call with the same key returns the event that was recorded.
    """


class Contention(DbError):
    """Another transaction was in the way. Nothing was recorded; trying again at once helps."""


class Locked(Contention):
    """Another transaction held a lock for longer than this one was to wait."""


class RuleBroken(DbError):
    """The record refuses this change, now and at every try. `rule` is the constraint's name."""

    def __init__(self, rule: str, detail: str) -> None:
        super().__init__(detail)
        self.rule = rule


class InsufficientFunds(RuleBroken):
    """The change would take a member's settled XP or balance below zero."""

    user_ids: tuple[int, ...] = ()
    """From a producer, the overdrawn accounts; empty if they could pay a moment later."""

    def __str__(self) -> str:
        if not self.user_ids:
            return super().__str__()
        shown = ", ".join(map(str, self.user_ids[:USER_IDS_SHOWN]))
        more = len(self.user_ids) - USER_IDS_SHOWN
        return f"{super().__str__()}: user_id {shown}" + (f" and {more} more" if more > 0 else "")


class RowRefused(RuleBroken):
    """A platform's own table refuses the rows of these accounts, while it takes others."""

    def __init__(self, rule: str, detail: str, user_ids: tuple[int, ...]) -> None:
        super().__init__(rule, detail)
        self.user_ids = user_ids


class StoreClosed(StorageUnavailable):
    """A platform's own table takes no row now, so its changes wait. The text says why."""


class StoreUnfit(DbError):
    """A store cannot work as it is configured. The text says why, and what corrects it."""


class IdempotencyConflict(DbError):
    """The idempotency key belongs to an event with different content."""

    def __init__(self, idempotency_key: str, text: str) -> None:
        super().__init__(text)
        self.idempotency_key = idempotency_key


_INSUFFICIENT = {
    "member_xp_not_negative": "the member has less XP than this would take away",
    "member_balance_not_negative": "the member has less balance than this would take away",
}
#: The rule by which `twinstream.record` refuses a key with different content; DETAIL is the key.
_ONE_EVENT = "key_names_one_event"

#: The tables whose key is counted by a sequence of Postgres (identity columns).
COUNTED: Final = (
    *("cleanup_rounds", "drift", "link_acts", "link_offers", "links", "members", "moves"),
    *("reconcile_runs", "rewards", "support_uses", "sync_events", "transactions"),
)
_COUNTED_KEYS: Final = {f"{table}_pkey": table for table in COUNTED}

#: The faults that one row of another program's table can cause.
_MAY_BE_ONE_ROW: Final = (Fault.ROW, Fault.PROGRAM, Fault.STATEMENT)


def may_concern_a_row(error: Exception) -> bool:
    """Tell whether a store may have raised this because of one row. Pure.

    If not, the connection or Postgres is at fault, and `mapped_errors` translates the error. A
    class may call other services, so an OSError need not be about the connection; rolling back
    shows whether it was.
    """
    if isinstance(error, (DbError, TimeoutError)):
        return False
    fault = None if isinstance(error, OSError) else fault_of(error)
    # A statement that was prepared before the table changed is prepared anew for the next part.
    may_be_tried_apart = (asyncpg.LockNotAvailableError, asyncpg.InvalidCachedStatementError)
    return fault is None or fault in _MAY_BE_ONE_ROW or isinstance(error, may_be_tried_apart)


def is_locked(error: Exception) -> bool:
    """Tell whether another transaction's lock was not released in time. Pure."""
    return isinstance(error, asyncpg.LockNotAvailableError)


def is_about_amount(error: Exception) -> bool:
    """Tell whether a value was refused, by its type or by a constraint with a name. Pure."""
    return isinstance(error, asyncpg.DataError) or (
        isinstance(error, asyncpg.IntegrityConstraintViolationError)
        and error.constraint_name is not None
    )


def store_rule(error: Exception) -> str:
    """Name the rule by which a platform's own table refuses a row. Pure."""
    if isinstance(error, asyncpg.DataError):
        return "store_value_out_of_range"
    return f"store_{getattr(error, 'constraint_name', None) or 'row_refused'}"


@contextlib.contextmanager
def mapped_errors() -> Iterator[None]:
    """Translate what asyncpg raises inside the block into this package's errors."""
    try:
        yield
    except Exception as error:
        fault = None if isinstance(error, DbError) else fault_of(error)
        if fault is None:
            raise
        raise _translated(error, fault) from error


def _translated(error: Exception, fault: Fault) -> DbError:
    """Return the error of this package for one of asyncpg. Pure."""
    if isinstance(error, asyncpg.PostgresError) and fault is Fault.ROW:
        return _refusal(error)
    if fault is Fault.CONTENTION:
        return Locked(str(error)) if is_locked(error) else Contention(str(error))
    return StorageUnavailable(outage_text(error))


def _refusal(error: asyncpg.PostgresError) -> DbError:
    """Return what a violated rule means. A constraint's name is the rule. Pure."""
    rule = error.constraint_name or "unnamed"
    if isinstance(error, asyncpg.ForeignKeyViolationError):
        # A member row can vanish between two of our statements only when a link merges it. The
        # foreign key reports that, and the next look finds the merged member.
        return Contention(str(error))
    if rule in _COUNTED_KEYS and error.schema_name == "twinstream":
        # No event chooses such a number, so none is at fault.
        return StorageUnavailable(behind(_COUNTED_KEYS[rule]))
    if rule in _INSUFFICIENT:
        return _insufficient(rule, error)
    if rule == _ONE_EVENT:
        return IdempotencyConflict(error.detail, error.message)
    if isinstance(error, asyncpg.DataError):
        return RuleBroken("value_out_of_range", str(error))
    return RuleBroken(rule, str(error))


def behind(table: str) -> str:
    """Say that the sequence of a table is behind its rows, and what to run. Pure.

    Logical replication and some tools for backups copy rows and leave sequences as they were.
    """
    return (
        f"the sequence of twinstream.{table} is behind its rows, so Postgres gives out numbers that"
        f" are taken: as the owner, run {catch_up(table)} (the doctor names every such sequence)"
    )


def catch_up(table: str) -> str:
    """Return the statement that sets the sequence of a table right. Pure."""
    newest = f"(SELECT max(id) FROM twinstream.{table})"  # noqa: S608 - a table of ours
    return f"SELECT setval(pg_get_serial_sequence('twinstream.{table}', 'id'), {newest});"


def insufficient(rule: str, user_ids: tuple[int, ...]) -> InsufficientFunds:
    """Return the error for accounts that a change would overdraw. Pure."""
    found = InsufficientFunds(rule, _INSUFFICIENT[rule])
    found.user_ids = user_ids
    return found


def _insufficient(rule: str, error: asyncpg.PostgresError) -> InsufficientFunds:
    """Name the accounts at fault, which `twinstream.record` lists in DETAIL."""
    listed = (error.detail or "").split(",")
    return insufficient(
        rule, tuple(map(int, listed)) if all(one.isdigit() for one in listed) else ()
    )
