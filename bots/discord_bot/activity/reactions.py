"""Reactions to messages in the server, for the rooms."""

from collections.abc import Sequence

import discord

from bots.features.exclusions import Exclusions
from bots.features.posted_messages import MessagePlace
from bots.features.recent_reactions import RecentReactions
from bots.features.room import Room, reacted
from db.earning.reactions import Reaction

from .known_members import KnownMembers
from .posted_messages import place_of


class Reactions:
    """Hands on reactions of people to messages of people.

    Discord names the author of the message since 2023, but not whether it is a bot. Messages of
    webhooks name none.
    """

    def __init__(
        self, rooms: Sequence[Room], known: KnownMembers, exclusions: Exclusions, guild_id: int
    ) -> None:
        self._rooms = rooms
        self._exclusions = exclusions
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
            or self._exclusions.have_account(giver.id, frozenset(giver._roles))
            or self._exclusions.have_place(self._place(giver.guild, event.channel_id))
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
        if self._exclusions.have_account(author_id, author.roles):
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

    @staticmethod
    def _place(guild: discord.Guild, channel_id: int) -> MessagePlace:
        """Return where a message is. discord.py knows all channels, and threads with activity."""
        channel = guild.get_channel_or_thread(channel_id)
        return MessagePlace(channel_id) if channel is None else place_of(channel)
