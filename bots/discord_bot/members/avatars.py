"""Avatars of Discord accounts."""

import asyncio
from collections.abc import Iterable
from typing import Final

import aiohttp
import discord
import structlog

from bots.cards.avatar_memory import AVATAR_S_MAX, BYTES_MAX, AvatarMemory

log = structlog.get_logger("twinstream.discord_bot")

#: Pixels of the side that Discord is asked for: the least power of two that suits a card.
SIDE: Final = 256
_MEMORY: Final = AvatarMemory()


class DiscordAvatars:
    """Reads the avatars of people whom an interaction brings. A `bots.features.command.Avatars`."""

    def __init__(self, people: Iterable[discord.Member | discord.User]) -> None:
        self._people = {one.id: one for one in people}

    async def read(self, account_id: int) -> bytes | None:
        person = self._people.get(account_id)
        asset = None if person is None else _asset_of(person)
        if asset is None:
            return None  # Discord's own picture for everybody says less than an initial
        known = _MEMORY.get(asset.key)
        if known is not None:
            return known
        try:
            async with asyncio.timeout(AVATAR_S_MAX):
                return _MEMORY.put(asset.key, await _read(asset.url))
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            log.info("avatar.not_read", account_id=account_id, why=str(error) or "too slow")
            return None


def _asset_of(person: discord.Member | discord.User) -> discord.Asset | None:
    """Return the avatar that people see in the server: one that does not move, as PNG."""
    of_guild = person.guild_avatar if isinstance(person, discord.Member) else None
    asset = of_guild or person.avatar
    return None if asset is None else asset.replace(size=SIDE, format="png")


async def _read(address: str) -> bytes:
    """Return what stands at an address, as far as it is an avatar's size.

    Raises:
        aiohttp.ClientError: it cannot be read.
        ValueError: it is larger.
    """
    content = bytearray()
    async with (
        aiohttp.ClientSession(raise_for_status=True) as session,
        session.get(address) as response,
    ):
        async for part in response.content.iter_any():
            content += part
            if len(content) > BYTES_MAX:
                raise ValueError(f"more than {BYTES_MAX} bytes")
    return bytes(content)
