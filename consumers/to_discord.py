"""The role `to-discord`: what happened in Telegram is settled in Discord's books."""

from .parts import Parts
from .settling import Settling


async def build(parts: Parts) -> Settling:
    """Make the role: it reads the stream of Telegram as group `discord`."""
    return Settling("telegram", parts)
