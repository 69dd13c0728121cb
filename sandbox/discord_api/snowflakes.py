"""Discord's ids: they carry the time of their making and only grow."""

import time
from datetime import UTC, datetime

__all__ = ["now", "snowflake_after"]

EPOCH_MS = 1_420_070_400_000
TIME_SHIFT = 22


def snowflake_after(last: int) -> int:
    """An id for something made now, above `last` even if the clock was set back."""
    elapsed_ms = time.time_ns() // 1_000_000 - EPOCH_MS
    return max(last + 1, elapsed_ms << TIME_SHIFT)


def now() -> str:
    """The present as Discord writes it: ISO 8601 with an offset."""
    return datetime.now(UTC).isoformat(timespec="microseconds")
