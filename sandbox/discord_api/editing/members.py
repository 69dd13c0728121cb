"""Changes of members: who is in the guild, with which roles, names and permissions."""

from sandbox.discord_api import payloads
from sandbox.discord_api.payloads import Json
from sandbox.discord_api.snowflakes import now
from sandbox.discord_api.world import Member, User

from .announcements import Announcer, changes_of

__all__ = ["MemberEditor"]

MEMBER_KICK, MEMBER_BAN_ADD, MEMBER_BAN_REMOVE = 20, 22, 23
MEMBER_UPDATE, MEMBER_ROLE_UPDATE, BOT_ADD = 24, 25, 28
FLAG_DID_REJOIN = 1 << 0
#: How the audit log calls attributes that it names otherwise than we do.
AUDIT_KEYS = {"timed_out_until": "communication_disabled_until"}


class MemberEditor(Announcer):
    """Adds, removes and changes members."""

    def add_member(self, user: User, *, pending: bool = False) -> Member:
        """Add a user to the guild; `pending` until they pass screening.

        A bot has its managed role, a person none. A bot is not told of its own arrival: it is sent
        the guild.
        """
        guild = self.world.guild
        self.world.users[user.id] = user
        flags = FLAG_DID_REJOIN if user.id in guild.departed else 0
        own = [role.id for role in guild.roles.values() if role.bot_id == user.id]
        member = Member(user.id, now(), own, pending=pending, flags=flags)
        guild.members[user.id] = member
        shown = payloads.member(member, self.world.users)
        self._guild_event("GUILD_MEMBER_ADD", shown, but=user.id)
        return member

    def remove_member(self, user_id: int) -> None:
        """Remove a member and their roles. A bot loses the guild."""
        guild = self.world.guild
        del guild.members[user_id]
        guild.departed.add(user_id)
        user = payloads.user(self.world.users[user_id])
        self._guild_event("GUILD_MEMBER_REMOVE", {"user": user})
        if user_id in self.world.applications:
            self._emit("GUILD_DELETE", {"id": str(guild.id)}, to=user_id)

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
        changes = changes_of({"nick": (member.nick, nick)})
        member.nick = nick
        self._log(MEMBER_UPDATE, by, member.user_id, changes, reason)
        self._member_updated(member)

    def admit_bot(self, bot: User, *, by: int) -> Member:
        """Add a bot to the guild, which the audit log knows as an addition of its own."""
        member = self.add_member(bot)
        self._log(BOT_ADD, by, bot.id, [], None)
        return member

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

    def set_attributes(
        self, member: Member, values: Json, *, by: int, reason: str | None = None
    ) -> None:
        """Set other attributes of a member, such as `mute` or `timed_out_until`."""
        before = {name: getattr(member, name) for name in values}
        changes = changes_of(
            {AUDIT_KEYS.get(name, name): (before[name], values[name]) for name in values}
        )
        if not changes:
            return
        for name, value in values.items():
            setattr(member, name, value)
        self._log(MEMBER_UPDATE, by, member.user_id, changes, reason)
        self._member_updated(member)

    def rename_user(self, user: User, username: str, global_name: str | None) -> None:
        """A person or bot changes their names. A bot is told of its own user, too."""
        user.username, user.global_name = username, global_name
        if user.id in self.world.applications:
            self._emit("USER_UPDATE", payloads.own_user(user), to=user.id, direct=True)
        member = self.world.guild.members.get(user.id)
        if member is not None:
            self._member_updated(member)

    def _member_updated(self, member: Member) -> None:
        self._guild_event("GUILD_MEMBER_UPDATE", payloads.member(member, self.world.users))

    def _role_name(self, role_id: int) -> Json:
        return {"id": str(role_id), "name": self.world.guild.roles[role_id].name}
