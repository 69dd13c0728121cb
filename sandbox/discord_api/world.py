"""The state of the Discord side: one guild, its people, bots, roles, channels and messages.

Plain data without rules. Ids are integers here and strings on the wire.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from sandbox.errors import SeedError
from sandbox.seed_data import DiscordGuildSeed, DiscordRoleSeed, DiscordSeed, DiscordUserSeed

from .channel_types import CATEGORY, DIRECT, FORUM, STAGE, TEXT, THREADS, VOCAL, VOICE
from .permission_bits import bits
from .snowflakes import now, snowflake_after

__all__ = [
    "CHANNEL_KINDS",
    "Application",
    "Attachment",
    "AuditEntry",
    "Channel",
    "Command",
    "Guild",
    "Member",
    "Message",
    "Overwrite",
    "Presence",
    "Reaction",
    "Role",
    "Thread",
    "User",
    "VoiceState",
    "World",
    "load_world",
    "seeded_world",
]

MESSAGES_KEPT = 1_000
AUDIT_ENTRIES_KEPT = 10_000
CHANNEL_KINDS = {"text": TEXT, "voice": VOICE, "stage": STAGE, "category": CATEGORY, "forum": FORUM}
#: Bytes of uploaded files that are kept; the oldest files above it are removed.
FILE_BYTES_KEPT = 64 * 1024 * 1024


@dataclass(slots=True)
class User:
    """A person or a bot, whether in the guild or not."""

    id: int
    username: str
    global_name: str | None = None
    bot: bool = False
    locale: str = "en-US"
    accepts_direct_messages: bool = True
    avatar: str | None = None
    """The name of the picture, which changes with it."""
    avatar_file: int = 0
    """The id of its bytes in the world's `files`."""


@dataclass(slots=True)
class Member:
    """A user in the guild. `roles` leaves out @everyone; `pending`: in membership screening."""

    user_id: int
    joined_at: str
    roles: list[int] = field(default_factory=list)
    nick: str | None = None
    pending: bool = False
    flags: int = 0
    mute: bool = False
    deaf: bool = False
    timed_out_until: str | None = None


@dataclass(slots=True)
class VoiceState:
    """A member's connection to a voice channel; `session_id` is that of their client."""

    user_id: int
    channel_id: int
    session_id: str
    self_mute: bool = False
    self_deaf: bool = False
    self_stream: bool = False
    self_video: bool = False
    suppress: bool = False


@dataclass(slots=True)
class Presence:
    """A member's status ("online", "idle", "dnd") and activities, as in the API."""

    status: str
    activities: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Role:
    """A role. Only the integration `managed_by` gives a managed role; that of a bot, `bot_id`."""

    id: int
    name: str
    position: int
    permissions: int = 0
    color: int = 0
    secondary_color: int | None = None
    tertiary_color: int | None = None
    hoist: bool = False
    mentionable: bool = False
    managed_by: str | None = None
    bot_id: int | None = None

    @property
    def managed(self) -> bool:
        """Whether an integration, not an administrator, gives this role."""
        return self.managed_by is not None


@dataclass(slots=True)
class Guild:
    """The server. @everyone is the role whose id is the guild's. `bans` map user to reason.

    `unavailable` is an outage: the bot is a member, and sees nothing. A member who is idle for
    `afk_timeout` s in a voice channel is moved to `afk_channel_id`.
    """

    id: int
    name: str
    owner_id: int
    roles: dict[int, Role] = field(default_factory=dict)
    members: dict[int, Member] = field(default_factory=dict)
    bans: dict[int, str | None] = field(default_factory=dict)
    departed: set[int] = field(default_factory=set)
    unavailable: bool = False
    afk_channel_id: int | None = None
    system_channel_id: int | None = None
    afk_timeout: int = 300
    voice_states: dict[int, VoiceState] = field(default_factory=dict)
    presences: dict[int, Presence] = field(default_factory=dict)


@dataclass(slots=True)
class Thread:
    """The part of a channel that only a thread has. `members` map user to the time of joining.

    Neither count includes the first message of a post; `messages_sent` includes deleted ones.
    """

    owner_id: int
    created_at: str
    archived_at: str
    archived: bool = False
    locked: bool = False
    invitable: bool = True
    auto_archive_duration: int = 4320
    members: dict[int, str] = field(default_factory=dict)
    message_count: int = 0
    messages_sent: int = 0
    applied_tags: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Overwrite:
    """Permissions that a role (or with `of_member` a member) has or lacks in one channel."""

    allow: int = 0
    deny: int = 0
    of_member: bool = False


