"""Reasons that people write for an act."""

from typing import Final

#: Characters of a reason that the record keeps.
REASON_CHARS_MAX: Final = 300


def storable(reason: str) -> str:
    """Return a reason that Postgres can hold, whatever was written. Pure."""
    return reason.replace("\x00", "").encode("utf-8", "ignore").decode()[:REASON_CHARS_MAX]
