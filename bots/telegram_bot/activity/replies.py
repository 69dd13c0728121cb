"""Replies of members to each other in the group, for the rooms that want to see some of them."""

from collections.abc import Sequence

from aiogram import Router
from aiogram.types import Message

from bots.features.command import Asker, GroupReply, Question
from bots.features.room import Room, replies_of
from bots.telegram_bot.activity.posted_messages import place_of
from bots.telegram_bot.group.membership import Membership
from bots.telegram_bot.messages.arguments import replied_to
from bots.telegram_bot.messages.authors import Author, author_of
from bots.telegram_bot.messages.commands import Answers


class Replies:
    """The kinds of replies of the rooms, and their handlers."""

    def __init__(
        self, rooms: Sequence[Room], membership: Membership, answers: Answers, group_id: int
    ) -> None:
        self._handlers = [
            ReplyHandler(kind, membership, answers, group_id) for kind in replies_of(rooms)
        ]

    def register(self, router: Router) -> None:
        """Register a handler for each kind, after those of the commands."""
        for handler in self._handlers:
            router.message.register(handler.answer, handler.is_awaited)

    def are_awaited(self, message: Message) -> bool:
        """Tell whether a handler wants to see a message. Pure."""
        return any(handler.wants(message) for handler in self._handlers)


class ReplyHandler:
    """The handler of one kind of replies."""

    def __init__(
        self, kind: GroupReply, membership: Membership, answers: Answers, group_id: int
    ) -> None:
        self._kind = kind
        self._membership = membership
        self._answers = answers
        self._group_id = group_id

    async def is_awaited(self, message: Message) -> bool:
        """As `wants`. A filter of aiogram that is a coroutine costs no thread."""
        return self.wants(message)

    def wants(self, message: Message) -> bool:
        """Tell whether a reply is of this kind: written by its sender, to another member. Pure."""
        if message.reply_to_message is None or message.chat.id != self._group_id:
            return False
        text = message.text or message.caption
        if author_of(message) is not Author.MEMBER:
            return False  # an anonymous administrator who thanks needs no lesson about anonymity
        if not text or text.startswith("/") or message.forward_origin or message.via_bot:
            return False
        return self._kind.recognises(text) and replied_to(message) is not None

    async def answer(self, message: Message, asker: Asker) -> None:
        """Hand the reply on, and answer it where the room wants it."""
        target = replied_to(message)
        assert target is not None
        if target.account_id == asker.account_id:
            return
        target = await self._membership.seen(message, target)
        entity_id = f"{message.chat.id}.{message.message_id}"
        text = message.text or message.caption
        place = place_of(message, is_home=True)
        question = Question(asker, text, entity_id, target, message.date, place=place)
        answer = await self._kind.run(question)
        if answer is not None:
            self._answers.put(message, asker, answer)