@dataclass(slots=True)
class Channel:
    """A channel of the guild, a thread, or a direct one between `bot_id` and `recipient_id`.

    `parent_id` is the category of a channel, or the channel of a thread.
    """

    id: int
    name: str
    type: int = TEXT
    recipient_id: int | None = None
    bot_id: int | None = None
    last_message_id: int | None = None
    parent_id: int | None = None
    topic: str | None = None
    position: int = 0
    nsfw: bool = False
    rate_limit_per_user: int = 0
    user_limit: int = 0
    bitrate: int = 64_000
    thread: Thread | None = None
    overwrites: dict[int, Overwrite] = field(default_factory=dict)

    @property
    def direct(self) -> bool:
        """Whether this is a conversation outside the guild."""
        return self.type == DIRECT

    @property
    def vocal(self) -> bool:
        """Whether members can be connected to it."""
        return self.type in VOCAL

    @property
    def is_thread(self) -> bool:
        """Whether this is a thread of another channel."""
        return self.type in THREADS


@dataclass(slots=True)
class Attachment:
    """A file of a message or of a command; its bytes are in the world's `files`."""

    id: int
    filename: str
    size: int
    content_type: str
    channel_id: int
    description: str | None = None
    title: str | None = None
    width: int | None = None
    height: int | None = None


@dataclass(slots=True)
class Reaction:
    """The users who reacted to a message with one emoji, in the order of their reactions."""

    emoji: str
    user_ids: list[int] = field(default_factory=list)


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
    attachments: list[Attachment] = field(default_factory=list)
    reactions: list[Reaction] = field(default_factory=list)
    pinned_at: str | None = None
    thread_id: int | None = None
    stickers: list[dict[str, Any]] = field(default_factory=list)
    forwarded: dict[str, Any] | None = None
    """A forward's reference to a message, and the snapshot of it, as in the API."""


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
class Application:
    """A bot that logs in with its token, and the commands that it synced. Its id is the bot's."""

    token: str
    commands: list[Command] = field(default_factory=list)


@dataclass(slots=True)
class LastId:
    """The newest id. All views of a world share it."""

    value: int = 0


@dataclass(slots=True)
class AuditEntry:
    """A line of the audit log, as in the API but with integer ids."""

    id: int
    action_type: int
    user_id: int
    target_id: int | None
    changes: list[dict[str, Any]] = field(default_factory=list)
    reason: str | None = None
    options: dict[str, Any] | None = None


@dataclass(slots=True)
class World:
    """Everything that survives a restart of the platform, as the bot `bot_id` sees it.

    The views of several bots share everything else. The platform's own view is that of the seed's
    bot, which is the first application. `files` map an attachment's id to its bytes, which are
    served below `files_url`; `attachments` describe them.
    """

    bot_id: int
    applications: dict[int, Application]
    guild: Guild
    users: dict[int, User]
    channels: dict[int, Channel]
    messages: dict[int, Message] = field(default_factory=dict)
    audit_log: list[AuditEntry] = field(default_factory=list)
    last_id: LastId = field(default_factory=LastId)
    files: dict[int, bytes] = field(default_factory=dict)
    attachments: dict[int, Attachment] = field(default_factory=dict)
    files_url: str = ""

    @property
    def bot(self) -> Member:
        """The bot as a member of the guild."""
        return self.guild.members[self.bot_id]

    @property
    def installed(self) -> bool:
        """Whether the bot is in the guild."""
        return self.bot_id in self.guild.members

    @property
    def application(self) -> Application:
        """The bot's application."""
        return self.applications[self.bot_id]

    def as_seen_by(self, bot_id: int) -> "World":
        """Return the same world as another bot sees it; a change of either is one of both."""
        return self if bot_id == self.bot_id else replace(self, bot_id=bot_id)

    def bot_with(self, token: str) -> int | None:
        """Return the id of the bot that logs in with this token."""
        for bot_id, one in self.applications.items():
            if one.token == token:
                return bot_id
        return None

    @property
    def guild_channels(self) -> list[Channel]:
        """The channels of the guild, without its threads."""
        return [one for one in self.channels.values() if not one.direct and not one.is_thread]

    def next_id(self) -> int:
        """Return an id for the current time."""
        self.last_id.value = snowflake_after(self.last_id.value)
        return self.last_id.value

    def remember(self, message: Message) -> None:
        """Keep a message; the oldest above MESSAGES_KEPT are removed."""
        self.messages[message.id] = message
        self.channels[message.channel_id].last_message_id = message.id
        while len(self.messages) > MESSAGES_KEPT:
            self.forget(next(iter(self.messages.values())))

    def forget(self, message: Message) -> None:
        """Remove a message with its files."""
        del self.messages[message.id]
        for file in message.attachments:
            self.drop_file(file.id)

    def keep_file(self, attachment: Attachment, content: bytes) -> None:
        """Keep a file's bytes; the oldest files above FILE_BYTES_KEPT are removed."""
        self.files[attachment.id] = content
        self.attachments[attachment.id] = attachment
        total = sum(map(len, self.files.values()))
        while total > FILE_BYTES_KEPT:
            oldest = next(iter(self.files))
            total -= len(self.files[oldest])
            self.drop_file(oldest)

    def drop_file(self, attachment_id: int) -> None:
        """Remove a file, if it is still kept."""
        self.files.pop(attachment_id, None)
        self.attachments.pop(attachment_id, None)

    def log(self, entry: AuditEntry) -> None:
        """Append to the audit log; keep the newest AUDIT_ENTRIES_KEPT."""
        self.audit_log.append(entry)
        del self.audit_log[:-AUDIT_ENTRIES_KEPT]

    def dump(self, *, contents: bool = True) -> dict[str, Any]:
        """Return the world as JSON values, which `load_world` reads back.

        Without `contents`, each file is empty.
        """
        shown = self if contents else replace(self, files=dict.fromkeys(self.files, b""))
        state: dict[str, Any] = msgspec.to_builtins(shown, str_keys=True)
        # The address belongs to the platform that serves the world.
        del state["files_url"]
        return state


