"""Notices in private chats with the Telegram bot."""

from aiogram import Bot
from aiogram.exceptions import (
    AiogramError,
    TelegramBadRequest,
    TelegramForbiddenError,
    TelegramRetryAfter,
)

from bots.announcements import PerhapsSent, Unsent
from bots.app import Services
from bots.notices import Notifier, Unwanted
from config.telegram_answers import UnreadableAnswer


async def notify(bot: Bot, services: Services) -> None:
    """Tell the owners of Telegram accounts what concerns them, until cancelled."""

    async def send(account_id: int, text: str) -> None:
        try:
            await bot.send_message(account_id, text)
        except (TelegramForbiddenError, TelegramBadRequest) as error:
            raise Unwanted(error.message) from error
        except TelegramRetryAfter as error:
            raise Unsent(str(error)) from error
        except (AiogramError, OSError) as error:
            if isinstance(error, UnreadableAnswer) and error.was_done:
                return
            raise PerhapsSent(str(error)) from error

    texts = services.languages.speak(services.community.announcements.language)
    await Notifier(services.members, texts, send).run()
