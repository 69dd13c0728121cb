"""Actions of people: write, press buttons, react, join, leave, and manage the group."""

from collections.abc import Callable

from sandbox.errors import SandboxError

from .bot_profile import ephemeral_commands
from .formatting import found_in
from .keyboards import offers
from .members import demote, remove
from .payloads import group_chat, person_chat, quoted, user_payload
from .rights import ADMINISTRATOR_RIGHTS
from .state import JSON, Group, Member, Query, Status, User
from .world import World

__all__ = ["MemberActions"]

# Telegram shows every anonymous administrator of every group as this user.
ANONYMOUS = User(1087968824, "Group", "GroupAnonymousBot", is_bot=True)
QUERIES_KEPT = 10_000


class MemberActions:
    """Acts for people. An impossible action raises SandboxError with a sentence."""

    def __init__(self, world: World) -> None:
        self._world = world

    def say(
        self,
        chat_id: int,
        user_id: int,
        text: str,
        *,
        reply_to: int | None = None,
        anonymous: bool = False,
    ) -> int:
        """A person writes. Returns the message id (0 for an ephemeral command).

        Writing in private starts the chat with the bot. In a group, a bot without administrator
        rights receives only commands, mentions of itself and replies to itself.
        """
        user = self._person(user_id)
        chat = self._chat_of(chat_id, user_id, "can_send_messages")
        if not text.strip():
            raise SandboxError("there is no text to say")
        quoting = self._existing(chat_id, reply_to) if reply_to is not None else None
        message = self._world.compose(
            chat,
            user,
            text=text,
            entities=found_in(text) or None,
            reply_to_message=quoted(quoting) if quoting else None,
        )
        if anonymous:
            self._mask(chat, user, message)
        if isinstance(chat, Group) and self._is_ephemeral(message):
            self._world.post_ephemeral(message, self._world.bot)
        else:
            self._world.post(message)
        if isinstance(chat, User):
            chat.opened, chat.blocked = True, False
        if self._bot_sees(chat, message):
            self._world.emit("message", dict(message))
        return int(message["message_id"])

    def edit(self, chat_id: int, message_id: int, user_id: int, text: str) -> None:
        """A person edits the text of their own message."""
        self._person(user_id)
        chat = self._chat_of(chat_id, user_id)
        message = self._existing(chat_id, message_id)
        if message["from"]["id"] != user_id or "text" not in message:
            raise SandboxError(f"message {message_id} cannot be edited by {user_id}")
        if not text.strip():
            raise SandboxError("there is no text to say")
        message |= {"text": text, "edit_date": int(self._world.now())}
        message.pop("entities", None)
        if entities := found_in(text):
            message["entities"] = entities
        if self._bot_sees(chat, message):
            self._world.emit("edited_message", dict(message))

    def click(self, chat_id: int, message_id: int, user_id: int, data: str) -> str:
        """A person presses a button of the bot's message. Returns the callback query's id.

        The message id 0 stands for the latest ephemeral message to this person with such a button.
        """
        user = self._person(user_id)
        self._chat_of(chat_id, user_id)
        message = (
            self._existing(chat_id, message_id)
            if message_id
            else self._ephemeral(chat_id, user_id, data)
        )
        if not offers(message, data):
            raise SandboxError(f"message {message_id} has no button with the data {data!r}")
        state = self._world.state
        state.query_id += 1
        query_id = str(10**15 + state.query_id)
        state.queries[query_id] = Query(user_id, chat_id, self._world.now())
        if len(state.queries) > QUERIES_KEPT:
            del state.queries[next(iter(state.queries))]
        query = {
            "id": query_id,
            "from": user_payload(user),
            "message": message,
            "chat_instance": str(abs(chat_id)),
            "data": data,
        }
        self._world.emit("callback_query", query)
        return query_id

    def react(self, chat_id: int, message_id: int, user_id: int, emoji: str | None) -> None:
        """A person reacts to a message; None removes the reaction."""
        user = self._person(user_id)
        chat = self._chat_of(chat_id, user_id, "can_react_to_messages")
        self._existing(chat_id, message_id)
        key = f"{chat_id}:{message_id}:{user_id}"
        new = [{"type": "emoji", "emoji": emoji}] if emoji else []
        news = {
            "chat": group_chat(chat) if isinstance(chat, Group) else person_chat(chat),
            "message_id": message_id,
            "user": user_payload(user),
            "date": int(self._world.now()),
            "old_reaction": self._world.state.reactions.get(key, []),
            "new_reaction": new,
        }
        self._world.state.reactions[key] = new
        if isinstance(chat, Group) and self._bot(chat).status == "administrator":
            self._world.emit("message_reaction", news)

    def join(self, user_id: int | None = None, name: str | None = None) -> int:
        """A person joins the group; without `user_id`, a new person called `name`."""
        group = self._group()
        if user_id is None:
            user_id = self._newcomer(name or "Newcomer")
        user = self._person(user_id)
        if self._world.present(group, user_id):
            raise SandboxError(f"{user.first_name} is in the group already")
        if self._world.member(group, user_id).status == "kicked":
            raise SandboxError(f"{user.first_name} is banned from the group")

        def enter(member: Member) -> None:
            member.in_chat = True
            if member.status == "left":
                member.status = "member"

        self._world.change(group, user_id, user_id, enter)
        self._world.notice(group, user, new_chat_members=[user_payload(user)])
        return user_id

    def leave(self, user_id: int) -> None:
        """A person leaves the group."""
        group, user = self._group(), self._person(user_id)
        if not self._world.present(group, user_id):
            raise SandboxError(f"{user.first_name} is not in the group")
        if group.members[user_id].status == "creator":
            raise SandboxError("the owner cannot leave the group")

        def go(member: Member) -> None:
            restricted = member.status == "restricted"
            permissions, until = member.permissions, member.until
            remove(member)
            if restricted:  # a restriction outlives the membership
                member.status, member.permissions, member.until = "restricted", permissions, until

        self._world.change(group, user_id, user_id, go)
        self._world.left_notice(group, user_id, by=user_id)

    def tag(self, user_id: int, tag: str) -> None:
        """The owner changes a member's tag."""

        def alter(member: Member) -> None:
            member.tag = tag

        self._by_owner(user_id, alter)

    def promote(self, user_id: int) -> None:
        """The owner promotes a member to administrator; the bot can no longer tag them."""

        def alter(member: Member) -> None:
            member.status, member.tag, member.promoted_by = "administrator", "", self._owner()
            member.rights = set(ADMINISTRATOR_RIGHTS) - {"can_promote_members"}

        self._by_owner(user_id, alter)

    def demote(self, user_id: int) -> None:
        """The owner turns an administrator into a plain member."""
        if self._group().members[user_id].status != "administrator":
            raise SandboxError(f"{self._person(user_id).first_name} is not an administrator")
        self._by_owner(user_id, demote)

    def set_bot(self, status: Status, rights: frozenset[str] | None = None) -> None:
        """The owner changes the bot's status: `administrator` with `rights` (default: the
        seed's), `member`, `left` or `kicked`.
        """
        if status not in ("administrator", "member", "left", "kicked"):
            raise SandboxError(f"the owner cannot make the bot {status!r}")
        if unknown := (rights or frozenset()) - set(ADMINISTRATOR_RIGHTS):
            raise SandboxError(f"there are no such rights: {', '.join(sorted(unknown))}")

        def alter(member: Member) -> None:
            remove(member)
            member.status, member.in_chat = status, status in ("administrator", "member")
            if status == "administrator":
                member.rights = set(self._world.seed.group.bot_rights if rights is None else rights)
                member.promoted_by = self._owner()

        self._world.change(self._group(), self._world.bot.id, self._owner(), alter)

    def block(self, user_id: int, *, blocked: bool = True) -> None:
        """A person blocks the bot in private, or unblocks it."""
        user = self._person(user_id)
        if user.blocked == blocked:
            return
        user.blocked, user.opened = blocked, True
        bot = user_payload(self._world.bot)
        out, member = (
            {"status": "kicked", "user": bot, "until_date": 0},
            {"status": "member", "user": bot},
        )
        self._world.emit(
            "my_chat_member",
            {
                "chat": person_chat(user),
                "from": user_payload(user),
                "date": int(self._world.now()),
                "old_chat_member": member if blocked else out,
                "new_chat_member": out if blocked else member,
            },
        )

    def _by_owner(self, user_id: int, alter: Callable[[Member], None]) -> None:
        group, user = self._group(), self._person(user_id)
        if not self._world.present(group, user_id):
            raise SandboxError(f"{user.first_name} is not in the group")
        if group.members[user_id].status == "creator":
            raise SandboxError("the owner does not do this to themselves")
        self._world.change(group, user_id, self._owner(), alter)

    def _group(self) -> Group:
        return self._world.state.groups[self._world.seed.group.id]

    def _bot(self, group: Group) -> Member:
        return group.members[self._world.bot.id]

    def _owner(self) -> int:
        members = self._group().members.values()
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
            raise SandboxError(f"{user_id} is not in the group {chat_id}")
        if permission is not None and not self._world.may(group, user_id, permission):
            raise SandboxError(f"{user_id} lacks {permission} in the group {chat_id}")
        return group

    def _existing(self, chat_id: int, message_id: int) -> JSON:
        message = self._world.message(chat_id, message_id)
        if message is None:
            raise SandboxError(f"there is no message {message_id} in the chat {chat_id}")
        return message

    def _ephemeral(self, chat_id: int, user_id: int, data: str) -> JSON:
        for message in reversed(self._world.state.ephemeral.values()):
            ours = message["chat"]["id"] == chat_id and message["receiver_user"]["id"] == user_id
            if ours and offers(message, data):
                return message
        raise SandboxError(f"{user_id} sees no ephemeral message with the button {data!r}")

    def _mask(self, chat: Group | User, user: User, message: JSON) -> None:
        if isinstance(chat, User) or chat.members[user.id].status not in (
            "creator",
            "administrator",
        ):
            raise SandboxError("only administrators of a group write anonymously")
        message.pop("sender_tag", None)
        message |= {"from": user_payload(ANONYMOUS), "sender_chat": group_chat(chat)}

    def _is_ephemeral(self, message: JSON) -> bool:
        text, entities = message["text"], message.get("entities", [])
        if not entities or entities[0]["type"] != "bot_command" or entities[0]["offset"] != 0:
            return False
        command, _, addressee = text[1 : entities[0]["length"]].partition("@")
        to_us = addressee in ("", self._world.bot.username)
        return to_us and command in ephemeral_commands(self._world)

    def _bot_sees(self, chat: Group | User, message: JSON) -> bool:
        if isinstance(chat, User):
            return True
        bot = self._bot(chat)
        if bot.status in ("administrator", "left", "kicked"):
            return bot.status == "administrator"
        kinds = {entity["type"] for entity in message.get("entities", [])}
        answered = message.get("reply_to_message", {}).get("from", {}).get("id")
        mentioned = f"@{self._world.bot.username}" in message["text"]
        return "bot_command" in kinds or mentioned or answered == bot.user_id

    def _newcomer(self, name: str) -> int:
        state = self._world.state
        state.newcomer_id += 1
        user_id = state.newcomer_id
        state.users[user_id] = User(user_id, name, f"newcomer_{user_id}", "en")
        return user_id
