"""The status of a running deployment: a summary of both servers, and lines to look further."""

import asyncpg
from rich.console import Console
from rich.table import Table

from bus import SOURCES, Client, GroupMissing, Keys, Lag, measure_lag
from db.upkeep import status

FAILURES_SHOWN = 5
REDIS_COMMANDS = ("XINFO STREAM sync:telegram", "XINFO GROUPS sync:telegram", "XLEN sync:dead")
QUERIES = (
    "SELECT status, COUNT(*) FROM sync_events GROUP BY status",
    "SELECT * FROM transactions ORDER BY id DESC LIMIT 5",
    "SELECT error_message FROM sync_events WHERE status = 'failed'",
)


def commands() -> list[str]:
    """Return shell lines that show the streams and the record of a running deployment.

    The lines hold neither addresses nor passwords. Their commands find both by themselves, so a
    password appears neither on the screen nor in the arguments of a process.
    """
    return [
        *(f'make redis ARGS="{command}"' for command in REDIS_COMMANDS),
        *(f'make psql ARGS="{query}"' for query in QUERIES),
    ]


async def summarise(redis: Client, pool: asyncpg.Pool, keys: Keys, console: Console) -> None:
    """Print the lag of each side, the number of events per status, and the newest failures."""
    streams = Table("stream", "group", "entries", "unread", "unacked", "oldest", "consumers")
    for source in SOURCES:
        subscription = keys.subscription(source)
        try:
            lag = await measure_lag(redis, subscription)
        except GroupMissing:
            streams.add_row(*subscription, "missing: start the consumers")
            continue
        streams.add_row(
            *subscription,
            str(lag.entries),
            str(lag.unread),
            str(lag.unacknowledged),
            _age(lag),
            ", ".join(consumer.name for consumer in lag.consumers) or "none",
        )
    console.print(streams, no_wrap=True, crop=False, overflow="ignore")
    async with pool.acquire() as conn:
        counts = await status.events_by_status(conn)
        failures = await status.newest_failures(conn, limit=FAILURES_SHOWN)
    events = Table("events", "count")
    for name, count in counts.items():
        events.add_row(name, str(count))
    console.print(events)
    for failure in failures:
        console.print(
            f"failed: {failure.idempotency_key}: {failure.error_message}", highlight=False
        )


def _age(lag: Lag) -> str:
    if lag.first_unfinished is None:
        return "-"
    return "unknown" if lag.oldest_ms is None else f"{lag.oldest_ms / 1_000:.1f} s"


def format_reply(reply: object, indent: str = "") -> str:
    """Format a Redis reply as redis-cli does, one value per line."""
    if isinstance(reply, bytes):
        return f"{indent}{reply.decode(errors='backslashreplace')}"
    if isinstance(reply, dict):
        return "\n".join(
            f"{indent}{format_reply(name)}: {format_reply(value).strip()}"
            for name, value in reply.items()
        )
    if isinstance(reply, list | tuple):
        lines = [format_reply(one, indent + "  ").strip() for one in reply]
        return "\n".join(f"{indent}{number}) {line}" for number, line in enumerate(lines, 1))
    return f"{indent}{reply}"
