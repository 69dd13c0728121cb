"""Every channel with its latest messages, as a page shows them to the people in it."""

from collections.abc import Iterable

from . import payloads
from .interactions import Interactions
from .payloads import Json
from .world import Message, World

__all__ = ["chat_views"]

#: Interactions that are shown: enough for everybody who plays at once.
INTERACTIONS_SHOWN = 20


def chat_views(world: World, interactions: Interactions, latest: int) -> Json:
    """Return all channels with their `latest` messages, oldest first, and what belongs to them.

    Bots do not see all of it: the users behind each reaction, ephemeral messages of other bots, and
    which modal a person has open.
    """
    found: dict[int, list[Message]] = {channel_id: [] for channel_id in world.channels}
    for message in world.messages.values():
        found[message.channel_id].append(message)
    community = payloads.community(world)
    return {
        "guild": community["guild"] | {"owner_id": str(world.guild.owner_id)},
        **{name: community[name] for name in ("roles", "members", "bots", "commands")},
        "channels": [
            payloads.channel(channel, world)
            | ({} if channel.bot_id is None else {"bot_id": str(channel.bot_id)})
            | ({} if channel.thread is None else {"members": _ids(channel.thread.members)})
            | {"messages": [_message(one, world) for one in found[channel.id][-latest:]]}
            for channel in world.channels.values()
        ],
        "voice_states": [
            payloads.voice_state(one, world) for one in world.guild.voice_states.values()
        ],
        "presences": [payloads.presence(user_id, world) for user_id in world.guild.presences],
        "modals": [
            {
                "interaction_id": str(one.id),
                "bot_id": str(one.bot_id),
                "user_id": str(one.user_id),
                "channel_id": str(one.channel_id),
                "modal": one.modal,
            }
            for one in interactions.showing_modals()
        ],
        "interactions": interactions.latest(INTERACTIONS_SHOWN),
    }


def _message(one: Message, world: World) -> Json:
    """Return a message with the users of each reaction, and who alone sees it."""
    shown = payloads.message(one, world)
    shown["reacted"] = {reaction.emoji: _ids(reaction.user_ids) for reaction in one.reactions}
    shown["visible_to"] = None if one.visible_to is None else str(one.visible_to)
    return shown


def _ids(numbers: Iterable[int]) -> list[str]:
    return [str(number) for number in numbers]