def load_world(state: dict[str, Any]) -> World:
    """Return the world from a dump. Raises SeedError if its shape differs."""
    try:
        return msgspec.convert(_with_applications(state), World, str_keys=True, strict=True)
    except (msgspec.ValidationError, AttributeError, KeyError, TypeError) as error:
        raise SeedError(f"the saved Discord state cannot be used: {error}") from error


def _with_applications(saved: dict[str, Any]) -> dict[str, Any]:
    """Return a dump of the version before, which had one bot, as this version writes it."""
    if "applications" in saved or "commands" not in saved:
        return saved
    bot_id = saved["bot_id"]
    guild: dict[str, Any] = saved["guild"]
    roles = {
        key: role | ({"bot_id": bot_id} if role.get("managed_by") == "bot" else {})
        for key, role in guild["roles"].items()
    }
    members = dict(guild["members"])
    if not saved.get("installed", True):
        del members[str(bot_id)]
    channels = {
        key: one | ({"bot_id": bot_id} if one.get("recipient_id") is not None else {})
        for key, one in saved["channels"].items()
    }
    return saved | {
        "applications": {str(bot_id): {"token": "", "commands": saved["commands"]}},
        "guild": guild | {"roles": roles, "members": members},
        "channels": channels,
        "last_id": {"value": saved["last_id"]},
    }


def seeded_world(seed: DiscordSeed) -> World:
    """Return the world that the seed describes."""
    people = [_user(person) for person in seed.guild.members]
    bot = _user(seed.bot, bot=True)
    return World(
        bot_id=bot.id,
        applications={bot.id: Application(seed.token)},
        guild=_guild(seed.guild, seed.bot),
        users={user.id: user for user in [bot, *people]},
        channels={
            int(one.id): Channel(int(one.id), one.name, CHANNEL_KINDS[one.kind], position=position)
            for position, one in enumerate(seed.guild.channels)
        },
    )


def _guild(seed: DiscordGuildSeed, bot: DiscordUserSeed) -> Guild:
    joined_at = now()
    roles = [_role(role, position, int(bot.id)) for position, role in enumerate(seed.roles)]
    members = [
        Member(int(one.id), joined_at, [int(role) for role in one.role_ids])
        for one in [bot, *seed.members]
    ]
    guild = Guild(
        id=int(seed.id),
        name=seed.name,
        owner_id=int(seed.owner_id),
        afk_channel_id=None if seed.afk_channel_id is None else int(seed.afk_channel_id),
        system_channel_id=None if seed.system_channel_id is None else int(seed.system_channel_id),
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


def _role(seed: DiscordRoleSeed, position: int, bot_id: int) -> Role:
    return Role(
        id=int(seed.id),
        name=seed.name,
        position=position,
        permissions=bits(seed.permissions),
        color=seed.color,
        hoist=seed.hoist,
        managed_by=seed.managed_by,
        bot_id=bot_id if seed.managed_by == "bot" else None,
    )


def _user(seed: DiscordUserSeed, *, bot: bool = False) -> User:
    return User(int(seed.id), seed.username, seed.global_name, bot=bot, locale=seed.locale)
