"""Buttons under messages of the bot."""

from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup, Message
from aiogram.utils.deep_linking import create_start_link

from bots.texts.languages import Texts

from .texts import open_private


async def private_button(
    message: Message, command: str, texts: Texts
) -> InlineKeyboardMarkup | None:
    """Return the button that opens the private chat and runs the command there.

    None if the bot's own user name is unknown, because the link needs it.
    """
    assert message.bot is not None
    if (await message.bot.me()).username is None:
        return None
    url = await create_start_link(message.bot, command)
    button = InlineKeyboardButton(text=open_private(texts), url=url)
    return InlineKeyboardMarkup(inline_keyboard=[[button]])
