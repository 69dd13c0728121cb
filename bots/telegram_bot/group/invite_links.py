"""Invite links that the bot makes for members, who may make none themselves.

A link bears its member's number as its name, which members do not see, and which nobody but the bot
can change. So an account that comes by it says whose it is, also after a restart, and no table
keeps the links.
"""

import asyncio
import re
from collections import OrderedDict
from typing import Final

import structlog
from aiogram import Bot
from aiogram.exceptions import AiogramError, TelegramRetryAfter
from aiogram.types import ChatInviteLink

log = structlog.get_logger("twinstream.telegram_bot")

#: Links that are remembered, so that a member who asks again gets the same one. A forgotten one
#: stays good, and its member gets a further one.
LINKS_MAX: Final = 10_000
#: Seconds for which Telegram is asked for no link after it made none, unless it says how long.
REST_S: Final = 10.0
_NAME: Final = re.compile(r"member (\d{1,19})")


class InviteLinks:
    """Makes the links of one group."""

    def __init__(self, group_id: int) -> None:
        self._group_id = group_id
        self._known: OrderedDict[int, str] = OrderedDict()
        self._rests_until = 0.0

    async def link_of(self, bot: Bot, account_id: int) -> str | None:
        """Return a member's own link; None if Telegram lets the bot make none."""
        known = self._known.get(account_id)
        now = asyncio.get_running_loop().time()
        if known is not None or now < self._rests_until:
            return known
        try:
            made = await bot.create_chat_invite_link(self._group_id, name=f"member {account_id}")
        except (AiogramError, OSError) as error:
            asked_s = error.retry_after if isinstance(error, TelegramRetryAfter) else REST_S
            self._rests_until = now + asked_s
            log.warning("invite_link.not_made", account_id=account_id, why=str(error))
            return None
        self._known[account_id] = made.invite_link
        if len(self._known) > LINKS_MAX:
            self._known.popitem(last=False)
        return made.invite_link


def inviter_by(link: ChatInviteLink, bot_id: int) -> int | None:
    """Return the account for which this bot made a link; None for any other link. Pure."""
    if link.creator.id != bot_id:
        return None
    found = _NAME.fullmatch(link.name or "")
    return found and int(found[1])
