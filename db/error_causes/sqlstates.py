"""The meaning of an error of Postgres: which part is at fault, by SQLSTATE.

This table is the only place that decides it. A part that is at fault decides what to do: wait for a
server, connect again, try again at once, ask the operator, or set one row aside.
"""

import enum
from collections.abc import Mapping
from typing import Final

import asyncpg


class Fault(enum.Enum):
    """The part of the system that an error is about."""

    SERVER = "the server cannot serve now"
    CONNECTION = "the connection is lost, or was refused"
    CONTENTION = "another transaction was in the way"
    STATEMENT = "the statement does not fit the database: a right, a table or a setting is missing"
    PROGRAM = "a trigger or function that another program wrote refuses, for reasons of its own"
    ROW = "a value of this row"


#: Each SQLSTATE, by its longest beginning that is listed. Every class of Postgres's appendix A that
#: is an error is here; any other code was chosen by another program.
FAULTS: Final[Mapping[str, Fault]] = {
    "03": Fault.STATEMENT,  # SQL statement not yet complete
    "08": Fault.CONNECTION,  # connection exception
    "09": Fault.PROGRAM,  # triggered action exception
    "0A": Fault.STATEMENT,  # feature not supported
    "0B": Fault.STATEMENT,  # invalid transaction initiation
    "0F": Fault.STATEMENT,  # locator exception
    "0L": Fault.STATEMENT,  # invalid grantor
    "0P": Fault.STATEMENT,  # invalid role specification
    "0Z": Fault.PROGRAM,  # diagnostics exception
    "10": Fault.STATEMENT,  # XQuery error
    "20": Fault.PROGRAM,  # case not found
    "21": Fault.PROGRAM,  # cardinality violation, as in a trigger that expects one row
    "22": Fault.ROW,  # data exception
    "2200H": Fault.STATEMENT,  # sequence generator limit exceeded
    "23": Fault.ROW,  # integrity constraint violation
    "24": Fault.PROGRAM,  # invalid cursor state
    "25": Fault.STATEMENT,  # invalid transaction state
    "25006": Fault.SERVER,  # read-only transaction: a standby, or writes are forbidden
    "25P03": Fault.CONNECTION,  # idle-in-transaction session timeout
    "25P04": Fault.CONNECTION,  # transaction timeout
    "26": Fault.CONNECTION,  # invalid statement name: the session was exchanged
    "27": Fault.PROGRAM,  # triggered data change violation
    "28": Fault.CONNECTION,  # invalid authorization specification
    "2B": Fault.STATEMENT,  # dependent privilege descriptors still exist
    "2D": Fault.PROGRAM,  # invalid transaction termination
    "2F": Fault.PROGRAM,  # SQL routine exception
    "34": Fault.CONNECTION,  # invalid cursor name: the session was exchanged
    "38": Fault.PROGRAM,  # external routine exception
    "39": Fault.PROGRAM,  # external routine invocation exception
    "3B": Fault.PROGRAM,  # savepoint exception
    "3D": Fault.CONNECTION,  # invalid catalog name: there is no such database
    "3F": Fault.STATEMENT,  # invalid schema name
    "40": Fault.CONTENTION,  # transaction rollback: serialization failure, deadlock
    "40003": Fault.CONNECTION,  # statement completion unknown
    "42": Fault.STATEMENT,  # syntax error or access rule violation
    "42P05": Fault.CONNECTION,  # duplicate prepared statement: the session was exchanged
    "44": Fault.ROW,  # WITH CHECK OPTION violation
    "53": Fault.SERVER,  # insufficient resources: disk full, too many connections
    "54": Fault.STATEMENT,  # program limit exceeded
    "55": Fault.STATEMENT,  # object not in prerequisite state
    "55P03": Fault.CONTENTION,  # lock not available
    "57": Fault.SERVER,  # operator intervention: shutdown, still starting
    "57014": Fault.PROGRAM,  # query cancelled: something in it took too long
    "58": Fault.SERVER,  # system error
    "72": Fault.CONTENTION,  # snapshot too old
    "F0": Fault.SERVER,  # configuration file error
    "HV": Fault.PROGRAM,  # foreign data wrapper error
    "P0": Fault.PROGRAM,  # PL/pgSQL error: RAISE EXCEPTION
    "XX": Fault.SERVER,  # internal error, corrupted data
}

#: asyncpg itself noticed that the schema changed. It prepares the statements anew at the next try.
_SCHEMA_CHANGED: Final = (asyncpg.InvalidCachedStatementError, asyncpg.OutdatedSchemaCacheError)


def fault_of(error: Exception) -> Fault | None:
    """Return what an error of asyncpg is about; None for any other error. Pure.

    asyncpg raises InternalClientError when a server goes away while a statement is being sent.
    """
    if isinstance(error, _SCHEMA_CHANGED):
        return Fault.CONTENTION
    if isinstance(error, asyncpg.PostgresError):
        return fault_of_code(error.sqlstate or "XX")
    if isinstance(error, (asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)):
        return Fault.CONNECTION
    return None


def fault_of_code(sqlstate: str) -> Fault:
    """Return what a SQLSTATE is about. Pure."""
    return next(
        (FAULTS[sqlstate[:size]] for size in range(5, 1, -1) if sqlstate[:size] in FAULTS),
        Fault.PROGRAM,
    )
