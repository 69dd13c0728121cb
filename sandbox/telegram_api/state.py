"""The state of the Telegram side: plain values, all of which are saved."""

from typing import Any, Literal

import msgspec

from sandbox.seed_data import TelegramSeed

from .rights import ADMINISTRATOR_RIGHTS, GROUP_DEFAULTS

__all__ = ["JSON", "Group", "Member", "Query", "State", "Status", "User", "seeded"]

JSON = dict[str, Any]
Status = Literal["creator", "administrator", "member", "restricted", "left", "kicked"]


class User(msgspec.Struct):
    """A person or a bot. `opened` people wrote to the bot in private, so it may write to them."""

    id: int
    first_name: str
    username: str | None = None
    language_code: str | None = None
    is_bot: bool = False
    opened: bool = False
    blocked: bool = False


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


class Group(msgspec.Struct):
    """A supergroup."""

    id: int
    title: str
    members: dict[int, Member]
    description: str = ""
    permissions: set[str] = msgspec.field(default_factory=lambda: set(GROUP_DEFAULTS))
    pinned: list[int] = msgspec.field(default_factory=list)


class Query(msgspec.Struct):
    """A pressed button that waits for its answer."""

    user_id: int
    chat_id: int
    at: float
    answered: bool = False


class State(msgspec.Struct):
    """The whole state. Messages are kept as the JSON objects that bots receive."""

    users: dict[int, User]
    groups: dict[int, Group]
    update_id: int
    messages: dict[int, dict[int, JSON]] = msgspec.field(default_factory=dict)
    message_ids: dict[int, int] = msgspec.field(default_factory=dict)
    ephemeral: dict[int, JSON] = msgspec.field(default_factory=dict)
    ephemeral_id: int = 0
    queries: dict[str, Query] = msgspec.field(default_factory=dict)
    query_id: int = 0
    newcomer_id: int = 5_000
    reactions: dict[str, list[JSON]] = msgspec.field(default_factory=dict)
    pending: list[JSON] = msgspec.field(default_factory=list)
    raw: dict[int, str] = msgspec.field(default_factory=dict)
    """The text of pending updates of any shape, by update id; it is sent unchanged."""
    allowed_updates: list[str] = msgspec.field(default_factory=list)
    commands: dict[str, list[JSON]] = msgspec.field(default_factory=dict)
    profile: dict[str, str] = msgspec.field(default_factory=dict)


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
    return State(users=users, groups={group.id: group}, update_id=update_id)
