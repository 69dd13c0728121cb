"""Replies of members to each other, for the rooms that want to see some of them.

They need the privileged Message Content Intent: without it Discord hides what members write.
"""

from collections.abc import Sequence

import aiohttp
import discord
import structlog

from bots.features.command import Answer, Asker, GroupReply, Question, Target
from bots.features.room import Room, replies_of
from bots.texts.languages import Texts
from config.discord_answers import UNREADABLE

from .known_members import KnownMembers
from .posted_messages import place_of

log = structlog.get_logger("twinstream.discord_bot")


class Replies:
    """Hands replies on, and answers them where the room wants it."""

    def __init__(self, rooms: Sequence[Room], known: KnownMembers, texts: Texts) -> None:
        """`texts`: the language of the server; a message does not tell its author's."""
        self._kinds = replies_of(rooms)
        self._known = known
        self._texts = texts

    async def see(self, message: discord.Message) -> None:
        """Look at a message that a member wrote by themselves."""
        reference = message.reference
        if (
            not self._kinds
            or message.type is not discord.MessageType.reply
            or reference is None
            or not isinstance(reference.resolved, discord.Message)
            or reference.resolved.webhook_id is not None
        ):
            return
        for kind in self._kinds:
            if kind.recognises(message.content):
                await self._ask(kind, message, reference.resolved.author)
                return

    async def _ask(
        self,
        kind: GroupReply,
        message: discord.Message,
        author: discord.User | discord.Member,
    ) -> None:
        seen = await self._known.look(author.id)
        is_here = None if seen is None else seen.is_here
        name = author.display_name if seen is None or seen.name is None else seen.name
        assert isinstance(message.author, discord.Member)
        roles = frozenset(message.author._roles)
        asker = Asker(message.author.id, message.author.display_name, self._texts, roles)
        theirs = frozenset[int]() if seen is None else seen.roles
        target = Target(author.id, name, author.bot, is_here, theirs)
        question = Question(
            asker,
            message.content,
            str(message.id),
            target,
            message.created_at,
            place=place_of(message.channel),
        )
        answer = await kind.run(question)
        if answer is not None:
            await self._send(message, answer)

    async def _send(self, message: discord.Message, answer: Answer) -> None:
        try:
            await message.reply(
                answer.text,
                mention_author=False,
                silent=True,
                suppress_embeds=True,
                allowed_mentions=discord.AllowedMentions.none(),
            )
        except (discord.DiscordException, aiohttp.ClientError, OSError, *UNREADABLE) as error:
            log.warning("answer.failed", message_id=message.id, why=str(error))
