"""The Telegram world as one bot meets it: chats, members and messages, under Telegram's rules."""

import copy
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.seed_data import TelegramSeed
from sandbox.telegram_api.errors import bad_request, forbidden, moved

from . import deliveries
from .payloads import chat_payload, forward_origin, member_payload, quoted, user_payload
from .state import JSON, BotState, Group, Member, State, User, seeded

__all__ = [
    "ANONYMOUS",
    "CHANNEL_BOT",
    "GENERAL",
    "MESSAGES_KEPT",
    "TELEGRAM",
    "Shared",
    "Upload",
    "World",
]

MESSAGES_KEPT = 2_000
GENERAL = 1
KEPT_OVER_RESET = (
    "message_ids",
    "ephemeral_id",
    "query_id",
    "newcomer_id",
    "made_id",
    "file_number",
)
KEPT_OF_BOTS = ("message_ids", "allowed_updates", "commands", "profile", "settings")
# Telegram shows these as the senders of every anonymous administrator, of everybody who writes as
# their channel, and of posts that a channel forwards into its discussion group.
ANONYMOUS = User(1087968824, "Group", "GroupAnonymousBot", is_bot=True)
CHANNEL_BOT = User(136817688, "Channel", "Channel_Bot", is_bot=True)
TELEGRAM = User(777000, "Telegram")


