"""Actions of the guild's owner and of its integrations, which no bot caused."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Protocol

from sandbox.discord_api.channel_types import CATEGORY, TEXT
from sandbox.discord_api.editing import WorldEditor
from sandbox.discord_api.permission_bits import bits
from sandbox.discord_api.world import (
    Application,
    Channel,
    Member,
    Overwrite,
    Role,
    User,
    World,
)
from sandbox.errors import SandboxError

__all__ = ["OwnerActions"]

NAME_LENGTH_MAX, NICK_LENGTH_MAX = 100, 32
BOT_NAME_MIN, BOT_NAME_MAX = 2, 32
#: The characters of a token, since it stands in a header.
TOKEN = re.compile(r"[!-~]+")


class ShowGuild(Protocol):
    """Sends a bot's sessions the guild, which it has `joined` or which is available again."""

    def __call__(self, bot_id: int, *, joined: bool) -> None: ...


class OwnerActions:
    """Acts for the owner. An impossible action raises SandboxError with a sentence."""

    def __init__(self, editor: WorldEditor, show_guild: ShowGuild) -> None:
        self._editor = editor
        self._show_guild = show_guild
        self._guild = editor.world.guild

    def give_role(self, user_id: int, role_id: int) -> None:
        """Give a member a role; a managed role as its integration would."""
        member, role = self._member(user_id), self._role(role_id)
        held = list({*member.roles, role.id})
        self._editor.set_roles(member, held, by=self._guild.owner_id)

    def take_role(self, user_id: int, role_id: int) -> None:
        """Take a role from a member."""
        member, role = self._member(user_id), self._role(role_id)
        kept = [held for held in member.roles if held != role.id]
        self._editor.set_roles(member, kept, by=self._guild.owner_id)

    def set_permissions(self, role_id: int, *names: str) -> None:
        """Set the permissions of a role, such as "MANAGE_ROLES"."""
        values = {"permissions": bits(names)}
        self._editor.edit_role(self._role(role_id), values, by=self._guild.owner_id)

    def move_role(self, role_id: int, *, above: int) -> None:
        """Move a role to the position just above another one."""
        role, below = self._role(role_id), self._role(above)
        order = sorted(self._guild.roles.values(), key=lambda one: (one.position, -one.id))
        order.remove(role)
        order.insert(order.index(below) + 1, role)
        self._editor.move_roles(order[1:], by=self._guild.owner_id)

    def delete_role(self, role_id: int) -> None:
        """Delete a role other than @everyone."""
        role = self._role(role_id)
        if role.id == self._guild.id:
            raise SandboxError("@everyone cannot be deleted")
        self._editor.delete_role(role, by=self._guild.owner_id)

    # Members

    def set_nick(self, user_id: int, nick: str | None) -> None:
        """Set a member's nickname; None removes it."""
        if nick is not None and not 1 <= len(nick) <= NICK_LENGTH_MAX:
            raise SandboxError(f"a nickname has 1 to {NICK_LENGTH_MAX} characters")
        self._editor.set_nick(self._member(user_id), nick, by=self._guild.owner_id)

    def time_out(self, user_id: int, until: datetime | None) -> None:
        """Forbid a member to write and speak until a moment; None ends it.

        A moment without an offset is in UTC.
        """
        if until is not None and until.tzinfo is None:
            until = until.replace(tzinfo=UTC)
        moment = None if until is None else until.isoformat()
        values = {"timed_out_until": moment}
        self._editor.set_attributes(self._member(user_id), values, by=self._guild.owner_id)

    def exclude(self, user_id: int, action: str) -> None:
        """Kick or ban a person, or lift their ban; `action` says which."""
        owner_id = self._guild.owner_id
        if user_id == owner_id or user_id in self._editor.world.applications:
            raise SandboxError("neither the owner nor a bot can be kicked or banned here")
        if action == "kick":
            self._editor.kick(self._member(user_id), by=owner_id)
        elif user_id not in self._editor.world.users:
            raise SandboxError(f"there is no user {user_id}")
        elif (user_id in self._guild.bans) == (action == "ban"):
            raise SandboxError(f"the action {action} changes nothing for user {user_id}")
        elif action == "ban":
            self._editor.ban(user_id, by=owner_id)
        else:
            self._editor.unban(user_id, by=owner_id)

    def set_voice(self, user_id: int, **flags: bool) -> None:
        """Mute or deafen a member for everybody (`mute`, `deaf`)."""
        member, state = self._member(user_id), self._guild.voice_states.get(user_id)
        if state is None:
            raise SandboxError(f"user {user_id} is in no voice channel")
        self._editor.set_attributes(member, dict(flags), by=self._guild.owner_id)
        self._editor.set_voice(state, {})

    def move_member(self, user_id: int, channel_id: int | None) -> None:
        """Move a member to another voice channel, or without one disconnect them."""
        if user_id not in self._guild.voice_states:
            raise SandboxError(f"user {user_id} is in no voice channel")
        channel = None if channel_id is None else self._channel(channel_id)
        if channel is not None and not channel.vocal:
            raise SandboxError(f"channel {channel_id} is no voice channel")
        self._editor.move_member(user_id, channel_id, by=self._guild.owner_id)

    # Channels

    def create_channel(self, name: str, kind: int = TEXT, parent_id: int | None = None) -> int:
        """Create a channel of a type, perhaps in a category. Returns its id."""
        if not 1 <= len(name) <= NAME_LENGTH_MAX:
            raise SandboxError(f"a channel's name has 1 to {NAME_LENGTH_MAX} characters")
        if parent_id is not None and self._channel(parent_id).type != CATEGORY:
            raise SandboxError(f"channel {parent_id} is no category")
        world = self._editor.world
        channel = Channel(world.next_id(), name, kind, parent_id=parent_id)
        channel.position = len(world.guild_channels)
        self._editor.create_channel(channel, by=self._guild.owner_id)
        return channel.id

    def rename_channel(self, channel_id: int, name: str) -> None:
        """Give a channel or thread another name."""
        if not 1 <= len(name) <= NAME_LENGTH_MAX:
            raise SandboxError(f"a channel's name has 1 to {NAME_LENGTH_MAX} characters")
        channel = self._channel(channel_id)
        self._editor.edit_channel(channel, {"name": name}, by=self._guild.owner_id)

    def set_overwrite(
        self, channel_id: int, target: int, *, allow: Iterable[str] = (), deny: Iterable[str] = ()
    ) -> None:
        """Set the permissions of a role or member in a channel; neither removes the overwrite."""
        channel = self._channel(channel_id)
        of_member = target in self._guild.members
        if not of_member:
            self._role(target)
        overwrite = Overwrite(bits(allow), bits(deny), of_member)
        changed = overwrite if overwrite.allow or overwrite.deny else None
        self._editor.set_overwrite(channel, target, changed, by=self._guild.owner_id)

    def archive_thread(
        self, channel_id: int, *, archived: bool = True, locked: bool = False
    ) -> None:
        """Archive a thread or bring it back; only moderators write in a locked one."""
        channel = self._channel(channel_id)
        if channel.thread is None:
            raise SandboxError(f"channel {channel_id} is no thread")
        values = {"archived": archived, "locked": locked}
        self._editor.edit_channel(channel, values, by=self._guild.owner_id)

    def delete_channel(self, channel_id: int) -> None:
        """Delete a channel or a thread."""
        self._editor.delete_channel(self._channel(channel_id), by=self._guild.owner_id)

    # Bots and the guild

    def add_bot(
        self, username: str, *, token: str | None = None, permissions: Iterable[str] = ()
    ) -> tuple[int, str]:
        """A further bot comes into the guild. Returns its id, and the token that drives it.

        With `permissions` it has a managed role, just above @everyone.
        """
        world = self._editor.world
        if not BOT_NAME_MIN <= len(username) <= BOT_NAME_MAX:
            raise SandboxError(f"a bot's name has {BOT_NAME_MIN} to {BOT_NAME_MAX} characters")
        granted, bot_id = bits(permissions), world.next_id()
        token = token or f"SANDBOX.DISCORD.{bot_id}"
        if world.bot_with(token) is not None or not TOKEN.fullmatch(token):
            raise SandboxError(f"{token!r} is no token of a new bot")
        world.users[bot_id] = User(bot_id, username, bot=True)
        world.applications[bot_id] = Application(token)
        if granted:
            role = Role(world.next_id(), username, 1, granted, managed_by="bot", bot_id=bot_id)
            self._editor.create_role(role, by=self._guild.owner_id)
        self.invite_bot(bot_id)
        return bot_id, token

    def kick_bot(self, bot_id: int | None = None) -> None:
        """Remove a bot (default: the seed's) from the guild. Its managed role stays."""
        view = self._view_of(bot_id)
        if not view.installed:
            raise SandboxError("the bot is not in the guild")
        self._editor.kick(view.bot, by=self._guild.owner_id)

    def invite_bot(self, bot_id: int | None = None) -> None:
        """Bring a bot (default: the seed's) into the guild, with its managed role alone."""
        view = self._view_of(bot_id)
        if view.installed:
            raise SandboxError("the bot is in the guild already")
        if view.bot_id in self._guild.bans:
            raise SandboxError("the bot is banned from the guild")
        self._editor.admit_bot(view.users[view.bot_id], by=self._guild.owner_id)
        self._show_guild(view.bot_id, joined=True)

    def set_available(self, *, available: bool) -> None:
        """Begin an outage of the guild, or end it."""
        if self._guild.unavailable is not available:
            raise SandboxError(f"the guild is {'' if available else 'un'}available already")
        self._editor.set_available(available=available)
        for bot_id in self._editor.world.applications if available else ():
            if bot_id in self._guild.members:
                self._show_guild(bot_id, joined=False)

    def refuse_direct_messages(self, user_id: int, *, refused: bool = True) -> None:
        """A person closes their direct messages to members of the guild, or opens them."""
        user = self._editor.world.users[self._member(user_id).user_id]
        user.accepts_direct_messages = not refused

    def _view_of(self, bot_id: int | None) -> World:
        """Return the world as a bot sees it; the seed's, if none is named."""
        world = self._editor.world
        if bot_id is not None and bot_id not in world.applications:
            raise SandboxError(f"there is no bot {bot_id}")
        return world if bot_id is None else world.as_seen_by(bot_id)

    def _member(self, user_id: int) -> Member:
        member = self._guild.members.get(user_id)
        if member is None:
            raise SandboxError(f"user {user_id} is not in the guild")
        return member

    def _channel(self, channel_id: int) -> Channel:
        channel = self._editor.world.channels.get(channel_id)
        if channel is None or channel.direct:
            raise SandboxError(f"there is no channel {channel_id}")
        return channel

    def _role(self, role_id: int) -> Role:
        role = self._guild.roles.get(role_id)
        if role is None:
            raise SandboxError(f"there is no role {role_id}")
        return role
