"""Reactions to messages in the server, for the rooms."""

from collections.abc import Sequence

import discord

from bots.features.recent_reactions import RecentReactions
from bots.features.room import Room, reacted
from db.earning.reactions import Reaction

from .known_members import KnownMembers


class Reactions:
    """Hands on reactions of people to messages of people.

    Discord names the author of the message since 2023, but not whether it is a bot. Messages of
    webhooks name none.
    """

    def __init__(self, rooms: Sequence[Room], known: KnownMembers, guild_id: int) -> None:
        self._rooms = rooms
        self._known = known
        self._recent = RecentReactions()
        self._guild_id = guild_id

    async def add(self, event: discord.RawReactionActionEvent) -> None:
        """Hand on an added reaction."""
        author_id, giver = event.message_author_id, event.member
        if (
            event.guild_id != self._guild_id
            or giver is None
            or giver.bot
            or giver.pending
            or author_id is None
            or author_id == giver.id
        ):
            return
        key = event.channel_id, event.message_id, giver.id
        if not self._recent.is_new(key):
            return
        author = await self._known.look(author_id)
        if author is None:
            self._recent.forget(key)
        if author is None or author.is_bot or not author.is_here:
            return
        reacted(
            self._rooms,
            Reaction(
                place_id=event.channel_id,
                message_id=event.message_id,
                giver_id=giver.id,
                # Discord does not say when; the message says when it was sent.
                reacted_at=discord.utils.utcnow(),
                author_id=author_id,
                sent_at=discord.utils.snowflake_time(event.message_id),
            ),
        )