@dataclass
class Shared:
    """The state that all views share. Calls `on_update` with a bot's id after a new update."""

    state: State
    on_update: Callable[[int], None] = field(default=lambda _: None)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file in a request."""

    name: str
    mime_type: str
    data: bytes


class World:
    """Reads and changes the state by Telegram's rules, as the bot `bot_id` meets it.

    `of` gives the view of another bot. `uploads` are the files of the request that is executed.
    """

    def __init__(
        self,
        seed: TelegramSeed,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.seed = seed
        self.now = now
        self.shared = Shared(seeded(seed, update_id=int(now())))
        self.bot_id = seed.bot_id
        self.uploads: Mapping[str, Upload] = {}

    def of(self, bot_id: int, uploads: Mapping[str, Upload] | None = None) -> "World":
        """Return the same world as another bot meets it."""
        view = copy.copy(self)
        view.bot_id, view.uploads = bot_id, uploads or {}
        return view

    @property
    def state(self) -> State:
        """The state of all bots and chats."""
        return self.shared.state

    @state.setter
    def state(self, state: State) -> None:
        self.shared.state = state

    @property
    def bot(self) -> User:
        """The bot's own user."""
        return self.state.users[self.bot_id]

    @property
    def own(self) -> BotState:
        """The private chats, updates and settings of the bot."""
        return self.state.bots[self.bot_id]

    def reset(self) -> None:
        """Go back to the seed, except for what a running bot relies on.

        Counters go on: the bot has confirmed all lower update ids, and a bot that keys on message
        ids must not receive one twice. The bot sets menus, profile and kinds of updates only at its
        start, so they stay.
        """
        old = self.state
        self.state = seeded(self.seed, update_id=old.update_id)
        for kept in KEPT_OVER_RESET:
            setattr(self.state, kept, getattr(old, kept))
        for kept in KEPT_OF_BOTS:
            setattr(self.state.bots[self.bot_id], kept, getattr(old.bots[self.bot_id], kept))

    @property
    def the_group(self) -> Group:
        """The seed's group, whichever id it has now."""
        group_id = self.seed.group.id
        while group_id in self.state.moved:
            group_id = self.state.moved[group_id]
        return self.state.groups[group_id]

    def made(self) -> int:
        """Return the next number for something new that is no message."""
        self.state.made_id += 1
        return self.state.made_id

    def group(self, chat_id: int | str) -> Group:
        """Return the supergroup or channel, if the bot is in it. Raises ApiError otherwise."""
        chat = self.chat(chat_id)
        if isinstance(chat, Group):
            return chat
        raise bad_request("method is available only for supergroup and channel chats")

    def supergroup(self, chat_id: int | str) -> Group:
        """Return the supergroup, if the bot is in it. Raises ApiError otherwise."""
        chat = self.chat(chat_id)
        if isinstance(chat, Group) and chat.kind == "supergroup":
            return chat
        raise bad_request("method is available only for supergroups")

    def chat(self, chat_id: int | str) -> Group | User:
        """Return a chat of the bot, or a person. Raises ApiError otherwise."""
        if isinstance(chat_id, str):
            chat_id = self._named(chat_id)
        if chat_id in self.state.moved:
            raise moved(self.state.moved[chat_id])
        group = self.state.groups.get(chat_id)
        if group is None:
            user = self.state.users.get(chat_id)
            if user is None or user.is_bot:
                raise bad_request("chat not found")
            return user
        member = group.members.get(self.bot_id)
        if member is not None and member.status == "kicked":
            raise forbidden(f"bot was kicked from the {group.kind} chat")
        if not self.present(group, self.bot_id):
            raise forbidden(f"bot is not a member of the {group.kind} chat")
        return group

    def _named(self, name: str) -> int:
        for group in self.state.groups.values():
            if group.username and name.lower() == f"@{group.username}".lower():
                return group.id
        raise bad_request("chat not found")

    def writable(
        self, chat_id: int | str, permission: str = "can_send_messages", things: str = "messages"
    ) -> Group | User:
        """Return the chat, if the bot may send there. Raises ApiError otherwise."""
        chat = self.chat(chat_id)
        if isinstance(chat, User):
            if chat.id in self.own.blocked:
                raise forbidden("bot was blocked by the user")
            if chat.id not in self.own.opened and not self._asked(chat.id):
                raise forbidden("bot can't initiate conversation with a user")
        elif chat.kind == "channel":
            self.require(chat, "can_post_messages", "need administrator rights in the channel chat")
        elif not self.may(chat, self.bot_id, permission):
            raise bad_request(f"not enough rights to send {things} to the chat")
        return chat

    def _asked(self, user_id: int) -> bool:
        """Tell whether the bot may write first, since it decides on this person's wish to join."""
        for group in self.state.groups.values():
            own = group.members.get(self.bot_id)
            if user_id in group.join_requests and own is not None:
                return "can_invite_users" in own.rights
        return False

    def member(self, group: Group, user_id: int) -> Member:
        """Return a membership, with expired bans and restrictions lifted; `left` without one."""
        if user_id not in self.state.users:
            raise bad_request("PARTICIPANT_ID_INVALID")
        member = group.members.get(user_id) or Member(user_id, "left", in_chat=False)
        if member.until and member.until <= self.now():
            if member.status == "kicked":
                member.status, member.until = "left", 0
            elif member.status == "restricted":
                member.status, member.until = ("member" if member.in_chat else "left"), 0
        return member

    def present(self, group: Group, user_id: int) -> bool:
        """Tell whether the user is in the group."""
        if user_id not in self.state.users:
            return False
        member = self.member(group, user_id)
        return member.status not in ("left", "kicked") and member.in_chat

    def may(self, group: Group, user_id: int, permission: str) -> bool:
        """Tell whether a user in the group has a member's permission there."""
        member = self.member(group, user_id)
        if member.status in ("creator", "administrator"):
            return True
        if member.status == "restricted":
            return permission in member.permissions & group.permissions
        return member.status == "member" and permission in group.permissions

    def require(self, group: Group, right: str, refusal: str) -> None:
        """Refuse with 400 `refusal` unless the bot is an administrator with `right`."""
        bot = self.member(group, self.bot_id)
        if bot.status != "administrator" or right not in bot.rights:
            raise bad_request(refusal)

    def change(
        self, group: Group, user_id: int, by: int, alter: Callable[[Member], None], **more: Any
    ) -> Member:
        """Change a membership, and send the bots an update; `my_chat_member` for their own."""
        user = self.state.users[user_id]
        member = self.member(group, user_id)
        watching = {user_id} if user_id in self.state.bots else set()
        watching |= {
            bot_id
            for bot_id, bot in deliveries.bots_in(self.state, group)
            if bot.status == "administrator"
        }
        before = {bot_id: member_payload(group, member, user, bot_id=bot_id) for bot_id in watching}
        alter(member)
        group.members[user_id] = member
        for bot_id in sorted(watching):
            after = member_payload(group, member, user, bot_id=bot_id)
            if after != before[bot_id]:
                news = {
                    "chat": chat_payload(group),
                    "from": user_payload(self.state.users[by]),
                    "date": int(self.now()),
                    "old_chat_member": before[bot_id],
                    "new_chat_member": after,
                }
                kind = "my_chat_member" if user_id == bot_id else "chat_member"
                self.emit(kind, news | more, to=bot_id)
        return member

    def emit(self, kind: str, payload: JSON, *, to: int | None = None) -> None:
        """Queue an update for a bot (default: the one of this view), if it asked for this kind."""
        bot_id = self.bot_id if to is None else to
        # A copy, because later edits of the message must not change what was sent.
        if deliveries.queue(self.state, self.state.bots[bot_id], kind, copy.deepcopy(payload)):
            self.shared.on_update(bot_id)

    def emit_text(self, text: str) -> int:
        """Queue an update of any shape for the bot of this view. Returns its id."""
        update_id = deliveries.queue_text(self.state, self.own, text)
        self.shared.on_update(self.bot_id)
        return update_id

    def emit_to_administrators(
        self, group: Group, kind: str, payload: JSON, right: str | None = None
    ) -> None:
        """Queue an update for the administrating bots of a group, those with `right` if given."""
        for bot_id, bot in list(deliveries.bots_in(self.state, group)):
            if bot.status == "administrator" and (right is None or right in bot.rights):
                self.emit(kind, payload, to=bot_id)

    def deliver(
        self, chat: Group | User, message: JSON, *, author: int | None, edited: bool = False
    ) -> None:
        """Send a message, or its new version, to the bots that see it."""
        kind = "channel_post" if isinstance(chat, Group) and chat.kind == "channel" else "message"
        kind = f"edited_{kind}" if edited else kind
        if isinstance(chat, User):
            self.emit(kind, message)
            return
        for bot_id, _ in list(deliveries.bots_in(self.state, chat)):
            if deliveries.sees(
                self.state, chat, self.state.users[bot_id], message, author=author
            ) and (author != bot_id or deliveries.is_service(message)):
                self.emit(kind, message, to=bot_id)

    def compose(
        self, chat: Group | User, sender: User, *, thread_id: int | None = None, **content: Any
    ) -> JSON:
        """Return an unposted message with sender, chat and date; None values are left out."""
        message: JSON = {
            "message_id": 0,
            "date": int(self.now()),
            "chat": chat_payload(chat),
        }
        if isinstance(chat, User):
            message["from"] = user_payload(sender)
        elif chat.kind == "channel":
            message["sender_chat"] = message["chat"]
        else:
            message["from"] = user_payload(sender)
            self._show_rank(chat, sender, message)
            if thread_id is not None and thread_id != GENERAL:
                message |= {"message_thread_id": thread_id, "is_topic_message": True}
                if opener := self.message(chat.id, thread_id):
                    # Telegram takes a message in a topic for a reply to what opened the topic.
                    message["reply_to_message"] = quoted(opener)
        return message | {key: value for key, value in content.items() if value is not None}

    def _show_rank(self, group: Group, sender: User, message: JSON) -> None:
        member = group.members.get(sender.id)
        if member is None:
            return
        if rank := member.tag or member.custom_title:
            message["sender_tag"] = rank
        if member.is_anonymous and member.status in ("creator", "administrator"):
            self.mask(message, message["chat"])

    @staticmethod
    def mask(message: JSON, sender_chat: JSON) -> None:
        """Let a message look as if a chat had sent it."""
        message.pop("sender_tag", None)
        own = sender_chat["id"] == message["chat"]["id"]
        message |= {
            "from": user_payload(ANONYMOUS if own else CHANNEL_BOT),
            "sender_chat": sender_chat,
        }

    def kept(self, chat_id: int) -> dict[int, JSON]:
        """Return the messages of a chat by their ids. Private ones belong to the bot."""
        owner = self.state if chat_id in self.state.groups else self.own
        return owner.messages.setdefault(chat_id, {})

    def post(self, message: JSON, *, author: int | None = None) -> JSON:
        """Give a message its id and keep it; the oldest above MESSAGES_KEPT is removed.

        `author` is the person or bot behind it, by default the one in its `from`.
        """
        chat_id = message["chat"]["id"]
        kept, group = self.kept(chat_id), self.state.groups.get(chat_id)
        ids = (self.own if group is None else self.state).message_ids
        message["message_id"] = ids[chat_id] = ids.get(chat_id, 0) + 1
        kept[message["message_id"]] = message
        if len(kept) > MESSAGES_KEPT:
            self.remove(chat_id, next(iter(kept)))
        if group is not None:
            self._remember_author(group, message, author)
            if group.kind == "channel" and group.linked_chat_id:
                self._forward_into_discussion(group, message)
        return message

    def _remember_author(self, group: Group, message: JSON, author: int | None) -> None:
        shown = message.get("from", {}).get("id")
        if author is not None and author != shown:
            group.authors[message["message_id"]] = author
        if (author or shown) in self.state.bots:
            group.last_bot = author or shown

    def _forward_into_discussion(self, channel: Group, post: JSON) -> None:
        group = self.state.groups.get(channel.linked_chat_id or 0)
        if group is None:
            return
        content = {
            key: value
            for key, value in post.items()
            if key not in ("message_id", "date", "chat", "sender_chat", "reply_to_message")
        }
        message = self.compose(group, TELEGRAM, **content)
        message |= {
            "sender_chat": post["chat"],
            "is_automatic_forward": True,
            "forward_origin": forward_origin(post),
        }
        self.deliver(group, self.post(message), author=None)

    def author(self, message: JSON) -> int | None:
        """Return the person or bot behind a message, also where a chat seems to have sent it."""
        group = self.state.groups.get(message["chat"]["id"])
        shown: int | None = message.get("from", {}).get("id")
        return shown if group is None else group.authors.get(message["message_id"], shown)

    def post_ephemeral(self, message: JSON, receiver: User) -> JSON:
        """Keep a message that only its sender and `receiver` see. Its message_id stays 0."""
        self.state.ephemeral_id += 1
        message["ephemeral_message_id"] = self.state.ephemeral_id
        message["receiver_user"] = user_payload(receiver)
        self.state.ephemeral[self.state.ephemeral_id] = message
        if len(self.state.ephemeral) > MESSAGES_KEPT:
            del self.state.ephemeral[next(iter(self.state.ephemeral))]
        return message

    def message(self, chat_id: int, message_id: int) -> JSON | None:
        """Return a message that was posted and not deleted."""
        return self.kept(chat_id).get(message_id)

    def remove(self, chat_id: int, message_id: int) -> None:
        """Delete a message with its pin, its reactions and its poll."""
        message = self.kept(chat_id).pop(message_id, {})
        if poll := message.get("poll"):
            self._forget_poll(poll["id"])
        if group := self.state.groups.get(chat_id):
            group.authors.pop(message_id, None)
            group.pinned = [pinned for pinned in group.pinned if pinned != message_id]
        elif message_id in self.own.pinned.get(chat_id, ()):
            self.own.pinned[chat_id].remove(message_id)
        self.state.reactions.pop(self.reaction_key(chat_id, message_id), None)

    def _forget_poll(self, poll_id: str) -> None:
        """Drop the votes of a poll that no message shows any more; forwards share them."""
        kept = [self.state.messages, *(bot.messages for bot in self.state.bots.values())]
        messages = (one for chats in kept for chat in chats.values() for one in chat.values())
        if all(one.get("poll", {}).get("id") != poll_id for one in messages):
            self.state.polls.pop(poll_id, None)

    def notice(self, chat: Group | User, by: User, **content: Any) -> JSON:
        """Post a service message, and send it to the bots of the chat."""
        message = self.post(self.compose(chat, by, **content), author=by.id)
        self.deliver(chat, message, author=by.id)
        return message

    def reaction_key(self, chat_id: int, message_id: int) -> str:
        """Return the key of a message's reactions; private chats with each bot have their own."""
        place = f"{chat_id}:{message_id}"
        return place if chat_id in self.state.groups else f"{self.bot_id}/{place}"

    def pins(self, chat: Group | User) -> list[int]:
        """Return the pinned messages of a chat, to be changed by the caller."""
        return chat.pinned if isinstance(chat, Group) else self.own.pinned.setdefault(chat.id, [])

    def left_notice(self, group: Group, user_id: int, by: int) -> None:
        """Post that a person left or was removed."""
        gone = user_payload(self.state.users[user_id])
        self.notice(group, self.state.users[by], left_chat_member=gone)
