"""Accounts that write to the bot in private and may not do what the group may do."""

from collections.abc import Callable

from aiogram.enums import ChatType
from aiogram.types import Message

from bots.features.command import Asker
from bots.telegram_bot.group.membership import Membership, Standing
from bots.texts.languages import Texts

from . import texts


async def refusal_of_stranger(
    membership: Membership,
    message: Message,
    asker: Asker,
    refuse: Callable[[Texts], str] | None,
) -> str | None:
    """Return what an account is told that may not do this in private; None if it may."""
    if refuse is None or message.chat.type != ChatType.PRIVATE:
        return None
    assert message.bot is not None
    match await membership.standing(message.bot, asker.account_id):
        case Standing.INSIDE:
            return None
        case Standing.MUTED:
            return texts.muted(asker.texts)
        case Standing.OUTSIDE:
            return refuse(asker.texts)
        case Standing.UNKNOWN:
            return texts.membership_unknown(asker.texts)
