"""Reactions to messages in the group, for the rooms.

Telegram tells only administrators of them, and only who asks for them. It does not name the author
of the message: the room knows the authors of the last messages.
"""

from collections.abc import Collection, Sequence

from aiogram import F, Router
from aiogram.types import MessageReactionUpdated

from bots.features.room import Room, reacted
from db.earning.reactions import Reaction


def add_reactions(router: Router, rooms: Sequence[Room], chats: Collection[int]) -> None:
    """Register the handler, if a room wants reactions; aiogram then asks Telegram for them."""
    if all(room.on_reaction is None for room in rooms):
        return

    async def react(update: MessageReactionUpdated) -> None:
        reaction = reaction_of(update)
        if reaction is not None:
            reacted(rooms, reaction)

    router.message_reaction.register(react, F.chat.id.in_(frozenset(chats)))


def reaction_of(update: MessageReactionUpdated) -> Reaction | None:
    """Return the first reaction of a person to a message; None for any other change. Pure.

    A person who reacts in the name of the group or of a channel cannot be told. One who exchanges a
    reaction for another one, or takes it away, reacted before.
    """
    user = update.user
    if user is None or user.is_bot or update.actor_chat is not None:
        return None
    if update.old_reaction or not update.new_reaction:
        return None
    return Reaction(
        place_id=update.chat.id,
        message_id=update.message_id,
        giver_id=user.id,
        reacted_at=update.date,
    )
