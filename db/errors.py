"""The errors of this package. asyncpg's exceptions never leave it.

`mapped_errors` translates asyncpg's exceptions where they enter. A constraint's name states its
rule, so the name chooses the error.
"""

import contextlib
from collections.abc import Iterator

import asyncpg

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

    def __init__(self, idempotency_key: str, differences: str) -> None:
        super().__init__(
            f"the idempotency key {idempotency_key!r} already belongs to a different event:"
            f" {differences}; use a new key for a new event"
        )
        self.idempotency_key = idempotency_key


_INSUFFICIENT = {
    "member_xp_not_negative": "the member has less XP than this would take away",
    "member_balance_not_negative": "the member has less balance than this would take away",
}

# A member row can vanish between two of our statements only when a link merges it. The foreign key
# reports that, and the next look finds the merged member.
_MERGED_AWAY = (asyncpg.ForeignKeyViolationError,)

_IN_THE_WAY = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
)

# Constraint and data errors are the event's fault. Every other error of Postgres is about itself:
# blaming the event would bury good events while a standby is read-only.
# asyncpg raises InternalClientError when a server goes away while a query is being sent.
_AWAY = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)

# Error classes that are about Postgres itself, while it runs another program's statements or
# triggers. Every other class may be about one row: a trigger raises any code that its author chose.
_OF_ITSELF = ("08", "25006", "40", "53", "57P", "58", "XX")


def may_concern_a_row(error: Exception) -> bool:
    """Tell whether a store may have raised this because of one row. Pure.

    If not, the connection or Postgres is at fault, and `mapped_errors` translates the error. A
    class may call other services, so an OSError need not be about the connection; rolling back
    shows whether it was.
    """
    if isinstance(error, asyncpg.PostgresError):
        return not (error.sqlstate or "XX").startswith(_OF_ITSELF)
    away = (DbError, TimeoutError, asyncpg.InterfaceError, asyncpg.InternalClientError)
    return not isinstance(error, away)


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
    except asyncpg.CheckViolationError as error:
        rule = error.constraint_name or "unnamed"
        if rule in _INSUFFICIENT:
            raise InsufficientFunds(rule, _INSUFFICIENT[rule]) from error
        raise RuleBroken(rule, str(error)) from error
    except (*_MERGED_AWAY, *_IN_THE_WAY) as error:
        raise Contention(str(error)) from error
    except asyncpg.DataError as error:
        raise RuleBroken("value_out_of_range", str(error)) from error
    except asyncpg.IntegrityConstraintViolationError as error:
        raise RuleBroken(error.constraint_name or "unnamed", str(error)) from error
    except _AWAY as error:
        raise StorageUnavailable(str(error) or type(error).__name__) from error
