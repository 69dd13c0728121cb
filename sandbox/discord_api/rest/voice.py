"""Voice states, and what a moderator changes of a member in a voice channel."""

from sandbox.discord_api import payloads
from sandbox.discord_api.bodies.forms import Flag, Snowflake
from sandbox.discord_api.errors import ApiError, unknown
from sandbox.discord_api.payloads import Json
from sandbox.discord_api.permission_bits import Permission
from sandbox.discord_api.permission_checks import require
from sandbox.discord_api.world import Guild, Member

from .routing import Request, Routes

__all__ = ["apply_voice_changes", "check_voice_changes", "routes"]

routes = Routes()

NEEDED = {
    "mute": Permission.MUTE_MEMBERS,
    "deaf": Permission.DEAFEN_MEMBERS,
    "channel_id": Permission.MOVE_MEMBERS,
}


@routes.add("GET", "/guilds/{guild_id}/voice-states/@me")
def own_voice_state(request: Request) -> Json:
    """The bot's voice state, or 10065."""
    return _voice_state(request, request.world.bot_id)


@routes.add("GET", "/guilds/{guild_id}/voice-states/{user_id}")
def voice_state(request: Request) -> Json:
    """A member's voice state, or 10065."""
    return _voice_state(request, request.id("user_id"))


def _voice_state(request: Request, user_id: int) -> Json:
    state = request.guild().voice_states.get(user_id)
    if state is None:
        raise unknown("Voice State")
    return payloads.voice_state(state, request.world)


def check_voice_changes(request: Request, guild: Guild, one: Member) -> None:
    """Refuse changes without their permission, of members outside, and to other channels."""
    for name, permission in NEEDED.items():
        if name not in request.body:
            continue
        require(guild, request.world.bot, permission)
        if one.user_id not in guild.voice_states:
            raise ApiError(400, 40032, "Target user is not connected to voice.")
        if name != "channel_id":
            Flag().read(request.body[name], name)
        elif request.body[name] is not None:
            channel = request.world.channels.get(int(Snowflake().read(request.body[name], name)))
            if channel is None:
                raise unknown("Channel")
            if not channel.vocal:
                raise ApiError(400, 50024, "Cannot execute action on this channel type")


def apply_voice_changes(request: Request, one: Member) -> None:
    """Make the changes that `check_voice_changes` let through."""
    by, reason, body = request.world.bot_id, request.reason, request.body
    flags = {name: body[name] for name in ("mute", "deaf") if name in body}
    if flags:
        request.editor.set_attributes(one, flags, by=by, reason=reason)
        request.editor.set_voice(request.world.guild.voice_states[one.user_id], {})
    if "channel_id" in body:
        target = None if body["channel_id"] is None else int(body["channel_id"])
        request.editor.move_member(one.user_id, target, by=by, reason=reason)
