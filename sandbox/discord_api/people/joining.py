"""Joining and leaving the guild, and what members are called."""

import hashlib

from sandbox.discord_api.permission_bits import Permission
from sandbox.discord_api.permission_checks import permissions_of
from sandbox.discord_api.world import User
from sandbox.errors import SandboxError

from .actors import Actors

__all__ = ["Joining"]

NAME_LENGTH_MAX = 32


class Joining(Actors):
    """Brings people into the guild and out of it, and names them."""

    def join(
        self,
        user_id: int | None = None,
        name: str | None = None,
        *,
        pending: bool = False,
        bot: bool = False,
    ) -> int:
        """A person joins the guild: a known one by id, or a new one. Returns their id.

        A `pending` member stays at membership screening until `pass_screening`. A `bot` is
        another bot, for which the sandbox speaks as it does for people.
        """
        world = self._world
        if user_id is None:
            user_id = world.next_id()
        if user_id in world.applications:
            raise SandboxError(f"user {user_id} is a bot, which the owner invites")
        if user_id in world.guild.members:
            raise SandboxError(f"user {user_id} is in the guild already")
        if user_id in world.guild.bans:
            raise SandboxError(f"user {user_id} is banned from the guild")
        username = (name or f"person{user_id}").lower().replace(" ", "_")
        user = world.users.get(user_id) or User(user_id, username, name, bot=bot)
        self._editor.add_member(user, pending=pending)
        return user_id

    def leave(self, user_id: int) -> None:
        """A member leaves the guild."""
        if user_id == self._world.guild.owner_id:
            raise SandboxError("the owner cannot leave their guild")
        self._member(user_id)
        self._editor.remove_member(user_id)

    def pass_screening(self, user_id: int) -> None:
        """A pending member agrees to the rules of the guild."""
        member = self._member(user_id)
        if not member.pending:
            raise SandboxError(f"user {user_id} has passed membership screening already")
        self._editor.pass_screening(member)

    def set_avatar(self, user_id: int, content: bytes) -> None:
        """A person chooses a picture. The sandbox serves it in each size as it is."""
        world = self._world
        user = world.users.get(user_id)
        if user is None:
            raise SandboxError(f"there is no user {user_id}")
        world.files.pop(user.avatar_file, None)
        user.avatar_file = world.next_id()
        user.avatar = hashlib.md5(content, usedforsecurity=False).hexdigest()
        world.files[user.avatar_file] = content

    def set_nick(self, user_id: int, nick: str | None) -> None:
        """A member sets their nickname in the guild; None removes it."""
        member = self._member(user_id)
        if Permission.CHANGE_NICKNAME not in permissions_of(self._world.guild, member):
            raise SandboxError(f"user {user_id} lacks the permission CHANGE_NICKNAME")
        if nick is not None and not 1 <= len(nick) <= NAME_LENGTH_MAX:
            raise SandboxError(f"a nickname has 1 to {NAME_LENGTH_MAX} characters")
        self._editor.set_nick(member, nick, by=user_id)

    def rename(self, user_id: int, username: str, display_name: str | None) -> None:
        """A person changes their username and display name, everywhere."""
        if not 1 <= len(username) <= NAME_LENGTH_MAX:
            raise SandboxError(f"a username has 1 to {NAME_LENGTH_MAX} characters")
        if display_name is not None and not 1 <= len(display_name) <= NAME_LENGTH_MAX:
            raise SandboxError(f"a display name has 1 to {NAME_LENGTH_MAX} characters")
        self._editor.rename_user(self._user(user_id), username, display_name)

    def open_direct(self, user_id: int, *, bot_id: int | None = None) -> int:
        """A person opens a conversation with a bot (default: the seed's). Returns the channel's id.

        A bot that is not there is refused.
        """
        one = self._world.bot_id if bot_id is None else bot_id
        if one not in self._world.applications:
            raise SandboxError(f"there is no bot {one}")
        return self._editor.as_seen_by(one).open_direct(self._user(user_id).id).id
