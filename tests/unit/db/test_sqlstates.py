"""The table of SQLSTATEs: what each class is about, and which of our errors it becomes."""

import asyncpg
import pytest

from db.error_causes.sqlstates import FAULTS
from db.errors import (
    Contention,
    DbError,
    Locked,
    RuleBroken,
    StorageUnavailable,
    mapped_errors,
    may_concern_a_row,
)

#: Classes that are no errors: success, warnings, and no data.
NO_ERRORS = {"00", "01", "02"}
WAITS, AGAIN, REFUSED = StorageUnavailable, Contention, RuleBroken

#: Of each class a code; the error that one of our own statements raises; and whether a bot's own
#: table may raise it for one row only.
MEANINGS: list[tuple[str, type[DbError], bool]] = [
    ("03000", WAITS, True),
    ("08006", WAITS, False),
    ("08P01", WAITS, False),
    ("09000", WAITS, True),
    ("0A000", WAITS, True),
    ("0B000", WAITS, True),
    ("0F001", WAITS, True),
    ("0L000", WAITS, True),
    ("0P000", WAITS, True),
    ("0Z002", WAITS, True),
    ("10608", WAITS, True),
    ("20000", WAITS, True),
    ("21000", WAITS, True),
    ("22003", REFUSED, True),
    ("2200H", WAITS, True),
    ("23502", REFUSED, True),
    ("23503", AGAIN, True),
    ("23505", REFUSED, True),
    ("23514", REFUSED, True),
    ("24000", WAITS, True),
    ("25001", WAITS, True),
    ("25006", WAITS, False),
    ("25P02", WAITS, True),
    ("25P03", WAITS, False),
    ("25P04", WAITS, False),
    ("26000", WAITS, False),
    ("27000", WAITS, True),
    ("28P01", WAITS, False),
    ("2B000", WAITS, True),
    ("2D000", WAITS, True),
    ("2F003", WAITS, True),
    ("34000", WAITS, False),
    ("38001", WAITS, True),
    ("39P01", WAITS, True),
    ("3B001", WAITS, True),
    ("3D000", WAITS, False),
    ("3F000", WAITS, True),
    ("40001", AGAIN, False),
    ("40003", WAITS, False),
    ("40P01", AGAIN, False),
    ("42501", WAITS, True),
    ("42P01", WAITS, True),
    ("42P05", WAITS, False),
    ("44000", REFUSED, True),
    ("53100", WAITS, False),
    ("53300", WAITS, False),
    ("54001", WAITS, True),
    ("55000", WAITS, True),
    ("55P03", Locked, True),
    ("57014", WAITS, True),
    ("57P01", WAITS, False),
    ("57P03", WAITS, False),
    ("58030", WAITS, False),
    ("72000", AGAIN, False),
    ("F0000", WAITS, False),
    ("HV000", WAITS, True),
    ("P0001", WAITS, True),
    ("XX000", WAITS, False),
    ("XX001", WAITS, False),
    ("BOT01", WAITS, True),  # chosen by another program
]


def error_of(sqlstate: str, **more: str) -> asyncpg.PostgresError:
    """Make the error that asyncpg raises for a code."""
    fields = {"constraint": "n", "schema": "s", "table": "t"}
    letters = {fields[name]: value for name, value in more.items()}
    made: asyncpg.PostgresError = asyncpg.PostgresError.new(
        {"S": "ERROR", "C": sqlstate, "M": "said", **letters}
    )
    return made


def translated(error: Exception) -> Exception:
    with pytest.raises(Exception) as raised, mapped_errors():  # noqa: PT011 - any of them
        raise error
    return raised.value


@pytest.mark.parametrize(("sqlstate", "becomes", "of_one_row"), MEANINGS)
def test_an_error_is_classified_by_what_it_says(
    sqlstate: str, becomes: type[DbError], of_one_row: bool
):
    error = error_of(sqlstate)

    assert type(translated(error)) is becomes
    assert may_concern_a_row(error) is of_one_row


def test_every_class_of_errors_is_in_the_table_and_in_these_tests():
    codes = [getattr(one, "sqlstate", None) for one in vars(asyncpg.exceptions).values()]
    known = {code[:2] for code in codes if isinstance(code, str)}

    assert known - NO_ERRORS <= {code[:2] for code in FAULTS}
    for code in FAULTS:
        assert any(sqlstate.startswith(code) for sqlstate, _, _ in MEANINGS), code


@pytest.mark.parametrize(
    ("error", "becomes"),
    [
        (asyncpg.InterfaceError("the connection is closed"), StorageUnavailable),
        (asyncpg.InternalClientError("cannot switch to state 15"), StorageUnavailable),
        (ConnectionRefusedError("refused"), StorageUnavailable),
        (TimeoutError(), StorageUnavailable),
        (asyncpg.InvalidCachedStatementError("cached statement plan is invalid"), Contention),
        (asyncpg.OutdatedSchemaCacheError("the type has changed"), Contention),
    ],
)
def test_what_the_client_notices_is_about_the_connection_or_the_schema(
    error: Exception, becomes: type[DbError]
):
    assert type(translated(error)) is becomes


@pytest.mark.parametrize("error", [ValueError("a fault in the code"), RuleBroken("rule", "said")])
def test_an_error_that_is_not_of_postgres_stays_as_it_is(error: Exception):
    assert translated(error) is error


def test_a_counted_key_is_the_fault_of_its_sequence_in_our_schema_only():
    ours = error_of("23505", constraint="transactions_pkey", schema="twinstream")
    theirs = error_of("23505", constraint="transactions_pkey", schema="public")

    assert "setval" in str(translated(ours))
    assert isinstance(translated(ours), StorageUnavailable)
    assert isinstance(translated(theirs), RuleBroken)
