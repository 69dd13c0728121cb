"""Announcements in the Telegram group."""

from aiogram import Bot
from aiogram.enums import ParseMode
from aiogram.exceptions import (
    AiogramError,
    TelegramBadRequest,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramRetryAfter,
)

from bots.announcements import Announcer, PerhapsSent, Unsent
from bots.app import Services
from config.telegram_answers import UnreadableAnswer

from .markup import TelegramMarkup


async def announce(bot: Bot, services: Services) -> None:
    """Announce in the group until cancelled, if twinstream.toml says so."""
    settings = services.community.announcements
    if not settings.telegram:
        return
    chat_id = services.community.telegram.chat_id

    async def send(text: str) -> None:
        try:
            await bot.send_message(
                chat_id, text, parse_mode=ParseMode.HTML, disable_notification=True
            )
        except (
            TelegramBadRequest,
            TelegramForbiddenError,
            TelegramMigrateToChat,
            TelegramRetryAfter,
        ) as error:
            raise Unsent(str(error)) from error
        except UnreadableAnswer as error:
            if not error.was_done:
                raise PerhapsSent(str(error)) from error
        except (AiogramError, OSError) as error:
            raise PerhapsSent(str(error)) from error

    texts = services.languages.speak(settings.language)
    announcer = Announcer(services.members, services.community, texts, TelegramMarkup(), send)
    await announcer.run()
