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
    FormParameter,
    MemberParameter,
    Opened,
    PrivateText,
    Question,
    Start,
    Target,
)
from bots.features.linking.texts import code_not_void_yet
from bots.features.room import Room, beside, commands_of, private_texts_of, starts_of
from bots.runtime.button_memory import ButtonMemory
from bots.runtime.room_services import Services
from bots.telegram_bot.avatars import TelegramAvatars
from bots.telegram_bot.group.invite_links import InviteLinks
from bots.telegram_bot.group.membership import Membership

from . import texts
from .answer_queue import AnswerQueue, Reply
from .arguments import argument_of, form_of, replied_to, replies_to_nameless, without_flag
from .authors import command_id_of, topic_of
from .buttons import keyboard, private_button
from .posted_codes import Found
from .sent import SentPicture, TelegramSent, send_file
from .strangers import Strangers

log = structlog.get_logger("twinstream.telegram_bot")

IS_PRIVATE = F.chat.type == ChatType.PRIVATE


def add_commands(
    router: Router,
    services: Services,
    rooms: Sequence[Room],
    queue: AnswerQueue,
    membership: Membership,
    memory: ButtonMemory,
    links: InviteLinks,
) -> None:
    """Register the handlers of each command, deep link and kind of text of the rooms."""
    answers, strangers = Answers(queue, memory), Strangers(membership, rooms)
    handlers = [
        CommandHandlers(command, services, membership, strangers, links, answers, rooms)
        for command in commands_of(rooms)
    ]
    for start in starts_of(rooms):
        handler = StartHandler(start, strangers, answers)
        opened = CommandStart(deep_link=True, magic=F.args.startswith(f"{start.prefix}-"))
        router.message.register(handler.open, opened, IS_PRIVATE)
    # The button beside a refusal sends "/start <command>", which is no /start for the help room.
    for one in handlers:
        if one.asked.refuse_in_group is not None:
            opened = CommandStart(deep_link=True, magic=F.args == one.asked.name)
            router.message.register(one.open, opened, IS_PRIVATE)
    for one in handlers:
        is_sent = IsCommand(one.asked.name, *one.asked.aliases, ignore_case=True)
        if one.asked.refuse_in_group is None:
            router.message.register(one.answer, is_sent)
        else:
            router.message.register(one.answer, is_sent, IS_PRIVATE)
            router.message.register(one.refuse, is_sent)
    for kind in private_texts_of(rooms):
        text = PrivateTextHandler(kind, strangers, answers)
        router.message.register(text.answer, F.text.func(kind.recognises), IS_PRIVATE)


class CommandHandlers:
    """The handlers of one command: each reads a message, asks the room and queues the answer."""

    def __init__(
        self,
        asked: Command[Any],
        services: Services,
        membership: Membership,
        strangers: Strangers,
        invite_links: InviteLinks,
        answers: "Answers",
        rooms: Sequence[Room],
    ) -> None:
        self.asked = asked
        self._strangers = strangers
        self._rooms = rooms
        self._group_texts = services.languages.speak(services.community.announcements.language)
        self._membership = membership
        self._invite_links = invite_links
        self._answers = answers

    async def answer(self, message: Message, command: CommandObject, asker: Asker) -> None:
        """Answer the command, unless the member may not send it here."""
        refusal = await self._strangers.refusal(message, asker, self.asked)
        if refusal is not None:
            self._answers.put(message, asker, Answer(refusal))
            return
        written, is_flagged = without_flag(command.args or "", self.asked.flag)
        argument = argument_of(message, written, self.asked.parameter)
        if isinstance(argument, Target) and argument.account_id == asker.account_id:
            argument = None
        elif isinstance(argument, Target) and _asks_presence(self.asked):
            argument = await self._membership.seen(message, argument)
        refusal = await self._refusal_of_member(message, asker, argument)
        if refusal is not None:
            answer = Answer(refusal)
        elif isinstance(self.asked.parameter, FormParameter):
            form = await form_of(message, command.args or "", self._membership)
            answer = await self._run(message, asker, form)
        else:
            answer = await self._run(message, asker, argument, is_flagged=is_flagged)
        if self.asked.audience is Audience.ASKER:
            self._answers.put_ephemerally(message, asker, answer, self.asked.name)
        else:
            self._answers.put(message, asker, answer)
        await self._tell_beside(message, asker)

    async def open(self, message: Message, asker: Asker) -> None:
        """Answer the command without an argument: the member pressed the button in the group."""
        refusal = await self._strangers.refusal(message, asker, self.asked)
        if refusal is not None:
            self._answers.put(message, asker, Answer(refusal))
            return
        self._answers.put(message, asker, await self._run(message, asker, None))
        await self._tell_beside(message, asker)

    async def _tell_beside(self, message: Message, asker: Asker) -> None:
        """Tell the member in private what else there is to tell, if the chat allows it."""
        for answer in await beside(self._rooms, asker):
            self._answers.put_ephemerally(message, asker, answer, None)

    async def refuse(
        self, message: Message, command: CommandObject, asker: Asker, found: Found
    ) -> None:
        """Refuse in the group a command for private chats, with the button that leads there."""
        if found is Found.VOID:
            return  # the guard has answered
        if found is Found.UNKNOWN:
            self._answers.put(message, asker, Answer(code_not_void_yet(self._group_texts)))
            return
        assert self.asked.refuse_in_group is not None
        self._answers.put(
            message,
            asker,
            Answer(self.asked.refuse_in_group(asker.texts, bool(command.args))),
            await private_button(message, self.asked.name, asker.texts),
        )

    async def _refusal_of_member(
        self, message: Message, asker: Asker, argument: object
    ) -> str | None:
        """Refuse a member who is no administrator what only these may do."""
        assert message.bot is not None
        parameter, refuse = self.asked.parameter, self.asked.refuse_others
        if isinstance(parameter, MemberParameter) and isinstance(argument, Target):
            refuse = parameter.refuse
        if refuse is None:
            return None
        if await self._membership.is_administrator(message.bot, asker.account_id):
            return None
        return refuse(asker.texts)

    async def _run(
        self, message: Message, asker: Asker, argument: Any, *, is_flagged: bool = False
    ) -> Answer:
        # The message names the command, so an update that is delivered again is paid once.
        entity_id = f"{message.chat.id}.{message.message_id}"
        replied = replied_to(message)
        if replied is not None and not isinstance(argument, Target) and _asks_presence(self.asked):
            replied = await self._membership.seen(message, replied)
        assert message.bot is not None
        question = Question(
            asker,
            argument,
            entity_id,
            replied,
            asked_at=message.date,
            replies_to_nameless=replies_to_nameless(message),
            is_flagged=is_flagged,
            avatars=TelegramAvatars(message.bot),
            invite_link=partial(self._invite_links.link_of, message.bot, asker.account_id),
        )
        return await self.asked.run(question)


