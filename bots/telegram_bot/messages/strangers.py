"""Accounts that may not do what the members of the group may do."""

from collections.abc import Sequence
from typing import Any

from aiogram.enums import ChatType
from aiogram.types import Message

from bots.features.command import Asker, Command, Press, PrivateText, Start
from bots.features.room import Room, gone
from bots.telegram_bot.group.membership import Membership, Standing

from . import texts


class Strangers:
    """Refuses what an account may not ask for.

    Any account can write to a bot in private, and the group would not hear of it. In the group,
    Telegram lets no muted member write, but lets each press buttons.
    """

    def __init__(self, membership: Membership, rooms: Sequence[Room]) -> None:
        self._membership = membership
        self._rooms = rooms

    async def refusal(
        self, message: Message, asker: Asker, asked: Command[Any] | Press | Start | PrivateText
    ) -> str | None:
        """Return what an account is told that may not ask this; None if it may."""
        is_press_that_earns = isinstance(asked, Press) and asked.earns
        is_private = message.chat.type == ChatType.PRIVATE
        if asked.is_for_strangers or not (is_private or is_press_that_earns):
            return None
        assert message.bot is not None
        match await self._membership.standing(message.bot, asker.account_id):
            case Standing.MUTED if isinstance(asked, Command | Press) and asked.earns:
                return texts.muted(asker.texts)
            case Standing.INSIDE | Standing.MUTED:
                return None
            case Standing.OUTSIDE:
                await gone(self._rooms, asker.account_id)
                return (asked.refuse_stranger or texts.members_only)(asker.texts)
            case Standing.UNKNOWN:
                return texts.membership_unknown(asker.texts)
