"""A person's place: which channels and messages they see, and what they may do there."""

from datetime import UTC, datetime

from sandbox.discord_api.editing import Emit, WorldEditor
from sandbox.discord_api.interactions import Interactions
from sandbox.discord_api.permission_bits import Permission
from sandbox.discord_api.permission_checks import permissions_in
from sandbox.discord_api.world import Channel, Member, Message, User, World
from sandbox.errors import SandboxError

__all__ = ["Actors"]


class Actors:
    """Acts for people. An impossible action raises SandboxError with a sentence."""

    def __init__(self, editor: WorldEditor, interactions: Interactions, emit: Emit) -> None:
        self._editor = editor
        self._interactions = interactions
        self._emit = emit

    @property
    def _world(self) -> World:
        return self._editor.world

    def _channel_of(self, channel_id: int, user_id: int, permission: Permission) -> Channel:
        """Return the channel, if this person has the permission there."""
        world = self._world
        channel = world.channels.get(channel_id)
        if channel is None:
            raise SandboxError(f"there is no channel {channel_id}")
        if channel.direct:
            if channel.recipient_id != user_id:
                raise SandboxError(f"user {user_id} is not in the direct channel {channel_id}")
            return channel
        member = self._member(user_id)
        if member.pending:
            raise SandboxError(f"user {user_id} has not passed membership screening")
        if channel.is_thread and permission is Permission.SEND_MESSAGES:
            permission = Permission.SEND_MESSAGES_IN_THREADS
        if permission not in permissions_in(world, member, channel):
            raise SandboxError(f"user {user_id} lacks the permission {permission.name}")
        if permission is not Permission.VIEW_CHANNEL and _timed_out(member):
            raise SandboxError(f"user {user_id} is timed out until {member.timed_out_until}")
        return channel

    def _message_of(self, channel_id: int, message_id: int, user_id: int) -> Message:
        """Return the message, if it is in this channel and this person sees it."""
        message = self._world.messages.get(message_id)
        if message is None or message.channel_id != channel_id:
            raise SandboxError(f"there is no message {message_id} in channel {channel_id}")
        if message.visible_to not in (None, user_id):
            raise SandboxError(f"user {user_id} does not see the ephemeral message {message_id}")
        return message

    def _member(self, user_id: int) -> Member:
        member = self._world.guild.members.get(user_id)
        if member is None:
            raise SandboxError(f"user {user_id} is not in the guild")
        return member

    def _user(self, user_id: int) -> User:
        user = self._world.users.get(user_id)
        if user is None:
            raise SandboxError(f"there is no user {user_id}")
        return user


def _timed_out(member: Member) -> bool:
    if member.timed_out_until is None:
        return False
    return datetime.fromisoformat(member.timed_out_until) > datetime.now(UTC)
