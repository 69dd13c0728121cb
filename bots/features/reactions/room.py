"""Reactions to members' messages, on both platforms."""

from bots.features.room import Duty, Room
from bots.runtime.room_services import Services

from .reaction_queue import ReactionQueue


def open_room(services: Services) -> Room:
    """Open the room. Its memory is bounded, and Postgres has what is in it within a second."""
    setting = services.community.earning.reactions
    if not setting.enabled or not (setting.xp or setting.giver_xp):
        return Room()
    queue = ReactionQueue(services)
    return Room(
        duties=(Duty("reactions", queue.run),),
        on_reaction=queue.react,
        settled=queue.settled,
        # Discord names the author of the message in each reaction.
        on_message=queue.note if services.platform == "telegram" else None,
    )
