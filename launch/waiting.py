"""Waiting until a condition holds that another process brings about."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from .errors import LaunchError

T = TypeVar("T")

#: Seconds between two looks: short beside what is waited for, and a look costs little.
POLL_S = 0.02


async def until(
    what: str,
    look: Callable[[], Awaitable[T]],
    *,
    timeout_s: float = 20.0,
    pause_s: float = POLL_S,
) -> T:
    """Call `look` repeatedly until its result is true, and return that result.

    A look that costs more, such as one that begins a process, has a longer pause.

    Raises:
        LaunchError: no result was true in time; the message names `what` and the last result.
    """
    seen: T | None = None
    try:
        async with asyncio.timeout(timeout_s):
            # The condition depends on other processes, so there is no asyncio event to wait on.
            while not (seen := await look()):  # noqa: ASYNC110
                await asyncio.sleep(pause_s)
            return seen
    except TimeoutError as error:
        raise LaunchError(
            f"{what} did not happen within {timeout_s:.0f} s; the last result was {seen!r}"
        ) from error
