"""Reports of the bots on their connections to the platforms, for the operator's screen."""

from typing import Final, NamedTuple

import asyncpg

from ..errors import mapped_errors
from ..platforms import Platform

#: Seconds after which a bot that reported nothing counts as gone: three of its reports.
SILENCE_S: Final = 45.0


class BotConnection(NamedTuple):
    """The last report of one platform's bot."""

    platform: Platform
    is_connected: bool
    since_s: float
    """How long ago that changed."""
    reported_s: float
    """How long ago the bot reported."""
    trouble: str | None = None
    """The bot's sentence on what keeps it from serving members, where it knows."""

    @property
    def is_silent(self) -> bool:
        """Whether the bot is gone, or cannot reach Postgres."""
        return self.reported_s > SILENCE_S


async def report(
    conn: asyncpg.Connection, platform: Platform, *, is_connected: bool, trouble: str | None = None
) -> None:
    """Note that the bot of `platform` lives, whether it can serve members, and why not."""
    with mapped_errors():
        await conn.execute(
            "SELECT twinstream.report_connection($1, $2, $3, $4)",
            platform,
            is_connected,
            SILENCE_S,
            trouble,
        )


async def read(conn: asyncpg.Connection) -> list[BotConnection]:
    """Return the last report of each bot; none of a bot that never reported."""
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT platform, is_connected, extract(epoch FROM now() - since)::float8,
                extract(epoch FROM now() - reported_at)::float8, trouble
            FROM twinstream.bot_connections ORDER BY platform DESC
            """
        )
    return [BotConnection(*row) for row in rows]
