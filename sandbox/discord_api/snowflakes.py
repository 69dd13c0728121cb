"""Snowflakes, Discord's ids: they hold the time of their creation and only grow."""

import time
from datetime import UTC, datetime

__all__ = ["age_of", "now", "snowflake_after"]

EPOCH_MS = 1_420_070_400_000
TIME_SHIFT = 22


def snowflake_after(last: int) -> int:
    """Return an id for the current time, above `last` even if the clock was set back."""
    elapsed_ms = time.time_ns() // 1_000_000 - EPOCH_MS
    return max(last + 1, elapsed_ms << TIME_SHIFT)


def now() -> str:
    """Return the current time as Discord writes it: ISO 8601 with an offset."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def age_of(snowflake: int) -> float:
    """Return the seconds since an id was made."""
    return time.time() - ((snowflake >> TIME_SHIFT) + EPOCH_MS) / 1000
