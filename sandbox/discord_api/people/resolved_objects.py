"""Resolved objects: the users, members, roles, channels and files that an interaction names."""

from collections.abc import Collection

from sandbox.discord_api import payloads
from sandbox.discord_api.payloads import Json
from sandbox.discord_api.permission_checks import permissions_in
from sandbox.discord_api.world import Attachment, Message, World
from sandbox.errors import SandboxError

__all__ = ["CHANNELS", "ROLES", "USERS", "Resolved"]

USERS, ROLES, CHANNELS = "users", "roles", "channels"


class Resolved:
    """Collects the objects of one interaction, by kind and id."""

    def __init__(self, world: World, user_id: int) -> None:
        self._world = world
        self._user_id = user_id
        self.found: dict[str, dict[str, Json]] = {}

    def add(self, target: int, kinds: Collection[str], what: str) -> None:
        """Add the user, role or channel with this id. Raises SandboxError if there is none."""
        world = self._world
        if USERS in kinds and target in world.users:
            self._put(USERS, target, payloads.user(world.users[target]))
            member = world.guild.members.get(target)
            if member is not None:
                self._put("members", target, payloads.resolved_member(member, world))
        elif ROLES in kinds and target in world.guild.roles:
            self._put(ROLES, target, payloads.role(world.guild.roles[target]))
        elif CHANNELS in kinds and target in world.channels:
            shown = payloads.channel(world.channels[target], world)
            member = world.guild.members.get(self._user_id)
            if member is not None:
                shown["permissions"] = str(
                    int(permissions_in(world, member, world.channels[target]))
                )
            self._put(CHANNELS, target, shown)
        else:
            raise SandboxError(f"{what} was given {target}: there is no such one")

    def add_message(self, message: Message) -> None:
        """Add the message on which a command of a context menu was used."""
        self._put("messages", message.id, payloads.message(message, self._world))

    def add_file(self, file: Attachment) -> None:
        """Add an uploaded file."""
        self._put("attachments", file.id, payloads.attachment(file, self._world))

    def _put(self, kind: str, target: int, shown: Json) -> None:
        self.found.setdefault(kind, {})[str(target)] = shown
