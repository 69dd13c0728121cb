"""The state of the Discord side: one guild, its people, roles, channels and messages.

Plain data without rules. Ids are integers here and strings on the wire.
"""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from sandbox.errors import SeedError
from sandbox.seed_data import DiscordGuildSeed, DiscordRoleSeed, DiscordSeed, DiscordUserSeed

from .permission_bits import bits
from .snowflakes import now, snowflake_after

__all__ = [
    "AuditEntry",
    "Channel",
    "Command",
    "Guild",
    "Member",
    "Message",
    "Role",
    "User",
    "World",
    "load_world",
    "seeded_world",
]

TEXT_CHANNEL = 0
DIRECT_CHANNEL = 1
MESSAGES_KEPT = 1_000
AUDIT_ENTRIES_KEPT = 10_000


@dataclass(slots=True)
class User:
    """A person or a bot, whether in the guild or not."""

    id: int
    username: str
    global_name: str | None = None
    bot: bool = False
    locale: str = "en-US"
    accepts_direct_messages: bool = True


@dataclass(slots=True)
class Member:
    """A user in the guild. `roles` leaves out @everyone; `pending`: in membership screening."""

    user_id: int
    joined_at: str
    roles: list[int] = field(default_factory=list)
    nick: str | None = None
    pending: bool = False
    flags: int = 0


@dataclass(slots=True)
class Role:
    """A role. Only the integration `managed_by` gives a managed role."""

    id: int
    name: str
    position: int
    permissions: int = 0
    color: int = 0
    hoist: bool = False
    mentionable: bool = False
    managed_by: str | None = None

    @property
    def managed(self) -> bool:
        """Whether an integration, not an administrator, gives this role."""
        return self.managed_by is not None


@dataclass(slots=True)
class Guild:
    """The server. @everyone is the role whose id is the guild's. `bans` map user to reason."""

    id: int
    name: str
    owner_id: int
    roles: dict[int, Role] = field(default_factory=dict)
    members: dict[int, Member] = field(default_factory=dict)
    bans: dict[int, str | None] = field(default_factory=dict)
    departed: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Channel:
    """A text channel of the guild, or the direct channel between the bot and `recipient_id`."""

    id: int
    name: str
    type: int = TEXT_CHANNEL
    recipient_id: int | None = None
    last_message_id: int | None = None

    @property
    def direct(self) -> bool:
        """Whether this is a conversation outside the guild."""
        return self.type == DIRECT_CHANNEL


@dataclass(slots=True)
class Message:
    """A message. Only `visible_to` sees an ephemeral one, and no list contains it."""

    id: int
    channel_id: int
    author_id: int
    content: str
    timestamp: str
    type: int = 0
    flags: int = 0
    edited_timestamp: str | None = None
    embeds: list[dict[str, Any]] = field(default_factory=list)
    components: list[dict[str, Any]] = field(default_factory=list)
    mentions: list[int] = field(default_factory=list)
    mention_roles: list[int] = field(default_factory=list)
    mention_everyone: bool = False
    nonce: str | int | None = None
    reply_to: int | None = None
    visible_to: int | None = None
    interaction: dict[str, Any] | None = None


@dataclass(slots=True)
class Command:
    """An application command; `guild_id` is None for a global one. `definition` is as synced."""

    id: int
    version: int
    guild_id: int | None
    definition: dict[str, Any]

    @property
    def key(self) -> tuple[int, str]:
        """The type and name, which identify a command within its scope."""
        return self.definition["type"], self.definition["name"]


@dataclass(slots=True)
class AuditEntry:
    """A line of the audit log, as in the API but with integer ids."""

    id: int
    action_type: int
    user_id: int
    target_id: int | None
    changes: list[dict[str, Any]] = field(default_factory=list)
    reason: str | None = None


@dataclass(slots=True)
class World:
    """Everything that survives a restart of the platform. `installed`: the bot is in the guild."""

    bot_id: int
    guild: Guild
    users: dict[int, User]
    channels: dict[int, Channel]
    messages: dict[int, Message] = field(default_factory=dict)
    commands: list[Command] = field(default_factory=list)
    audit_log: list[AuditEntry] = field(default_factory=list)
    installed: bool = True
    last_id: int = 0

    @property
    def bot(self) -> Member:
        """The bot as a member of the guild."""
        return self.guild.members[self.bot_id]

    def next_id(self) -> int:
        """Return an id for the current time."""
        self.last_id = snowflake_after(self.last_id)
        return self.last_id

    def remember(self, message: Message) -> None:
        """Keep a message; the oldest above MESSAGES_KEPT are removed."""
        self.messages[message.id] = message
        self.channels[message.channel_id].last_message_id = message.id
        while len(self.messages) > MESSAGES_KEPT:
            del self.messages[next(iter(self.messages))]

    def log(self, entry: AuditEntry) -> None:
        """Append to the audit log; keep the newest AUDIT_ENTRIES_KEPT."""
        self.audit_log.append(entry)
        del self.audit_log[:-AUDIT_ENTRIES_KEPT]

    def dump(self) -> dict[str, Any]:
        """Return the world as JSON values; `load_world` reads it back."""
        state: dict[str, Any] = msgspec.to_builtins(self, str_keys=True)
        return state


def load_world(state: dict[str, Any]) -> World:
    """Return the world from a dump. Raises SeedError if its shape differs."""
    try:
        return msgspec.convert(state, World, str_keys=True, strict=True)
    except msgspec.ValidationError as error:
        raise SeedError(f"the saved Discord state cannot be used: {error}") from error


def seeded_world(seed: DiscordSeed) -> World:
    """Return the world that the seed describes."""
    people = [_user(person) for person in seed.guild.members]
    bot = _user(seed.bot, bot=True)
    return World(
        bot_id=bot.id,
        guild=_guild(seed.guild, seed.bot),
        users={user.id: user for user in [bot, *people]},
        channels={int(one.id): Channel(int(one.id), one.name) for one in seed.guild.channels},
    )


def _guild(seed: DiscordGuildSeed, bot: DiscordUserSeed) -> Guild:
    joined_at = now()
    roles = [_role(role, position) for position, role in enumerate(seed.roles)]
    members = [
        Member(int(one.id), joined_at, [int(role) for role in one.role_ids])
        for one in [bot, *seed.members]
    ]
    guild = Guild(
        id=int(seed.id),
        name=seed.name,
        owner_id=int(seed.owner_id),
        roles={role.id: role for role in roles},
        members={member.user_id: member for member in members},
    )
    unknown_roles = {role for one in members for role in one.roles} - guild.roles.keys()
    if guild.id not in guild.roles or guild.owner_id not in guild.members or unknown_roles:
        raise SeedError(
            "the Discord seed needs an @everyone role with the guild's id, the owner among the"
            f" members, and every role that a member holds (missing: {sorted(unknown_roles)})"
        )
    return guild


def _role(seed: DiscordRoleSeed, position: int) -> Role:
    return Role(
        id=int(seed.id),
        name=seed.name,
        position=position,
        permissions=bits(seed.permissions),
        color=seed.color,
        hoist=seed.hoist,
        managed_by=seed.managed_by,
    )


def _user(seed: DiscordUserSeed, *, bot: bool = False) -> User:
    return User(int(seed.id), seed.username, seed.global_name, bot=bot, locale=seed.locale)
