"""GUILD_CREATE: the guild as one session sees it."""

from sandbox.discord_api import payloads
from sandbox.discord_api.payloads import Json
from sandbox.discord_api.world import World

from .intents import Intent
from .sessions import Session

__all__ = ["guild_for"]


def guild_for(session: Session, world: World) -> Json:
    """Return GUILD_CREATE for a session.

    All members stand in it only for a small guild with the presences intent; else it has the bot
    and the members in voice channels.
    """
    members = world.guild.members
    large = len(members) > session.large_threshold
    present = Intent.GUILD_PRESENCES in session.intents
    connected = world.guild.voice_states if Intent.GUILD_VOICE_STATES in session.intents else {}
    inline = [world.bot, *(members[one] for one in connected if one != world.bot_id)]
    if present and not large:
        inline = list(members.values())
    shown = payloads.gateway_guild(world, large=large, members=inline, presences=present)
    if Intent.GUILD_VOICE_STATES not in session.intents:
        shown["voice_states"] = []
    return shown
