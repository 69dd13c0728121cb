"""Messages in the Telegram group that are deleted after a time."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

import asyncpg

from ..errors import mapped_errors


class Transient(NamedTuple):
    """A message whose time is over."""

    chat_id: int
    message_id: int
    is_command: bool
    """Whether a member wrote it: the bot may delete it only with the right to."""
    noted_at: datetime
    """The moment of its first note, from which its age counts."""


async def note(
    conn: asyncpg.Connection,
    chat_id: int,
    *,
    answers: Collection[int],
    commands: Collection[int],
    kept: Collection[int],
    after_s: float,
) -> None:
    """Note messages to be deleted `after_s` seconds from now, and others that stay."""
    with mapped_errors():
        await conn.execute(
            "SELECT twinstream.note_transient('telegram', $1, $2, $3, $4, $5)",
            chat_id,
            list(answers),
            list(commands),
            list(kept),
            after_s,
        )


async def take(conn: asyncpg.Connection, *, limit: int, age_s_max: float) -> list[Transient]:
    """Take messages that are due, but none that is older than Telegram deletes."""
    with mapped_errors():
        rows = await conn.fetch(
            "SELECT * FROM twinstream.take_transient('telegram', $1, $2)", limit, age_s_max
        )
    return [Transient(*row) for row in rows]


async def put_off(
    conn: asyncpg.Connection, chat_id: int, messages: Sequence[Transient], *, after_s: float
) -> None:
    """Have messages that were taken deleted `after_s` seconds from now. They get no younger."""
    with mapped_errors():
        await conn.execute(
            "SELECT twinstream.put_off_transient('telegram', $1, $2, $3, $4, $5)",
            chat_id,
            [one.message_id for one in messages],
            [one.is_command for one in messages],
            [one.noted_at for one in messages],
            after_s,
        )
