"""Messages from the Telegram bot that answer no command: announcements and private notices."""

import contextlib
from typing import Final

from aiogram import Bot
from aiogram.enums import ParseMode
from aiogram.exceptions import (
    AiogramError,
    TelegramBadRequest,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramRetryAfter,
)
from aiogram.types import ReplyParameters

from bots.runtime.delivery import PerhapsSent, PublicPlace, Unsent, Unwanted
from bots.texts.buttons import Rows
from config import Community
from config.telegram_answer_decoding import UnreadableAnswer

from .messages.buttons import keyboard

#: The number of the topic "General" in every forum.
GENERAL_TOPIC: Final = 1
#: Parts of Telegram's refusals, in small letters, and what they mean. They have no codes.
_CAUSES: Final = (
    ("topic_closed", "the topic is closed"),
    ("thread not found", "the topic does not exist (any more)"),
    ("topic_deleted", "the topic does not exist (any more)"),
    ("chat not found", "the bot is not in the group"),
    ("kicked", "the bot is not in the group"),
    ("not a member", "the bot is not in the group"),
    ("not enough rights", "the bot may not write there"),
    ("have no rights", "the bot may not write there"),
    ("write_forbidden", "the bot may not write there"),
    ("upgraded to a supergroup", "the group has a new id"),
)


class TelegramDelivery:
    """Announces in the group and tells accounts in private chats. A `bots.runtime.Delivery`."""

    def __init__(self, bot: Bot, community: Community) -> None:
        self._bot = bot
        self._group_id = community.telegram.chat_id
        self._community_name = ""

    async def announce(self, place: PublicPlace, text: str, *, reply_to: int | None = None) -> None:
        chat_id = self._group_id if place.channel_id is None else place.channel_id
        reply = None
        if reply_to is not None:
            reply = ReplyParameters(message_id=reply_to, allow_sending_without_reply=True)
        # The general topic of a forum has a number, but takes no message under it.
        topic_id = None if place.topic_id == GENERAL_TOPIC else place.topic_id
        try:
            await self._bot.send_message(
                chat_id,
                text,
                message_thread_id=topic_id,
                parse_mode=ParseMode.HTML,
                disable_notification=True,
                reply_parameters=reply,
            )
        except TelegramRetryAfter as error:
            raise Unsent(str(error), retry_s=error.retry_after) from error
        except (TelegramBadRequest, TelegramForbiddenError, TelegramMigrateToChat) as error:
            raise Unsent(error.message, cause=cause_of_refusal(error.message)) from error
        except UnreadableAnswer as error:
            if not error.was_done:
                raise PerhapsSent(str(error)) from error
        except (AiogramError, OSError) as error:
            raise PerhapsSent(str(error)) from error

    async def community_name(self) -> str:
        if not self._community_name:
            # A text without the name is better than none; the next announcement asks again.
            with contextlib.suppress(AiogramError, OSError):
                self._community_name = (await self._bot.get_chat(self._group_id)).title or ""
        return self._community_name

    async def tell(self, account_id: int, text: str, buttons: Rows = ()) -> None:
        try:
            await self._bot.send_message(
                account_id,
                text,
                parse_mode=ParseMode.HTML,
                reply_markup=keyboard(buttons, account_id),
            )
        except (TelegramForbiddenError, TelegramBadRequest) as error:
            raise Unwanted(error.message) from error
        except TelegramRetryAfter as error:
            raise Unsent(str(error), retry_s=error.retry_after) from error
        except UnreadableAnswer as error:
            if not error.was_done:
                raise PerhapsSent(str(error)) from error
        except (AiogramError, OSError) as error:
            raise PerhapsSent(str(error)) from error

    async def bot_name(self) -> str | None:
        try:
            return (await self._bot.me()).username
        except (AiogramError, OSError) as error:
            raise Unsent(str(error)) from error


def cause_of_refusal(why: str) -> str:
    """Say in a few words what a person has to change after this refusal. Pure."""
    said = why.lower()
    return next((cause for part, cause in _CAUSES if part in said), "Telegram refuses the message")
