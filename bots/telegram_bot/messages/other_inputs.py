"""Answers to what no other handler understands, so that nobody takes the bot for dead.

In private the bot answers everything that a person can send. In the group it answers its own
commands, and an unknown command only if that is addressed to it by name: other bots live there too.
"""

import re
from collections import OrderedDict
from typing import Final

from aiogram import F, Router
from aiogram.enums import ChatType, ContentType
from aiogram.filters import Command as IsCommand
from aiogram.filters import CommandObject
from aiogram.types import Message

from bots.features.command import Answer, Asker
from bots.texts.markup import Markup
from bots.texts.names import shortened

from . import texts
from .commands import Answers

#: Contents that a person sends. All others are news of the chat, such as a pinned message.
INPUTS: Final = frozenset(
    {
        ContentType.UNKNOWN,  # a kind that this release of aiogram does not know
        ContentType.TEXT,
        ContentType.RICH_MESSAGE,
        ContentType.ANIMATION,
        ContentType.AUDIO,
        ContentType.DOCUMENT,
        ContentType.LIVE_PHOTO,
        ContentType.PAID_MEDIA,
        ContentType.PHOTO,
        ContentType.STICKER,
        ContentType.STORY,
        ContentType.VIDEO,
        ContentType.VIDEO_NOTE,
        ContentType.VOICE,
        ContentType.CHECKLIST,
        ContentType.CONTACT,
        ContentType.DICE,
        ContentType.GAME,
        ContentType.POLL,
        ContentType.VENUE,
        ContentType.LOCATION,
        ContentType.INVOICE,
        ContentType.GIVEAWAY,
    }
)
#: Accounts whose last album is remembered: an album is many messages and gets one answer.
ALBUMS_MAX: Final = 1_000
_ANY: Final = re.compile(r".+", re.DOTALL)


def add_other_inputs(router: Router, answers: Answers, mark: Markup) -> None:
    """Register the handlers, after all others."""
    handlers = OtherInputs(answers, mark)
    router.message.register(handlers.unknown_command, IsCommand(_ANY, magic=F.mention))
    is_private = F.chat.type == ChatType.PRIVATE
    router.message.register(handlers.unknown_command, is_private, IsCommand(_ANY))
    router.message.register(handlers.anything, is_private, F.content_type.in_(INPUTS))


class OtherInputs:
    """The answers. They say nothing of the community, so strangers get them as well."""

    def __init__(self, answers: Answers, mark: Markup) -> None:
        self._answers = answers
        self._mark = mark
        self._albums: OrderedDict[int, str] = OrderedDict()

    async def unknown_command(self, message: Message, command: CommandObject, asker: Asker) -> None:
        """Answer a command that no room has."""
        written = self._mark.code(shortened(f"/{command.command}"))
        self._answers.put(message, asker, Answer(texts.unknown_command(written, asker.texts)))

    async def anything(self, message: Message, asker: Asker) -> None:
        """Answer what is no command, once for all pictures of an album."""
        album = message.media_group_id
        if album is not None and self._albums.get(asker.account_id) == album:
            return
        if album is not None:
            self._albums[asker.account_id] = album
            self._albums.move_to_end(asker.account_id)
            if len(self._albums) > ALBUMS_MAX:
                self._albums.popitem(last=False)
        self._answers.put(message, asker, Answer(texts.not_understood(asker.texts)))
