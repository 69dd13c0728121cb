"""Avatars of Telegram accounts."""

import asyncio
from typing import Final

import structlog
from aiogram import Bot
from aiogram.exceptions import AiogramError
from aiogram.types import PhotoSize

from bots.cards.avatar_memory import AVATAR_S_MAX, BYTES_MAX, AvatarMemory

log = structlog.get_logger("twinstream.telegram_bot")

#: Pixels of the smallest size that is large enough for a card.
SIDE_WANTED: Final = 200
_MEMORY: Final = AvatarMemory()


class TelegramAvatars:
    """Reads the newest profile photo of an account. A `bots.features.command.Avatars`."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot

    async def read(self, account_id: int) -> bytes | None:
        try:
            async with asyncio.timeout(AVATAR_S_MAX):
                return await self._read(account_id)
        except (AiogramError, OSError, TimeoutError, ValueError) as error:
            log.info("avatar.not_read", account_id=account_id, why=str(error) or "too slow")
            return None

    async def _read(self, account_id: int) -> bytes | None:
        found = await self._bot.get_user_profile_photos(account_id, limit=1)
        photo = _suitable(found.photos[0]) if found.photos else None
        if photo is None:
            return None
        known = _MEMORY.get(photo.file_unique_id)
        if known is not None:
            return known
        file = await self._bot.get_file(photo.file_id)
        if file.file_path is None:
            return None
        address = self._bot.session.api.file_url(self._bot.token, file.file_path)
        content = bytearray()
        async for part in self._bot.session.stream_content(address, timeout=int(AVATAR_S_MAX) + 1):
            content += part
            if len(content) > BYTES_MAX:
                raise ValueError(f"more than {BYTES_MAX} bytes")
        return _MEMORY.put(photo.file_unique_id, bytes(content))


def _suitable(sizes: list[PhotoSize]) -> PhotoSize | None:
    """Return the smallest size that is large enough, or else the largest. Pure."""
    ordered = sorted(sizes, key=lambda one: min(one.width, one.height))
    enough = [one for one in ordered if min(one.width, one.height) >= SIDE_WANTED]
    chosen = enough[0] if enough else (ordered[-1] if ordered else None)
    return chosen if chosen is None or (chosen.file_size or 0) <= BYTES_MAX else None
