"""Errors of discord.py about answers of Discord: unreadable ones, and those that ask to wait."""

from http import HTTPStatus
from typing import Final

import discord

#: The errors that discord.py raises for a field that is missing or of another type, for a number
#: that is too large, and for text that is not JSON at all.
UNREADABLE: Final = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
#: Seconds: a wait is not believed beyond an hour, the longest ban that was seen.
WAIT_S_MAX: Final = 3_600.0
#: Seconds to wait where an answer asks for a wait and does not say how long.
UNSAID_WAIT_S: Final = 30.0


def wait_asked_s(error: Exception, *, unsaid_s: float = UNSAID_WAIT_S) -> float | None:
    """Return for how many seconds Discord asks to wait; None if it does not. Pure.

    `unsaid_s` is the wait where an answer asks for one and does not say how long. discord.py waits
    for Discord's own limits. It raises those that are too long, and those of the proxy in front of
    Discord, whose answers have no header Via.
    """
    if isinstance(error, discord.RateLimited):
        return min(error.retry_after, WAIT_S_MAX)
    if not isinstance(error, discord.HTTPException):
        return None
    if error.status != HTTPStatus.TOO_MANY_REQUESTS:
        return None
    try:
        return min(float(error.response.headers.get("Retry-After", "")), WAIT_S_MAX)
    except ValueError:
        return unsaid_s
