"""Messages from the Telegram bot that answer no command: announcements and private notices."""

from aiogram import Bot
from aiogram.enums import ParseMode
from aiogram.exceptions import (
    AiogramError,
    TelegramBadRequest,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramRetryAfter,
)

from bots.runtime.delivery import PerhapsSent, Unsent, Unwanted
from bots.texts.buttons import Rows
from config import Community
from config.telegram_answer_decoding import UnreadableAnswer

from .messages.buttons import keyboard


class TelegramDelivery:
    """Announces in the group and tells accounts in private chats. A `bots.runtime.Delivery`."""

    def __init__(self, bot: Bot, community: Community) -> None:
        self._bot = bot
        self._group_id = community.telegram.chat_id
        self.has_announcements = community.announcements.telegram

    async def announce(self, text: str) -> None:
        try:
            await self._bot.send_message(
                self._group_id, text, parse_mode=ParseMode.HTML, disable_notification=True
            )
        except TelegramRetryAfter as error:
            raise Unsent(str(error), retry_s=error.retry_after) from error
        except (TelegramBadRequest, TelegramForbiddenError, TelegramMigrateToChat) as error:
            raise Unsent(error.message) from error
        except UnreadableAnswer as error:
            if not error.was_done:
                raise PerhapsSent(str(error)) from error
        except (AiogramError, OSError) as error:
            raise PerhapsSent(str(error)) from error

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
