"""The ground of all actions of people: who they are, where they are, and their messages."""

from sandbox.errors import SandboxError
from sandbox.telegram_api.world import JSON, Group, User, World
from sandbox.telegram_api.world.payloads import chat_payload, user_payload
from sandbox.telegram_api.world.world import GENERAL

__all__ = ["Actor"]


class Actor:
    """Finds people, chats and messages. Raises SandboxError where there is none."""

    def __init__(self, world: World) -> None:
        self._world = world

    def _of(self, bot_id: int | None) -> World:
        """Return the world as a bot meets it, by default the seed's."""
        if bot_id is None:
            return self._world
        if bot_id not in self._world.state.bots:
            raise SandboxError(f"there is no bot with the id {bot_id}")
        return self._world.of(bot_id)

    def _group(self) -> Group:
        return self._world.the_group

    def _place(self, chat_id: int | None) -> Group:
        """Return a group or channel, by default the seed's group."""
        if chat_id is None:
            return self._group()
        group = self._world.state.groups.get(chat_id)
        if group is None:
            raise SandboxError(f"there is no group or channel {chat_id}")
        return group

    def _channel(self, chat_id: int | None) -> Group:
        channel = self._place(chat_id)
        if channel.kind != "channel":
            raise SandboxError(f"{chat_id} is no channel")
        return channel

    def _owner(self, group: Group | None = None) -> int:
        members = (group or self._group()).members.values()
        return next(member.user_id for member in members if member.status == "creator")

    def _person(self, user_id: int) -> User:
        user = self._world.state.users.get(user_id)
        if user is None or user.is_bot:
            raise SandboxError(f"there is no person with the id {user_id}")
        return user

    def _chat_of(self, chat_id: int, user_id: int, permission: str | None = None) -> Group | User:
        if chat_id == user_id:
            return self._person(user_id)
        group = self._world.state.groups.get(chat_id)
        if group is None:
            raise SandboxError(f"there is no chat {chat_id} where {user_id} could be")
        if not self._world.present(group, user_id):
            raise SandboxError(f"{user_id} is not in the {_word(group)} {chat_id}")
        if group.kind == "channel" and permission not in (None, "can_react_to_messages"):
            if group.members[user_id].status not in ("creator", "administrator"):
                raise SandboxError(f"{user_id} cannot post in the channel {chat_id}")
        elif permission is not None and not self._world.may(group, user_id, permission):
            raise SandboxError(f"{user_id} lacks {permission} in the {_word(group)} {chat_id}")
        return group

    def _existing(self, world: World, chat_id: int, message_id: int) -> JSON:
        message = world.message(chat_id, message_id)
        if message is None:
            raise SandboxError(f"there is no message {message_id} in the chat {chat_id}")
        return message

    def _thread(
        self, chat: Group | User, user_id: int, thread_id: int | None, replied: JSON | None
    ) -> int | None:
        """Return the topic of a person's message, which must be open to them."""
        if isinstance(chat, User) or not chat.is_forum:
            if thread_id is not None:
                raise SandboxError(f"the chat {chat.id} is no forum, so it has no topics")
            return None
        thread_id = thread_id or (replied or {}).get("message_thread_id") or GENERAL
        topic = chat.topics.get(thread_id)
        if topic is None:
            raise SandboxError(f"there is no topic {thread_id} in the forum {chat.id}")
        if topic.is_closed and chat.members[user_id].status not in ("creator", "administrator"):
            raise SandboxError(f"the topic {topic.name!r} is closed to {user_id}")
        return thread_id

    def _set_blocked(self, world: World, user: User, *, blocked: bool) -> None:
        """Block the bot for a person, or unblock it, and tell the bot if that is new."""
        if (user.id in world.own.blocked) == blocked:
            return
        (world.own.blocked.add if blocked else world.own.blocked.discard)(user.id)
        world.own.opened.add(user.id)
        bot = user_payload(world.bot)
        out: JSON = {"status": "kicked", "user": bot, "until_date": 0}
        member: JSON = {"status": "member", "user": bot}
        world.emit(
            "my_chat_member",
            {
                "chat": chat_payload(user),
                "from": user_payload(user),
                "date": int(world.now()),
                "old_chat_member": member if blocked else out,
                "new_chat_member": out if blocked else member,
            },
        )


def _word(group: Group) -> str:
    return "channel" if group.kind == "channel" else "group"
