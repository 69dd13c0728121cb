"""The Telegram world: chats, members, messages and pending updates, under Telegram's rules."""

import time
from collections.abc import Callable
from typing import Any

from sandbox.seed_data import TelegramSeed

from .errors import bad_request, forbidden
from .payloads import group_chat, member_payload, person_chat, quoted, user_payload
from .state import JSON, Group, Member, State, User, seeded

__all__ = ["MESSAGES_KEPT", "OPT_IN_UPDATES", "UPDATE_KINDS", "World"]

MESSAGES_KEPT = 2_000
UPDATES_KEPT = 100_000
KEPT_OVER_RESET = (
    "message_ids",
    "ephemeral_id",
    "query_id",
    "newcomer_id",
    "allowed_updates",
    "commands",
    "profile",
)
OPT_IN_UPDATES = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
UPDATE_KINDS = OPT_IN_UPDATES | {
    "message",
    "edited_message",
    "channel_post",
    "edited_channel_post",
    "business_connection",
    "business_message",
    "edited_business_message",
    "deleted_business_messages",
    "guest_message",
    "inline_query",
    "chosen_inline_result",
    "callback_query",
    "shipping_query",
    "pre_checkout_query",
    "purchased_paid_media",
    "poll",
    "poll_answer",
    "my_chat_member",
    "chat_join_request",
    "chat_boost",
    "removed_chat_boost",
    "managed_bot",
    "subscription",
    "stopped_message_generation",
}


class World:
    """Reads and changes the state by Telegram's rules. Calls `on_update` after each new update."""

    def __init__(self, seed: TelegramSeed, *, now: Callable[[], float] = time.time) -> None:
        self.seed = seed
        self.now = now
        self.state: State = seeded(seed, update_id=int(now()))
        self.on_update: Callable[[], None] = lambda: None

    @property
    def bot(self) -> User:
        """The bot's own user."""
        return self.state.users[self.seed.bot_id]

    def reset(self) -> None:
        """Go back to the seed, except for KEPT_OVER_RESET, on which a running bot relies.

        Counters go on: the bot has confirmed all lower update ids, and a bot that keys on message
        ids must not receive one twice. The bot sets menus, profile and kinds of updates only at its
        start, so they stay.
        """
        old = self.state
        self.state = seeded(self.seed, update_id=old.update_id)
        for kept in KEPT_OVER_RESET:
            setattr(self.state, kept, getattr(old, kept))

    def group(self, chat_id: int | str) -> Group:
        """Return the supergroup, if the bot is in it. Raises ApiError otherwise."""
        chat = self.chat(chat_id)
        if isinstance(chat, Group):
            return chat
        raise bad_request("method is available only for supergroup and channel chats")

    def chat(self, chat_id: int | str) -> Group | User:
        """Return the bot's group, or a person. Raises ApiError otherwise."""
        if isinstance(chat_id, str):
            raise bad_request("chat not found")
        group = self.state.groups.get(chat_id)
        if group is None:
            user = self.state.users.get(chat_id)
            if user is None or user.is_bot:
                raise bad_request("chat not found")
            return user
        status = group.members[self.bot.id].status
        if status == "kicked":
            raise forbidden("bot was kicked from the supergroup chat")
        if status == "left":
            raise forbidden("bot is not a member of the supergroup chat")
        return group

    def writable(self, chat_id: int | str) -> Group | User:
        """Return the chat, if the bot may send messages there. Raises ApiError otherwise."""
        chat = self.chat(chat_id)
        if isinstance(chat, User):
            if chat.blocked:
                raise forbidden("bot was blocked by the user")
            if not chat.opened:
                raise forbidden("bot can't initiate conversation with a user")
        elif not self.may(chat, self.bot.id, "can_send_messages"):
            raise bad_request("not enough rights to send text messages to the chat")
        return chat

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
        bot = self.member(group, self.bot.id)
        if bot.status != "administrator" or right not in bot.rights:
            raise bad_request(refusal)

    def change(
        self, group: Group, user_id: int, by: int, alter: Callable[[Member], None]
    ) -> Member:
        """Change a membership, and send the bot an update; `my_chat_member` for its own."""
        user = self.state.users[user_id]
        member = self.member(group, user_id)
        before = member_payload(group, member, user, bot_id=self.bot.id)
        alter(member)
        group.members[user_id] = member
        after = member_payload(group, member, user, bot_id=self.bot.id)
        if after != before:
            kind = "my_chat_member" if user_id == self.bot.id else "chat_member"
            news = {
                "chat": group_chat(group),
                "from": user_payload(self.state.users[by]),
                "date": int(self.now()),
                "old_chat_member": before,
                "new_chat_member": after,
            }
            if kind == "my_chat_member" or self._is_administrator(group):
                self.emit(kind, news)
        return member

    def _is_administrator(self, group: Group) -> bool:
        return group.members[self.bot.id].status == "administrator"

    def emit(self, kind: str, payload: JSON) -> None:
        """Queue an update for the bot, if its last poll asked for this kind."""
        allowed = self.state.allowed_updates
        if kind not in allowed if allowed else kind in OPT_IN_UPDATES:
            return
        self.state.update_id += 1
        self.state.pending.append({"update_id": self.state.update_id, kind: payload})
        del self.state.pending[:-UPDATES_KEPT]
        self.on_update()

    def emit_text(self, text: str) -> int:
        """Queue an update sent as `text`, even if the bot did not ask for it. Returns its id.

        `$update_id` in the text stands for the id.
        """
        self.state.update_id += 1
        update_id = self.state.update_id
        self.state.raw[update_id] = text.replace("$update_id", str(update_id))
        self.state.pending.append({"update_id": update_id})
        self.on_update()
        return update_id

    def compose(self, chat: Group | User, sender: User, **content: Any) -> JSON:
        """Return an unposted message with sender, chat and date; None values are left out."""
        message: JSON = {
            "message_id": 0,
            "date": int(self.now()),
            "chat": group_chat(chat) if isinstance(chat, Group) else person_chat(chat),
            "from": user_payload(sender),
        }
        if isinstance(chat, Group) and (member := chat.members.get(sender.id)):
            rank = member.tag or member.custom_title
            message |= {"sender_tag": rank} if rank else {}
        return message | {key: value for key, value in content.items() if value is not None}

    def post(self, message: JSON) -> JSON:
        """Give a message its id and keep it; the oldest above MESSAGES_KEPT is removed."""
        chat_id = message["chat"]["id"]
        message["message_id"] = self.state.message_ids.get(chat_id, 0) + 1
        self.state.message_ids[chat_id] = message["message_id"]
        kept = self.state.messages.setdefault(chat_id, {})
        kept[message["message_id"]] = message
        if len(kept) > MESSAGES_KEPT:
            del kept[next(iter(kept))]
        return message

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
        return self.state.messages.get(chat_id, {}).get(message_id)

    def notice(self, group: Group, by: User, **content: Any) -> None:
        """Post a service message, and send the bot an update if it is in the group."""
        message = self.post(self.compose(group, by, **content))
        if self.present(group, self.bot.id):
            self.emit("message", quoted(message))

    def left_notice(self, group: Group, user_id: int, by: int) -> None:
        """Post that a person left or was removed."""
        gone = user_payload(self.state.users[user_id])
        self.notice(group, self.state.users[by], left_chat_member=gone)
