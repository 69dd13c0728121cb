"""The role `to-telegram`: what happened in Discord is settled in Telegram's books."""

import contextlib
from collections.abc import AsyncIterator

from consumers.runtime.resources import Parts

from .role import Settling, open_settling


@contextlib.asynccontextmanager
async def open_role(parts: Parts) -> AsyncIterator[Settling]:
    """Open the role: it reads the stream of Discord as group `telegram`."""
    async with open_settling("discord", parts) as role:
        yield role
