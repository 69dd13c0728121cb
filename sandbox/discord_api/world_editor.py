"""Changes to the world. Each one adds its audit-log line and sends its gateway events.

Nothing here checks whether a change is allowed: the caller has done so.
"""

from typing import Any, Protocol

from . import payloads
from .message_bodies import EPHEMERAL, Draft, apply_mentions
from .payloads import Json
from .permission_bits import Permission
from .permission_checks import permissions_of
from .snowflakes import now
from .world import DIRECT_CHANNEL, AuditEntry, Channel, Member, Message, Role, User, World

__all__ = ["Emit", "WorldEditor"]

MEMBER_KICK, MEMBER_BAN_ADD, MEMBER_BAN_REMOVE = 20, 22, 23
MEMBER_UPDATE, MEMBER_ROLE_UPDATE = 24, 25
ROLE_CREATE, ROLE_UPDATE, ROLE_DELETE = 30, 31, 32
MESSAGE_DELETE = 72

FLAG_DID_REJOIN = 1 << 0


class Emit(Protocol):
    """Sends an event to the bot's sessions; a `direct` one happened outside the guild."""

    def __call__(self, event: str, payload: Json, *, direct: bool = False) -> None: ...


class WorldEditor:
    """Changes the world, and announces each change."""

    def __init__(self, world: World, emit: Emit) -> None:
        self.world = world
        self._emit = emit

    # Members

    def add_member(self, user: User, *, pending: bool) -> Member:
        """Add a user to the guild, without roles; `pending` until they pass screening."""
        guild = self.world.guild
        self.world.users[user.id] = user
        flags = FLAG_DID_REJOIN if user.id in guild.departed else 0
        member = Member(user.id, now(), pending=pending, flags=flags)
        guild.members[user.id] = member
        self._guild_event("GUILD_MEMBER_ADD", payloads.member(member, self.world.users))
        return member

    def remove_member(self, user_id: int) -> None:
        """Remove a member and their roles."""
        guild = self.world.guild
        del guild.members[user_id]
        guild.departed.add(user_id)
        user = payloads.user(self.world.users[user_id])
        self._guild_event("GUILD_MEMBER_REMOVE", {"user": user})

    def pass_screening(self, member: Member) -> None:
        """Record that a pending member has agreed to the rules."""
        member.pending = False
        self._member_updated(member)

    def set_roles(
        self, member: Member, role_ids: list[int], *, by: int, reason: str | None = None
    ) -> None:
        """Set a member's roles. If they hold exactly these already, nothing is announced."""
        added = [role_id for role_id in role_ids if role_id not in member.roles]
        removed = [role_id for role_id in member.roles if role_id not in role_ids]
        if not added and not removed:
            return
        member.roles = sorted(role_ids)
        changes = [
            {"key": key, "new_value": [self._role_name(role_id) for role_id in ids]}
            for key, ids in [("$add", added), ("$remove", removed)]
            if ids
        ]
        self._log(MEMBER_ROLE_UPDATE, by, member.user_id, changes, reason)
        self._member_updated(member)

    def set_nick(
        self, member: Member, nick: str | None, *, by: int, reason: str | None = None
    ) -> None:
        """Set a member's nickname; None removes it."""
        if nick == member.nick:
            return
        changes = _changes({"nick": (member.nick, nick)})
        member.nick = nick
        self._log(MEMBER_UPDATE, by, member.user_id, changes, reason)
        self._member_updated(member)

    def kick(self, member: Member, *, by: int, reason: str | None = None) -> None:
        """Remove a member from the guild."""
        self._log(MEMBER_KICK, by, member.user_id, [], reason)
        self.remove_member(member.user_id)

    def ban(self, user_id: int, *, by: int, reason: str | None = None) -> None:
        """Ban a user, and remove them if they are a member."""
        guild = self.world.guild
        guild.bans[user_id] = reason
        self._log(MEMBER_BAN_ADD, by, user_id, [], reason)
        self._guild_event("GUILD_BAN_ADD", {"user": payloads.user(self.world.users[user_id])})
        if user_id in guild.members:
            self.remove_member(user_id)

    def unban(self, user_id: int, *, by: int, reason: str | None = None) -> None:
        """Lift a user's ban."""
        del self.world.guild.bans[user_id]
        self._log(MEMBER_BAN_REMOVE, by, user_id, [], reason)
        self._guild_event("GUILD_BAN_REMOVE", {"user": payloads.user(self.world.users[user_id])})

    def evict_bot(self) -> None:
        """Remove the bot from the guild; it no longer sees anything in it."""
        self.world.installed = False
        self._emit("GUILD_DELETE", {"id": str(self.world.guild.id)})

    # Roles

    def create_role(self, role: Role, *, by: int, reason: str | None = None) -> None:
        """Add a role just above @everyone; all others move up."""
        roles = self.world.guild.roles
        for other in roles.values():
            if other.position >= role.position:
                other.position += 1
        roles[role.id] = role
        changes = _changes(
            {"name": (None, role.name), "permissions": (None, str(role.permissions))}
        )
        self._log(ROLE_CREATE, by, role.id, changes, reason)
        self._role_event("GUILD_ROLE_CREATE", role)

    def edit_role(
        self, role: Role, values: dict[str, Any], *, by: int, reason: str | None = None
    ) -> None:
        """Set attributes of a role."""
        before = {name: getattr(role, name) for name in values}
        for name, value in values.items():
            setattr(role, name, value)
        changes = _changes({name: (before[name], values[name]) for name in values})
        if changes:
            self._log(ROLE_UPDATE, by, role.id, changes, reason)
            self._role_event("GUILD_ROLE_UPDATE", role)

    def move_roles(self, order: list[Role], *, by: int, reason: str | None = None) -> None:
        """Put the roles in this order, lowest first, @everyone not among them."""
        for position, role in enumerate(order, start=1):
            self.edit_role(role, {"position": position}, by=by, reason=reason)

    def delete_role(self, role: Role, *, by: int, reason: str | None = None) -> None:
        """Delete a role and take it from its holders. Discord announces the role only."""
        guild = self.world.guild
        del guild.roles[role.id]
        for member in guild.members.values():
            member.roles = [role_id for role_id in member.roles if role_id != role.id]
        self._log(ROLE_DELETE, by, role.id, _changes({"name": (role.name, None)}), reason)
        self._guild_event("GUILD_ROLE_DELETE", {"role_id": str(role.id)})

    # Channels and messages

    def open_direct(self, user_id: int) -> Channel:
        """Return the direct channel between the bot and a user, which is created on first use."""
        for channel in self.world.channels.values():
            if channel.recipient_id == user_id:
                return channel
        channel = Channel(self.world.next_id(), "", type=DIRECT_CHANNEL, recipient_id=user_id)
        self.world.channels[channel.id] = channel
        return channel

    def write(self, channel_id: int, author_id: int, draft: Draft, **attributes: Any) -> Message:
        """Post a message; `attributes` are further fields of Message."""
        message = Message(
            id=self.world.next_id(),
            channel_id=channel_id,
            author_id=author_id,
            content=draft.content,
            timestamp=now(),
            flags=draft.flags,
            embeds=draft.embeds,
            components=draft.components,
            **attributes,
        )
        apply_mentions(message, draft, self.world)
        self.world.remember(message)
        self._message_event("MESSAGE_CREATE", message)
        return message

    def rewrite(self, message: Message, draft: Draft) -> None:
        """Replace the content of a message."""
        message.content = draft.content
        message.embeds = draft.embeds
        message.components = draft.components
        message.flags = draft.flags
        message.edited_timestamp = now()
        apply_mentions(message, draft, self.world)
        self._message_event("MESSAGE_UPDATE", message)

    def erase(self, message: Message, *, by: int, reason: str | None = None) -> None:
        """Delete a message. Deleting another author's message adds an audit-log line."""
        channel = self.world.channels[message.channel_id]
        del self.world.messages[message.id]
        if by != message.author_id and not channel.direct:
            self._log(MESSAGE_DELETE, by, message.author_id, [], reason)
        if message.flags & EPHEMERAL:
            return
        gone = {"id": str(message.id), "channel_id": str(channel.id)}
        if not channel.direct:
            gone["guild_id"] = str(self.world.guild.id)
        self._emit("MESSAGE_DELETE", gone, direct=channel.direct)

    # Announcements

    def _member_updated(self, member: Member) -> None:
        self._guild_event("GUILD_MEMBER_UPDATE", payloads.member(member, self.world.users))

    def _role_name(self, role_id: int) -> Json:
        return {"id": str(role_id), "name": self.world.guild.roles[role_id].name}

    def _role_event(self, event: str, role: Role) -> None:
        self._guild_event(event, {"role": payloads.role(role, bot_id=self.world.bot_id)})

    def _guild_event(self, event: str, payload: Json) -> None:
        if self.world.installed:
            self._emit(event, payload | {"guild_id": str(self.world.guild.id)})

    def _message_event(self, event: str, message: Message) -> None:
        direct = self.world.channels[message.channel_id].direct
        if message.flags & EPHEMERAL or not (direct or self.world.installed):
            return
        self._emit(event, payloads.message_event(message, self.world), direct=direct)

    def _log(
        self, action: int, by: int, target: int, changes: list[Json], reason: str | None
    ) -> None:
        entry = AuditEntry(self.world.next_id(), action, by, target, changes, reason)
        self.world.log(entry)
        guild, bot = self.world.guild, self.world.guild.members.get(self.world.bot_id)
        if bot is not None and Permission.VIEW_AUDIT_LOG in permissions_of(guild, bot):
            self._guild_event("GUILD_AUDIT_LOG_ENTRY_CREATE", payloads.audit_entry(entry))


def _changes(values: dict[str, tuple[Any, Any]]) -> list[Json]:
    """Return the audit log's list of changed attributes, with old and new values."""
    changes = []
    for key, (old, new) in values.items():
        if old != new:
            change = {"key": key, "old_value": old, "new_value": new}
            changes.append({name: value for name, value in change.items() if value is not None})
    return changes
