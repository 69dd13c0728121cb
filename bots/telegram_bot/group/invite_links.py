"""Invite links that the bot makes for members, who may make none themselves.

Postgres keeps each with its member, so a member who asks again gets the same one, also after a
restart, and an account that comes by it says whose guest it is. A link ends when its member leaves,
is banned, moves to an account that has one, or is forgotten.
"""

import asyncio
from typing import Final

import structlog
from aiogram import Bot
from aiogram.exceptions import AiogramError, TelegramBadRequest, TelegramRetryAfter

from bots.runtime.database import Database
from db import DbError
from db.rewards import invite_links
from db.rewards.invite_links import RevokedLink

log = structlog.get_logger("twinstream.telegram_bot")

#: Seconds for which Telegram is asked for no link after it made none, unless it says how long.
REST_S: Final = 10.0
#: Seconds between looks for links that Telegram is to revoke.
REVOKE_S = 3.0
#: Links that are revoked in one look: Telegram takes so many calls at once.
REVOKED_MAX: Final = 10
#: A part of Telegram's refusals, in small letters, that say that there is no such link any more.
_NO_LINK: Final = "invite_hash_"


class InviteLinks:
    """Makes the links of one group, and has them revoked."""

    def __init__(self, database: Database, group_id: int) -> None:
        self._database = database
        self._group_id = group_id
        self._rests_until = 0.0

    async def link_of(self, bot: Bot, account_id: int) -> str | None:
        """Return a member's own link; None if there is none, and none can be made now."""
        now = asyncio.get_running_loop().time()
        try:
            known = await self._keep(account_id)
            if known is not None or now < self._rests_until:
                return known
            # Administrators see the name.
            made = await bot.create_chat_invite_link(self._group_id, name=f"member {account_id}")
            return await self._keep(account_id, made.invite_link)
        except (AiogramError, OSError) as error:
            asked_s = error.retry_after if isinstance(error, TelegramRetryAfter) else REST_S
            self._rests_until = now + asked_s
            log.warning("invite_link.not_made", account_id=account_id, why=str(error))
        except DbError as error:
            log.warning("invite_link.not_made", account_id=account_id, why=str(error))
        return None

    async def _keep(self, account_id: int, made: str | None = None) -> str | None:
        database = self._database
        async with database.connection() as conn:
            return await invite_links.keep(
                conn, database.platform, self._group_id, account_id, made
            )

    async def run(self, bot: Bot) -> None:
        """Have links revoked that ended, until cancelled."""
        while True:
            try:
                await self._revoke_ended(bot)
            except DbError as error:
                log.debug("invite_links.delayed", why=str(error))
            await asyncio.sleep(REVOKE_S)

    async def _revoke_ended(self, bot: Bot) -> None:
        database = self._database
        async with database.connection() as conn:
            ended = await invite_links.take_revoked(conn, database.platform, at_most=REVOKED_MAX)
        for one in ended:
            if await self._revoke(bot, one):
                async with database.connection() as conn:
                    await invite_links.drop(conn, database.platform, one.link)

    async def _revoke(self, bot: Bot, one: RevokedLink) -> bool:
        """Revoke a link. Returns whether nobody can come by it any more."""
        try:
            await bot.revoke_chat_invite_link(one.chat_id, one.link)
        except (AiogramError, OSError) as error:
            if isinstance(error, TelegramBadRequest) and _NO_LINK in error.message.lower():
                return True
            log.warning("invite_link.not_revoked", is_given_up=one.is_last, why=str(error))
            return False
        return True
