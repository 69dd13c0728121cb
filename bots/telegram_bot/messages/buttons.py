"""Buttons under messages of the bot."""

from aiogram.types import CopyTextButton, InlineKeyboardButton, InlineKeyboardMarkup, Message
from aiogram.utils.deep_linking import create_start_link

from bots.texts.buttons import Button, CopyButton, LinkButton, PressButton, Rows, data_of
from bots.texts.languages import Texts

from .texts import open_private


def keyboard(rows: Rows, account_id: int) -> InlineKeyboardMarkup | None:
    """Return the buttons under a message for this account; None if it has none. Pure."""
    if not rows:
        return None
    return InlineKeyboardMarkup(
        inline_keyboard=[[_button(button, account_id) for button in row] for row in rows]
    )


def has_button(message: Message, data: str) -> bool:
    """Tell whether a button under a message has this data. Pure.

    Telegram hands on whatever a client sends, also for a message of the bot to somebody else.
    """
    rows = message.reply_markup.inline_keyboard if message.reply_markup is not None else ()
    return any(button.callback_data == data for row in rows for button in row)


def _button(button: Button, account_id: int) -> InlineKeyboardButton:
    match button:
        case PressButton():
            data = data_of(button, account_id)
            return InlineKeyboardButton(text=button.label, callback_data=data)
        case LinkButton():
            return InlineKeyboardButton(text=button.label, url=button.url)
        case CopyButton():
            return InlineKeyboardButton(
                text=button.label, copy_text=CopyTextButton(text=button.text)
            )


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
