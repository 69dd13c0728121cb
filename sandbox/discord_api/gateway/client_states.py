"""States that the bot's client sets itself: its presence, and its place in voice channels."""

from typing import Any

from sandbox.discord_api.editing import WorldEditor
from sandbox.discord_api.permission_bits import Permission
from sandbox.discord_api.permission_checks import permissions_in
from sandbox.discord_api.world import Presence

__all__ = ["STATUSES", "connect_bot", "presence_from"]

STATUSES = frozenset({"online", "idle", "dnd", "invisible", "offline"})


def presence_from(said: Any) -> Presence | None:
    """Return the presence of an op 3 or of an identify, or None if it cannot be read."""
    if not isinstance(said, dict) or said.get("status") not in STATUSES:
        return None
    activities = said.get("activities") or []
    if not isinstance(activities, list):
        return None
    return Presence(said["status"], [{"created_at": 0} | one for one in activities])


def connect_bot(said: Any, editor: WorldEditor) -> bool:
    """Connect the bot as an op 4 asks, and return whether it is connected now.

    Discord ignores a channel that does not exist, and one that the bot may not enter.
    """
    world = editor.world
    if int(said["guild_id"]) != world.guild.id or not world.installed:
        return False
    if said["channel_id"] is None:
        editor.disconnect(world.bot_id)
        return False
    channel = world.channels.get(int(said["channel_id"]))
    if channel is None or not channel.vocal:
        return False
    if Permission.CONNECT not in permissions_in(world, world.bot, channel):
        return False
    flags = {name: bool(said.get(name)) for name in ("self_mute", "self_deaf")}
    editor.connect(world.bot_id, channel.id, **flags)
    return True
