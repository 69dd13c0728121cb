"""Figures for operators: how many events are in each state, and which were buried and why."""

from typing import NamedTuple

import asyncpg

from ..errors import COUNTED, mapped_errors

UNCOMPLETED = ("pending", "published", "failed")


class Failure(NamedTuple):
    """An event that was buried, and why."""

    id: int
    idempotency_key: str
    error_message: str


async def events_by_status(conn: asyncpg.Connection) -> dict[str, int]:
    """Count the events of each status; a status without events is left out."""
    with mapped_errors():
        rows = await conn.fetch(
            "SELECT status, count(*) FROM twinstream.sync_events GROUP BY status ORDER BY status"
        )
    return dict(rows)


async def uncompleted_events(conn: asyncpg.Connection) -> dict[str, int]:
    """Count the events of each status except `completed`, from indexes that hold no others.

    Counting completed events would read the whole table.
    """
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT 'pending', count(*) FROM twinstream.sync_events WHERE status = 'pending'
            UNION ALL SELECT 'published', count(*) FROM twinstream.sync_events
                WHERE status = 'published'
            UNION ALL SELECT 'failed', count(*) FROM twinstream.sync_events WHERE status = 'failed'
            """
        )
    return dict(rows)


async def newest_failures(conn: asyncpg.Connection, *, limit: int) -> list[Failure]:
    """Return the events buried last, newest first."""
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT id, idempotency_key, error_message FROM twinstream.sync_events
            WHERE status = 'failed' ORDER BY id DESC LIMIT $1
            """,
            limit,
        )
    return [Failure(*row) for row in rows]


async def ledger_rows(conn: asyncpg.Connection, idempotency_key: str) -> int:
    """Count an event's rows in the ledger: one while it is on its way, two once it has arrived."""
    with mapped_errors():
        count: int = await conn.fetchval(
            "SELECT count(*) FROM twinstream.transactions WHERE idempotency_key = $1",
            idempotency_key,
        )
    return count


async def roles(conn: asyncpg.Connection) -> list[str]:
    """Return the names of the roles that were made; none where one login does everything."""
    with mapped_errors():
        rows = await conn.fetch("SELECT role FROM twinstream.roles ORDER BY role")
    return [role for (role,) in rows]


async def processes_of_the_owner(conn: asyncpg.Connection) -> list[str]:
    """Return our processes that are connected as a login that may do everything."""
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT DISTINCT split_part(a.application_name, '/', 3)
            FROM pg_stat_activity AS a
            JOIN pg_roles AS u ON u.oid = a.usesysid
            JOIN twinstream.roles AS r ON r.duty = 'owner'
            JOIN pg_roles AS o ON o.rolname = r.role
            WHERE a.datname = current_database() AND pg_has_role(u.oid, o.oid, 'MEMBER')
                AND a.application_name ~ '^twinstream/[0-9.]+/(consumers|telegram-bot|discord-bot)$'
            ORDER BY 1
            """
        )
    return [name for (name,) in rows]


async def sequences_behind(conn: asyncpg.Connection) -> list[str]:
    """Return the tables whose sequence is behind their rows, so that new rows are refused.

    A login that may not read a sequence does not learn of it.
    """
    tables = []
    with mapped_errors():
        for table in COUNTED:
            sequence = await conn.fetchval(
                """
                SELECT name FROM pg_get_serial_sequence($1, 'id') AS s (name)
                WHERE has_sequence_privilege(name, 'SELECT')
                """,
                f"twinstream.{table}",
            )
            if sequence is not None and await conn.fetchval(
                f"""
                SELECT t.newest >= s.last_value + s.is_called::int
                FROM {sequence} AS s, (SELECT max(id) AS newest FROM twinstream.{table}) AS t
                """  # noqa: S608 - names of ours, from the catalogue
            ):
                tables.append(table)
    return tables
