"""The role `to-discord`: what happened in Telegram is settled in Discord's books."""

import contextlib
from collections.abc import AsyncIterator

from consumers.runtime.resources import Parts

from .role import Settling, open_settling


@contextlib.asynccontextmanager
async def open_role(parts: Parts) -> AsyncIterator[Settling]:
    """Open the role: it reads the stream of Telegram as group `discord`."""
    async with open_settling("telegram", parts) as role:
        yield role
