"""The owner manages the group, its members, topics, channels and bots."""

import re
from collections.abc import Callable

from sandbox.errors import SandboxError
from sandbox.telegram_api.errors import ApiError
from sandbox.telegram_api.methods.chats.members import demote, remove
from sandbox.telegram_api.methods.chats.topics import open_topic, topic_name
from sandbox.telegram_api.world import BotState, Group, Member, User
from sandbox.telegram_api.world.payloads import user_payload
from sandbox.telegram_api.world.rights import (
    ADMINISTRATOR_RIGHTS,
    CHANNEL_RIGHTS,
    PERMISSIONS,
    stored_rank,
)
from sandbox.telegram_api.world.state import Status
from sandbox.telegram_api.world.world import GENERAL

from .actor import Actor

__all__ = ["OwnerActions"]

MIGRATION_STEP = 1_000_000_000
FIRST_CHANNEL = -1_002_000_000_000
FIRST_BOT = 7_000_000
#: The name is a part of the token, and the token of a program.
USERNAME = re.compile(r"\w+", re.ASCII)


class OwnerActions(Actor):
    """The owner manages the group, its members, topics, channels and bots."""

    def tag(self, user_id: int, tag: str) -> None:
        """The owner changes a member's tag, or the title of an administrator."""
        try:
            rank = stored_rank(tag)
        except ApiError as error:
            raise SandboxError(f"{tag!r} is no tag: {error.description}") from error

        def alter(member: Member) -> None:
            if member.status == "administrator":
                member.custom_title = rank
            else:
                member.tag = rank

        self._by_owner(user_id, alter)

    def promote(self, user_id: int) -> None:
        """The owner promotes a member to administrator; the bot can no longer tag them."""

        def alter(member: Member) -> None:
            member.status, member.tag, member.promoted_by = "administrator", "", self._owner()
            member.rights = set(ADMINISTRATOR_RIGHTS) - {"can_promote_members"}
            member.permissions, member.until = set(), 0

        self._by_owner(user_id, alter)

    def demote(self, user_id: int) -> None:
        """The owner turns an administrator into a plain member."""
        user = self._person(user_id)
        if self._world.member(self._group(), user_id).status != "administrator":
            raise SandboxError(f"{user.first_name} is not an administrator")
        self._by_owner(user_id, demote)

    def mute(self, user_id: int, *, muted: bool = True) -> None:
        """The owner takes all permissions of a member, or gives them back."""

        def alter(member: Member) -> None:
            if member.status == "administrator":
                demote(member)
            member.status, member.permissions = ("restricted" if muted else "member"), set()
            member.until = 0

        self._by_owner(user_id, alter)

    def kick(self, user_id: int) -> None:
        """The owner bans a member from the group."""

        def alter(member: Member) -> None:
            remove(member)
            member.status = "kicked"

        self._by_owner(user_id, alter)
        self._world.left_notice(self._group(), user_id, by=self._owner())

    def permit(self, permissions: frozenset[str]) -> None:
        """The owner sets what plain members may do."""
        if unknown := permissions - set(PERMISSIONS):
            raise SandboxError(f"there are no such permissions: {', '.join(sorted(unknown))}")
        self._group().permissions = set(permissions)

    def migrate(self) -> int:
        """The group gets another id, as a basic group does that becomes a supergroup.

        Returns the new id. Calls with the old one are refused with it.
        """
        group, state = self._group(), self._world.state
        owner, old_id = self._person(self._owner()), group.id
        new_id = old_id - MIGRATION_STEP
        self._world.notice(group, owner, migrate_to_chat_id=new_id)
        del state.groups[old_id]
        group.id = new_id
        group.pinned, group.authors = [], {}
        state.groups[new_id] = group
        state.moved[old_id] = new_id
        if group.linked_chat_id is not None:
            state.groups[group.linked_chat_id].linked_chat_id = new_id
        self._world.notice(group, owner, migrate_from_chat_id=old_id)
        return new_id

    def set_bot(
        self,
        status: Status,
        rights: frozenset[str] | None = None,
        *,
        bot_id: int | None = None,
        chat_id: int | None = None,
    ) -> None:
        """The owner changes a bot's status: `administrator` with `rights` (default: the seed's),
        `member`, `left` or `kicked`.
        """
        if status not in ("administrator", "member", "left", "kicked"):
            raise SandboxError(f"the owner cannot make the bot {status!r}")
        if unknown := (rights or frozenset()) - {*ADMINISTRATOR_RIGHTS, *CHANNEL_RIGHTS}:
            raise SandboxError(f"there are no such rights: {', '.join(sorted(unknown))}")
        world, group = self._of(bot_id), self._place(chat_id)
        owner = self._owner(group)

        def alter(member: Member) -> None:
            remove(member)
            member.status, member.in_chat = status, status in ("administrator", "member")
            if status == "administrator":
                usual = CHANNEL_RIGHTS if group.kind == "channel" else world.seed.group.bot_rights
                member.rights = set(usual if rights is None else rights)
                member.promoted_by = owner

        was_there = world.present(group, world.bot_id)
        world.change(group, world.bot_id, owner, alter)
        is_there = world.present(group, world.bot_id)
        if group.kind == "supergroup" and was_there and not is_there:
            world.left_notice(group, world.bot_id, by=owner)
        if group.kind == "supergroup" and is_there and not was_there:
            arrived = [user_payload(world.bot)]
            world.notice(group, self._person(owner), new_chat_members=arrived)

    def set_forum(self, *, is_forum: bool = True) -> None:
        """The owner gives the group topics, or takes them away."""
        group = self._group()
        group.is_forum = is_forum
        # The group began with a message, and General has its id.
        ids = self._world.state.message_ids
        ids[group.id] = max(GENERAL, ids.get(group.id, 0))

    def open_topic(self, name: str, *, user_id: int | None = None) -> int:
        """The owner, or a member with can_manage_topics, opens a topic. Returns its thread id."""
        group = self._group()
        by = self._owner() if user_id is None else self._person(user_id).id
        if not group.is_forum:
            raise SandboxError("the group is no forum; set_forum makes it one")
        self._chat_of(group.id, by, "can_manage_topics")
        try:
            return open_topic(self._world, group, by, topic_name(name)).thread_id
        except ApiError as error:
            raise SandboxError(f"a topic cannot be called {name!r}") from error

    def close_topic(self, thread_id: int, *, closed: bool = True) -> None:
        """The owner closes a topic to members, or opens it again."""
        group = self._group()
        topic = group.topics.get(thread_id)
        if not group.is_forum or topic is None or topic.is_closed == closed:
            raise SandboxError(f"there is no {'open' if closed else 'closed'} topic {thread_id}")
        topic.is_closed = closed
        event: dict[str, object] = {f"forum_topic_{'closed' if closed else 'reopened'}": {}}
        owner = self._person(self._owner())
        self._world.notice(group, owner, thread_id=thread_id, **event)

    def pin(self, message_id: int) -> None:
        """The owner pins a message."""
        group = self._group()
        message = self._existing(self._world, group.id, message_id)
        group.pinned = [one for one in group.pinned if one != message_id] + [message_id]
        quoted = {key: value for key, value in message.items() if key != "reply_to_message"}
        self._world.notice(group, self._person(self._owner()), pinned_message=quoted)

    def retitle(self, title: str) -> None:
        """The owner gives the group another title."""
        if not title.strip():
            raise SandboxError("a title has at least one character")
        self._group().title = title.strip()
        owner = self._person(self._owner())
        self._world.notice(self._group(), owner, new_chat_title=self._group().title)

    def want_requests(self, *, wanted: bool = True) -> None:
        """The owner lets people into the group on request only, or freely again."""
        self._group().join_by_request = wanted

    def open_channel(
        self,
        title: str,
        *,
        username: str | None = None,
        owner_id: int | None = None,
        linked: bool = False,
        with_bot: bool = True,
    ) -> int:
        """A person (default: the group's owner) opens a channel. Returns its id.

        The group of a `linked` channel is where it is discussed: each post is forwarded there. The
        bot becomes an administrator of it, unless `with_bot` is False.
        """
        owner = self._owner() if owner_id is None else self._person(owner_id).id
        channel_id = FIRST_CHANNEL - self._world.made()
        members = {owner: Member(owner, "creator")}
        channel = Group(channel_id, title, members, kind="channel", username=username)
        self._world.state.groups[channel_id] = channel
        if linked:
            channel.linked_chat_id = self._group().id
            self._group().linked_chat_id = channel_id
        if with_bot:
            self.set_bot("administrator", chat_id=channel_id)
        return channel_id

    def add_bot(
        self,
        name: str,
        username: str,
        *,
        token: str | None = None,
        reads_all: bool = False,
        status: Status = "member",
    ) -> str:
        """A further bot comes into the group. Returns the token by which it is driven.

        `reads_all` says that its privacy mode is off. The number in a given `token` is its id.
        """
        if not username.lower().endswith("bot"):
            raise SandboxError(f"the username of a bot ends in 'bot', unlike {username!r}")
        if not USERNAME.fullmatch(username):
            raise SandboxError(f"{username!r} is not of letters, digits and underscores only")
        token = token or f"{FIRST_BOT + self._world.made()}:SANDBOX-{username}"
        number = token.partition(":")[0]
        if not number.isdecimal() or int(number) in self._world.state.users:
            raise SandboxError(f"{token!r} is no token of a new bot")
        bot = User(int(number), name, username, is_bot=True)
        self._world.state.users[bot.id] = bot
        self._world.state.bots[bot.id] = BotState(token, reads_all=reads_all)
        self.set_bot(status, bot_id=bot.id)
        return token

    def _by_owner(self, user_id: int, alter: Callable[[Member], None]) -> None:
        group, user = self._group(), self._person(user_id)
        if not self._world.present(group, user_id):
            raise SandboxError(f"{user.first_name} is not in the group")
        if group.members[user_id].status == "creator":
            raise SandboxError("the owner does not do this to themselves")
        self._world.change(group, user_id, self._owner(), alter)
