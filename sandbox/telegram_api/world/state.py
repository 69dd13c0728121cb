"""The state of the Telegram side: plain values, all of which are saved."""

from typing import Any, Literal

import msgspec

from sandbox.seed_data import TelegramSeed

from .rights import ADMINISTRATOR_RIGHTS, GROUP_DEFAULTS

__all__ = [
    "JSON",
    "BotState",
    "Group",
    "Member",
    "Query",
    "State",
    "Status",
    "StoredFile",
    "Topic",
    "User",
    "seeded",
]

JSON = dict[str, Any]
Status = Literal["creator", "administrator", "member", "restricted", "left", "kicked"]
GENERAL_COLOR = 7322096


class User(msgspec.Struct):
    """A person or a bot."""

    id: int
    first_name: str
    username: str | None = None
    language_code: str | None = None
    is_bot: bool = False
    last_name: str | None = None
    photo: str = ""
    """The id of the file of the newest profile photo."""


class Member(msgspec.Struct):
    """A person's membership in the group. Leaving keeps the row and clears tag, title and rights.

    `rights` belong to an administrator, `permissions` to a restricted member. `until` (Unix time, 0
    for no end) ends a restriction or ban. `in_chat` is false for a restricted member who has left.
    """

    user_id: int
    status: Status = "member"
    tag: str = ""
    custom_title: str = ""
    promoted_by: int | None = None
    is_anonymous: bool = False
    rights: set[str] = msgspec.field(default_factory=set)
    permissions: set[str] = msgspec.field(default_factory=set)
    until: int = 0
    in_chat: bool = True


class Topic(msgspec.Struct):
    """A topic of a forum. Its id is that of the service message that opened it; General has 1."""

    thread_id: int
    name: str
    icon_color: int = GENERAL_COLOR
    icon_custom_emoji_id: str | None = None
    is_closed: bool = False
    is_hidden: bool = False


class Group(msgspec.Struct):
    """A supergroup or a channel."""

    id: int
    title: str
    members: dict[int, Member]
    description: str = ""
    permissions: set[str] = msgspec.field(default_factory=lambda: set(GROUP_DEFAULTS))
    pinned: list[int] = msgspec.field(default_factory=list)
    kind: Literal["supergroup", "channel"] = "supergroup"
    username: str | None = None
    linked_chat_id: int | None = None
    """The channel that this group discusses, or the group of a channel."""
    is_forum: bool = False
    topics: dict[int, Topic] = msgspec.field(default_factory=lambda: {1: Topic(1, "General")})
    join_by_request: bool = False
    join_requests: list[int] = msgspec.field(default_factory=list)
    invite_links: dict[str, JSON] = msgspec.field(default_factory=dict)
    joins: dict[str, int] = msgspec.field(default_factory=dict)
    """How many members each invite link has let in, by its address."""
    photo: list[str] = msgspec.field(default_factory=list)
    """The ids of the group's picture, as a file."""
    banned_chats: set[int] = msgspec.field(default_factory=set)
    authors: dict[int, int] = msgspec.field(default_factory=dict)
    """The people and bots behind messages that a chat seems to have sent."""
    last_bot: int = 0
    """The bot that wrote last; bots in privacy mode share commands by it."""


class Query(msgspec.Struct):
    """A pressed button that waits for its answer."""

    user_id: int
    chat_id: int
    at: float
    bot_id: int
    answered: bool = False
    text: str = ""
    """The answer, which the person's app shows them for a moment, or until they close it."""
    show_alert: bool = False
    url: str = ""


class StoredFile(msgspec.Struct):
    """An uploaded file. `meta` has the fields of its kind, such as width and height."""

    file_id: str
    unique_id: str
    kind: str
    path: str
    data: bytes
    name: str | None = None
    mime_type: str | None = None
    meta: JSON = msgspec.field(default_factory=dict)


class BotState(msgspec.Struct):
    """One bot's private chats, updates and settings.

    `opened` people wrote to the bot in private, so it may write to them.
    """

    token: str
    reads_all: bool = False
    """Whether privacy mode is off, so that the bot receives every message of its groups."""
    opened: set[int] = msgspec.field(default_factory=set)
    blocked: set[int] = msgspec.field(default_factory=set)
    messages: dict[int, dict[int, JSON]] = msgspec.field(default_factory=dict)
    """The messages of its private chats, by person; those of groups are in the state."""
    message_ids: dict[int, int] = msgspec.field(default_factory=dict)
    pinned: dict[int, list[int]] = msgspec.field(default_factory=dict)
    """The pinned messages of each private chat, by person."""
    pending: list[JSON] = msgspec.field(default_factory=list)
    raw: dict[int, str] = msgspec.field(default_factory=dict)
    """The text of pending updates of any shape, by update id; it is sent unchanged."""
    allowed_updates: list[str] = msgspec.field(default_factory=list)
    commands: dict[str, list[JSON]] = msgspec.field(default_factory=dict)
    profile: dict[str, str] = msgspec.field(default_factory=dict)
    settings: dict[str, JSON] = msgspec.field(default_factory=dict)
    """Menu buttons and default rights of an administrator, by name and chat."""
    keyboards: dict[str, JSON] = msgspec.field(default_factory=dict)
    """The reply keyboard that each person sees, by chat and person; person 0 for everybody."""


class State(msgspec.Struct):
    """The whole state. Messages are kept as the JSON objects that bots receive."""

    users: dict[int, User]
    groups: dict[int, Group]
    update_id: int
    bots: dict[int, BotState] = msgspec.field(default_factory=dict)
    moved: dict[int, int] = msgspec.field(default_factory=dict)
    """The new id of each group that became a supergroup, by its old one."""
    messages: dict[int, dict[int, JSON]] = msgspec.field(default_factory=dict)
    """The messages of groups and channels, by chat."""
    message_ids: dict[int, int] = msgspec.field(default_factory=dict)
    ephemeral: dict[int, JSON] = msgspec.field(default_factory=dict)
    ephemeral_id: int = 0
    queries: dict[str, Query] = msgspec.field(default_factory=dict)
    query_id: int = 0
    newcomer_id: int = 5_000
    made_id: int = 0
    """The number of bots, channels, links, polls and albums made so far."""
    reactions: dict[str, dict[str, list[JSON]]] = msgspec.field(default_factory=dict)
    """The reactions to each message ("chat:message", of a private chat "bot/chat:message"), by the
    person, bot or chat that reacted."""
    files: dict[str, StoredFile] = msgspec.field(default_factory=dict)
    file_number: int = 0
    polls: dict[str, JSON] = msgspec.field(default_factory=dict)
    """The polls with their place and their votes, by poll id."""


def seeded(seed: TelegramSeed, *, update_id: int) -> State:
    """Return the state that the seed describes; updates are numbered from `update_id`."""
    bot = User(seed.bot_id, seed.bot_name, seed.bot_username, is_bot=True)
    users = {bot.id: bot}
    owner = next(person.id for person in seed.group.people if person.status == "creator")
    rights = set(seed.group.bot_rights)
    members = {
        bot.id: Member(bot.id, "administrator", promoted_by=owner, rights=rights),
    }
    for person in seed.group.people:
        users[person.id] = User(person.id, person.first_name, person.username, person.language_code)
        member = Member(person.id, person.status, promoted_by=person.promoted_by)
        if person.status == "administrator":
            member.rights = set(ADMINISTRATOR_RIGHTS) - {"can_promote_members"}
        members[person.id] = member
    group = Group(seed.group.id, seed.group.title, members)
    bots = {bot.id: BotState(seed.token)}
    return State(users=users, groups={group.id: group}, update_id=update_id, bots=bots)
