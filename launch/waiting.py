"""Waiting for something to become true."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from .errors import LaunchError

T = TypeVar("T")

POLL_S = 0.02


async def until(what: str, look: Callable[[], Awaitable[T]], *, timeout_s: float = 20.0) -> T:
    """Look again and again until what is seen is true (or not empty), and return it.

    Raises:
        LaunchError: it did not become so in time; says what was waited for and what was seen.
    """
    seen: T | None = None
    try:
        async with asyncio.timeout(timeout_s):
            # What is waited for happens in other processes, so there is no event to wait on.
            while not (seen := await look()):  # noqa: ASYNC110
                await asyncio.sleep(POLL_S)
            return seen
    except TimeoutError as error:
        raise LaunchError(
            f"{what} did not happen within {timeout_s:.0f} s; last seen: {seen!r}"
        ) from error
