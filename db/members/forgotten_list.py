"""The list of the forgotten: a file beside the backups, which outlives a restored database.

Each line is a JSON object with the HMAC of an account and the time. A database that does not know
the newest line is older than that forgetting: it would bring people back. The list holds HMACs and
no ids, because it lies where backups lie, and ids would be just what was to be forgotten.
"""

import json
import os
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

import asyncpg

from ..errors import StorageUnavailable, mapped_errors
from ..platforms import Platform
from ..pool import DatabaseUnfit

APPLY: Final = "python -m launch forgotten apply"


class Mark(NamedTuple):
    """A forgotten account: its HMAC, and when it was forgotten last."""

    mark: str
    forgotten_at: datetime
    number: int = 0
    """Its place among the marks of one database."""


class Marked(NamedTuple):
    """An account of this database that is on the list."""

    platform: Platform
    account_id: int
    mark: str


class BadList(DatabaseUnfit):
    """The file cannot be read as a list."""


def read(path: Path) -> list[Mark]:
    """Return the lines of the list, oldest first. A file that is not there yet has none.

    Raises:
        BadList: the file cannot be read.
    """
    try:
        lines = path.read_text(encoding="ascii").splitlines()
        return [_mark(line) for line in lines if line]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadList(
            f"{path} (TWINSTREAM_FORGOTTEN_LIST) cannot be read as a list of forgotten accounts:"
            f" {error}; restore it from where your backups are"
        ) from error


def append(path: Path, marks: Iterable[Mark]) -> None:
    """Add lines, and return once they are on the disk.

    Raises:
        StorageUnavailable: the file cannot be written now.
    """
    written = "".join(
        json.dumps({"mark": one.mark, "forgotten_at": one.forgotten_at.isoformat()}) + "\n"
        for one in marks
    )
    try:
        # Created for its owner alone. One write, so that lines of two processes do not mix.
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, written.encode("ascii"))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise StorageUnavailable(
            f"{path} (TWINSTREAM_FORGOTTEN_LIST) cannot be written: {error.strerror}"
        ) from error


async def require_applied(conn: asyncpg.Connection | asyncpg.Pool, path: Path) -> None:
    """Refuse a database that has not applied the newest line of the list.

    Raises:
        DatabaseUnfit: it has not; the sentence names the command that applies it.
        BadList: the file cannot be read.
    """
    if not (marks := read(path)):
        return
    newest = marks[-1]
    with mapped_errors():
        is_known: bool = await conn.fetchval(
            """
            SELECT EXISTS (
                SELECT FROM twinstream.forgotten_marks
                WHERE mark = $1 AND forgotten_at >= $2
            )
            """,
            newest.mark,
            newest.forgotten_at,
        )
    if not is_known:
        raise DatabaseUnfit(
            f"the database does not know who was forgotten at {newest.forgotten_at:%F %T} UTC"
            f" ({path}): it is older, such as a restored backup, and would bring people back; run"
            f" `{APPLY}` before anything else starts"
        )


async def after(conn: asyncpg.Connection, number: int, *, limit: int) -> list[Mark]:
    """Return the next marks of the database that come after `number`, in order."""
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT mark, forgotten_at, number FROM twinstream.forgotten_accounts
            WHERE number > $1 ORDER BY number LIMIT $2
            """,
            number,
            limit,
        )
    return [Mark(*row) for row in rows]


async def missing(conn: asyncpg.Connection, marks: Sequence[Mark]) -> list[Mark]:
    """Return those marks, each once and as it is newest, that the database does not know."""
    newest: dict[str, Mark] = {}
    for one in marks:
        if one.mark not in newest or newest[one.mark].forgotten_at < one.forgotten_at:
            newest[one.mark] = one
    with mapped_errors():
        rows = await conn.fetch(
            "SELECT mark, forgotten_at FROM twinstream.forgotten_marks WHERE mark = ANY ($1)",
            list(newest),
        )
    known = dict(rows)
    return [
        one
        for one in newest.values()
        if one.mark not in known or known[one.mark] < one.forgotten_at
    ]


async def find_marked(
    conn: asyncpg.Connection, marks: Sequence[Mark], *, secret: str
) -> list[Marked]:
    """Return the accounts of this database that have one of these marks."""
    with mapped_errors():
        rows = await conn.fetch(
            "SELECT * FROM twinstream.find_marked($1, $2)", [one.mark for one in marks], secret
        )
    return [Marked(*row) for row in rows]


async def note(conn: asyncpg.Connection, marks: Sequence[Mark], *, secret: str) -> None:
    """Note marks of accounts that this database does not have."""
    with mapped_errors():
        await conn.execute(
            "SELECT twinstream.note_forgotten($1, $2, $3)",
            [one.mark for one in marks],
            [one.forgotten_at for one in marks],
            secret,
        )


def _mark(line: str) -> Mark:
    fields = json.loads(line)
    return Mark(str(fields["mark"]), datetime.fromisoformat(fields["forgotten_at"]).astimezone(UTC))