class StartHandler:
    """The handler of one kind of deep link."""

    def __init__(self, start: Start, strangers: Strangers, answers: "Answers") -> None:
        self._start = start
        self._strangers = strangers
        self._answers = answers

    async def open(self, message: Message, command: CommandObject, asker: Asker) -> None:
        """Answer a member who opened the link."""
        refusal = await self._strangers.refusal(message, asker, self._start)
        if refusal is not None:
            self._answers.put(message, asker, Answer(refusal))
            return
        value = (command.args or "").removeprefix(f"{self._start.prefix}-")
        opened = Opened(asker, value, f"{message.chat.id}.{message.message_id}")
        self._answers.put(message, asker, await self._start.run(opened))


class PrivateTextHandler:
    """The handler of one kind of private texts."""

    def __init__(self, kind: PrivateText, strangers: Strangers, answers: "Answers") -> None:
        self._kind = kind
        self._strangers = strangers
        self._answers = answers

    async def answer(self, message: Message, asker: Asker) -> None:
        """Answer the text."""
        refusal = await self._strangers.refusal(message, asker, self._kind)
        if refusal is not None:
            self._answers.put(message, asker, Answer(refusal))
            return
        question = Question(asker, message.text, f"{message.chat.id}.{message.message_id}")
        self._answers.put(message, asker, await self._kind.run(question))


class Answers:
    """Queues answers to messages, with their buttons."""

    def __init__(self, queue: AnswerQueue, memory: ButtonMemory) -> None:
        self._queue = queue
        self._memory = memory

    def put_ephemerally(
        self, message: Message, asker: Asker, answer: Answer, command: str | None
    ) -> None:
        """Answer so that only the asker sees it, also in the group.

        A group that has no such messages names the command for the private chat. Without a command
        it says nothing.
        """
        if message.chat.type == ChatType.PRIVATE:
            self.put(message, asker, answer)
            return

        async def send(text: str) -> Message | None:
            to = EphemeralMessageParameters(receiver_user_id=asker.account_id)
            try:
                sent = await message.answer(
                    text,
                    parse_mode=ParseMode.HTML,
                    ephemeral_message_parameters=to,
                    reply_markup=keyboard(answer.buttons, asker.account_id),
                )
            except TelegramBadRequest as error:
                # Not every group has ephemeral messages, and the answer is for the asker alone.
                log.info("reply.not_ephemeral", chat_id=message.chat.id, why=error.message)
                if command is None:
                    return None
                return await message.reply(texts.not_ephemeral(command, asker.texts))
            self._tell_room(answer, asker, sent)
            return sent

        self._queue.put(
            message.chat.id,
            Reply(asker, answer.text, send, command_id=command_id_of(message)),
        )

    def put(
        self,
        message: Message,
        asker: Asker,
        answer: Answer,
        extra: InlineKeyboardMarkup | None = None,
    ) -> None:
        """Answer in the same chat; in a group as a reply, which shows whom it answers.

        `extra` stands in the place of the answer's own buttons.
        """
        buttons = extra or keyboard(answer.buttons, asker.account_id)
        send = message.answer if message.chat.type == ChatType.PRIVATE else message.reply
        is_alone = not (buttons is None and answer.on_sent is None and answer.file is None)
        is_alone = is_alone or answer.picture is not None
        picture = None if answer.picture is None else SentPicture(answer.picture)

        async def reply(text: str) -> Message:
            sent = None if picture is None else await picture.send(message, buttons)
            if sent is None:
                sent = await send(text, parse_mode=ParseMode.HTML, reply_markup=buttons)
            self._tell_room(answer, asker, sent)
            await send_file(message, answer)
            return sent

        self._queue.put(
            message.chat.id,
            Reply(
                asker,
                answer.text,
                reply,
                None if is_alone else partial(message.answer, parse_mode=ParseMode.HTML),
                takes_notes=picture is None,
                thread_id=topic_of(message),
                must_arrive=answer.must_arrive,
                command_id=command_id_of(message),
            ),
        )

    def _tell_room(self, answer: Answer, asker: Asker, sent: Message) -> None:
        if answer.on_sent is not None:
            assert sent.bot is not None
            answer.on_sent(TelegramSent(sent.bot, sent, asker.account_id, self._memory))


def _asks_presence(command: Command[Any]) -> bool:
    return isinstance(command.parameter, MemberParameter) and command.parameter.asks_presence
