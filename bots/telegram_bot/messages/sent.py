"""Answers that members see already, and that can be replaced; their files and pictures."""

import asyncio
from typing import Final

import structlog
from aiogram import Bot
from aiogram.enums import ChatType, ParseMode
from aiogram.exceptions import AiogramError, TelegramBadRequest, TelegramForbiddenError
from aiogram.types import BufferedInputFile, InlineKeyboardMarkup, Message

from bots.features.command import Answer, Picture
from bots.runtime.button_memory import ButtonMemory
from bots.texts.buttons import data_in
from config.telegram_answer_decoding import UnreadableAnswer

from .buttons import keyboard

log = structlog.get_logger("twinstream.telegram_bot")

#: A part of Telegram's refusal of an edit that changes nothing.
_NOT_MODIFIED = "message is not modified"
#: Characters that Telegram takes below a picture, here with their markup.
CAPTION_CHARS_MAX: Final = 1_024


class TelegramSent:
    """A message of the bot for one account. A `bots.features.command.Sent`."""

    def __init__(self, bot: Bot, message: Message, account_id: int, memory: ButtonMemory) -> None:
        self._bot = bot
        self._message = message
        self._account_id = account_id
        self._memory = memory

    async def replace(self, answer: Answer) -> bool:
        try:
            await self.edit(answer.text, answer)
        except UnreadableAnswer as error:
            return error.was_done
        except (AiogramError, OSError) as error:
            log.info("answer.not_replaced", account_id=self._account_id, why=str(error))
            return False
        return True

    async def edit(self, text: str, answer: Answer) -> None:
        """Replace the text and the buttons of the message.

        Raises:
            AiogramError: Telegram did not do it.
        """
        message, buttons = self._message, keyboard(answer.buttons, self._account_id)
        self._memory.renew(key_of(message), data_in(answer.buttons, self._account_id))
        try:
            if message.ephemeral_message_id is not None:
                await self._bot.edit_ephemeral_message_text(
                    chat_id=message.chat.id,
                    receiver_user_id=self._account_id,
                    ephemeral_message_id=message.ephemeral_message_id,
                    text=text,
                    parse_mode=ParseMode.HTML,
                    reply_markup=buttons,
                )
            else:
                await self._bot.edit_message_text(
                    text,
                    chat_id=message.chat.id,
                    message_id=message.message_id,
                    parse_mode=ParseMode.HTML,
                    reply_markup=buttons,
                )
        except TelegramBadRequest as error:
            if _NOT_MODIFIED not in error.message.lower():
                raise


class SentPicture:
    """One picture for one answer. It begins to be drawn at once, whatever waits for the chat."""

    def __init__(self, picture: Picture) -> None:
        self._picture = picture
        self._drawing = asyncio.ensure_future(picture.draw())

    async def send(self, message: Message, buttons: InlineKeyboardMarkup | None) -> Message | None:
        """Send the picture to the chat of a message. None: the answer needs its text instead.

        A caption that is too long follows as a message of its own.

        Raises:
            AiogramError: Telegram did not take it, and would not take the text either.
        """
        content = await self._drawing
        if content is None:
            return None
        is_private = message.chat.type == ChatType.PRIVATE
        send = message.answer_photo if is_private else message.reply_photo
        caption = self._picture.caption
        fits = len(caption) <= CAPTION_CHARS_MAX
        try:
            sent = await send(
                BufferedInputFile(content, self._picture.name),
                caption=caption if fits else None,
                parse_mode=ParseMode.HTML,
                reply_markup=buttons if fits else None,
            )
        except (TelegramBadRequest, TelegramForbiddenError) as error:
            # A group may let its bots and members send no pictures.
            log.info("picture.not_sent", chat_id=message.chat.id, why=error.message)
            return None
        if fits:
            return sent
        return await message.answer(caption, parse_mode=ParseMode.HTML, reply_markup=buttons)


async def send_file(message: Message, answer: Answer) -> None:
    """Send the file of an answer to the chat of a message, if the answer has one.

    Raises:
        AiogramError: Telegram did not do it.
    """
    if answer.file is not None:
        await message.answer_document(BufferedInputFile(answer.file.content, answer.file.name))


def key_of(message: Message) -> tuple[int, int, int | None]:
    """Return what tells a message from all others. Pure."""
    return message.chat.id, message.message_id, message.ephemeral_message_id
