"""From Telegram's messages to the rooms' commands, and back."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import structlog
from aiogram import F, Router
from aiogram.enums import ChatType, ParseMode
from aiogram.exceptions import TelegramBadRequest
from aiogram.filters import Command as IsCommand
from aiogram.filters import CommandObject, CommandStart
from aiogram.types import EphemeralMessageParameters, InlineKeyboardMarkup, Message

from bots.features.command import (
    Answer,
    Asker,
    Audience,
    Command,
    MemberParameter,
    Question,
    Target,
)
from bots.features.linking.texts import code_not_void_yet
from bots.features.room import Room, commands_of
from bots.runtime.room_services import Services
from bots.telegram_bot.group.membership import Membership, Standing

from . import texts
from .answer_queue import AnswerQueue, Reply
from .arguments import argument_of
from .buttons import private_button
from .posted_codes import Found

log = structlog.get_logger("twinstream.telegram_bot")

IS_PRIVATE = F.chat.type == ChatType.PRIVATE


def add_commands(
    router: Router,
    services: Services,
    rooms: Sequence[Room],
    queue: AnswerQueue,
    membership: Membership,
) -> None:
    """Register the handlers of each command of the rooms."""
    handlers = [
        CommandHandlers(command, services, membership, queue) for command in commands_of(rooms)
    ]
    # The button beside a refusal sends "/start <command>", which is no /start for the help room.
    for one in handlers:
        if one.asked.refuse_in_group is not None:
            opened = CommandStart(deep_link=True, magic=F.args == one.asked.name)
            router.message.register(one.open, opened, IS_PRIVATE)
    for one in handlers:
        is_sent = IsCommand(one.asked.name)
        if one.asked.refuse_in_group is None:
            router.message.register(one.answer, is_sent)
        else:
            router.message.register(one.answer, is_sent, IS_PRIVATE)
            router.message.register(one.refuse, is_sent)


class CommandHandlers:
    """The handlers of one command: each reads a message, asks the room and queues the answer."""

    def __init__(
        self, asked: Command[Any], services: Services, membership: Membership, queue: AnswerQueue
    ) -> None:
        self.asked = asked
        self._group_texts = services.languages.speak(services.community.announcements.language)
        self._membership = membership
        self._queue = queue

    async def answer(self, message: Message, command: CommandObject, asker: Asker) -> None:
        """Answer the command, unless the member may not send it here."""
        refusal = await self._refusal_of_stranger(message, asker)
        if refusal is not None:
            self._reply(message, asker, Answer(refusal))
            return
        argument = argument_of(message, command.args or "", self.asked.parameter)
        if isinstance(argument, Target) and argument.account_id == asker.account_id:
            argument = None
        refusal = await self._refusal_of_target(message, asker, argument)
        if refusal is not None:
            answer = Answer(refusal)
        else:
            answer = await self._run(message, asker, argument)
        if self.asked.audience is Audience.ASKER:
            self._reply_ephemerally(message, asker, answer)
        else:
            self._reply(message, asker, answer)

    async def open(self, message: Message, asker: Asker) -> None:
        """Answer the command without an argument: the member pressed the button in the group."""
        self._reply(message, asker, await self._run(message, asker, None))

    async def refuse(
        self, message: Message, command: CommandObject, asker: Asker, found: Found
    ) -> None:
        """Refuse in the group a command for private chats, with the button that leads there."""
        if found is Found.VOID:
            return  # the guard has answered
        if found is Found.UNKNOWN:
            self._reply(message, asker, Answer(code_not_void_yet(self._group_texts)))
            return
        assert self.asked.refuse_in_group is not None
        self._reply(
            message,
            asker,
            Answer(self.asked.refuse_in_group(asker.texts, bool(command.args))),
            await private_button(message, self.asked.name, asker.texts),
        )

    async def _refusal_of_stranger(self, message: Message, asker: Asker) -> str | None:
        assert message.bot is not None
        refuse = self.asked.refuse_stranger
        if refuse is None or message.chat.type != ChatType.PRIVATE:
            return None
        match await self._membership.standing(message.bot, asker.account_id):
            case Standing.INSIDE:
                return None
            case Standing.MUTED:
                return texts.muted(asker.texts)
            case Standing.OUTSIDE:
                return refuse(asker.texts)
            case Standing.UNKNOWN:
                return texts.membership_unknown(asker.texts)

    async def _refusal_of_target(
        self, message: Message, asker: Asker, argument: object
    ) -> str | None:
        assert message.bot is not None
        parameter = self.asked.parameter
        if not isinstance(parameter, MemberParameter) or not isinstance(argument, Target):
            return None
        if await self._membership.is_administrator(message.bot, asker.account_id):
            return None
        return parameter.refuse(asker.texts)

    async def _run(self, message: Message, asker: Asker, argument: Any) -> Answer:
        # The message names the command, so an update that is delivered again is paid once.
        entity_id = f"{message.chat.id}.{message.message_id}"
        return await self.asked.run(Question(asker, argument, entity_id))

    def _reply_ephemerally(self, message: Message, asker: Asker, answer: Answer) -> None:
        """Answer so that only the asker sees it, also in the group."""
        if message.chat.type == ChatType.PRIVATE:
            self._reply(message, asker, answer)
            return

        async def send(text: str) -> None:
            to = EphemeralMessageParameters(receiver_user_id=asker.account_id)
            try:
                await message.answer(
                    text, parse_mode=ParseMode.HTML, ephemeral_message_parameters=to
                )
            except TelegramBadRequest as error:
                # Not every group has ephemeral messages, and the answer is for the asker alone.
                log.info("reply.not_ephemeral", chat_id=message.chat.id, why=error.message)
                await message.reply(texts.not_ephemeral(self.asked.name, asker.texts))

        self._queue.put(message.chat.id, Reply(asker, answer.text, send))

    def _reply(
        self,
        message: Message,
        asker: Asker,
        answer: Answer,
        keyboard: InlineKeyboardMarkup | None = None,
    ) -> None:
        """Answer in the same chat; in a group as a reply, which shows whom it answers."""
        send = message.answer if message.chat.type == ChatType.PRIVATE else message.reply
        share = partial(message.answer, parse_mode=ParseMode.HTML) if keyboard is None else None
        self._queue.put(
            message.chat.id,
            Reply(
                asker,
                answer.text,
                partial(send, parse_mode=ParseMode.HTML, reply_markup=keyboard),
                share,
                thread_id=message.message_thread_id,
                must_arrive=answer.must_arrive,
            ),
        )
