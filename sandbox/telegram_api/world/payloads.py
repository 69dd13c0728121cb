"""The JSON objects sent to bots, with every field that Bot API 10.3 requires."""

from typing import assert_never

from .rights import ADMINISTRATOR_RIGHTS, CHANNEL_RIGHTS, PERMISSIONS
from .state import JSON, Group, Member, User

__all__ = [
    "chat_payload",
    "forward_origin",
    "full_group",
    "full_person",
    "member_payload",
    "quoted",
    "user_payload",
    "words_of",
]

REACTIONS_MAX = 11


def user_payload(user: User) -> JSON:
    """User."""
    found: JSON = {"id": user.id, "is_bot": user.is_bot, "first_name": user.first_name}
    for name in ("last_name", "username", "language_code"):
        if value := getattr(user, name):
            found[name] = value
    return found


def chat_payload(chat: Group | User) -> JSON:
    """Chat of type private, supergroup or channel."""
    if isinstance(chat, User):
        found: JSON = {"id": chat.id, "type": "private", "first_name": chat.first_name}
        if chat.last_name:
            found["last_name"] = chat.last_name
    else:
        found = {"id": chat.id, "type": chat.kind, "title": chat.title}
        if chat.is_forum:
            found["is_forum"] = True
    if chat.username:
        found["username"] = chat.username
    return found


def full_person(user: User, pinned: JSON | None) -> JSON:
    """ChatFullInfo of a private chat."""
    found = chat_payload(user) | _full(user.id)
    if user.username:
        found["active_usernames"] = [user.username]
    if pinned:
        found["pinned_message"] = quoted(pinned)
    return found


def full_group(group: Group, pinned: JSON | None) -> JSON:
    """ChatFullInfo of a supergroup or a channel."""
    found = chat_payload(group) | _full(group.id)
    if group.kind == "supergroup":
        found["permissions"] = {name: name in group.permissions for name in PERMISSIONS}
        found["has_visible_history"] = True
        if group.join_by_request:
            found["join_by_request"] = True
    if group.username:
        found["active_usernames"] = [group.username]
    if group.linked_chat_id:
        found["linked_chat_id"] = group.linked_chat_id
    if group.description:
        found["description"] = group.description
    if group.photo:
        file_id, unique_id = group.photo
        found["photo"] = {
            "small_file_id": file_id,
            "small_file_unique_id": unique_id,
            "big_file_id": file_id,
            "big_file_unique_id": unique_id,
        }
    if pinned:
        found["pinned_message"] = quoted(pinned)
    return found


def _full(chat_id: int) -> JSON:
    gifts = (
        "unlimited_gifts",
        "limited_gifts",
        "unique_gifts",
        "premium_subscription",
        "gifts_from_channels",
    )
    return {
        "accent_color_id": abs(chat_id) % 7,
        "max_reaction_count": REACTIONS_MAX,
        "accepted_gift_types": dict.fromkeys(gifts, False),
    }


def member_payload(group: Group, member: Member, user: User, *, bot_id: int) -> JSON:
    """ChatMember, as the bot `bot_id` sees it."""
    found: JSON = {"status": member.status, "user": user_payload(user)}
    match member.status:
        case "creator":
            found["is_anonymous"] = member.is_anonymous
        case "administrator":
            bot = group.members.get(bot_id)
            found["is_anonymous"] = member.is_anonymous
            found["can_be_edited"] = (
                bot is not None
                and member.promoted_by == bot_id
                and "can_promote_members" in bot.rights
            )
            rights = CHANNEL_RIGHTS if group.kind == "channel" else ADMINISTRATOR_RIGHTS
            found |= {name: name in member.rights for name in rights}
        case "member":
            if member.until:
                found["until_date"] = member.until
        case "restricted":
            found["is_member"] = member.in_chat
            found["until_date"] = member.until
            found |= {name: name in member.permissions for name in PERMISSIONS}
        case "kicked":
            found["until_date"] = member.until
        case "left":
            pass
        case unknown:
            assert_never(unknown)
    if member.tag and member.status in ("member", "restricted"):
        found["tag"] = member.tag
    if member.custom_title and member.status in ("creator", "administrator"):
        found["custom_title"] = member.custom_title
    return found


def words_of(message: JSON) -> str:
    """Return the text or caption of a message."""
    return str(message.get("text") or message.get("caption") or "")


def quoted(message: JSON) -> JSON:
    """Return a message for use inside another one; Telegram never nests deeper."""
    return {key: value for key, value in message.items() if key != "reply_to_message"}


def forward_origin(message: JSON, *, hidden: bool = False) -> JSON:
    """MessageOrigin of a message: its own origin, or else the chat or person that sent it.

    A `hidden` person forbids links to their account in forwards.
    """
    if "forward_origin" in message:
        known: JSON = message["forward_origin"]
        return known
    origin: JSON = {"date": message["date"]}
    sender = message.get("sender_chat")
    if sender is None and hidden:
        return origin | {"type": "hidden_user", "sender_user_name": message["from"]["first_name"]}
    if sender is None:
        return origin | {"type": "user", "sender_user": message["from"]}
    if sender["type"] == "channel" and sender["id"] == message["chat"]["id"]:
        return origin | {"type": "channel", "chat": sender, "message_id": message["message_id"]}
    return origin | {"type": "chat", "sender_chat": sender}
