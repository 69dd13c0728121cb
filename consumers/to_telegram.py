"""The role `to-telegram`: what happened in Discord is settled in Telegram's books."""

from .parts import Parts
from .settling import Settling


async def build(parts: Parts) -> Settling:
    """Make the role: it reads the stream of Discord as group `telegram`."""
    return Settling("discord", parts)
