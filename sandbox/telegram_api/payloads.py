"""The JSON objects sent to bots, with every field that Bot API 10.3 requires."""

from typing import assert_never

from .rights import ADMINISTRATOR_RIGHTS, PERMISSIONS
from .state import JSON, Group, Member, User

__all__ = [
    "full_group",
    "full_person",
    "group_chat",
    "member_payload",
    "person_chat",
    "quoted",
    "user_payload",
]

REACTIONS_MAX = 11


def user_payload(user: User) -> JSON:
    """User."""
    found: JSON = {"id": user.id, "is_bot": user.is_bot, "first_name": user.first_name}
    if user.username:
        found["username"] = user.username
    if user.language_code:
        found["language_code"] = user.language_code
    return found


def person_chat(user: User) -> JSON:
    """Chat of type private."""
    found: JSON = {"id": user.id, "type": "private", "first_name": user.first_name}
    if user.username:
        found["username"] = user.username
    return found


def group_chat(group: Group) -> JSON:
    """Chat of type supergroup."""
    return {"id": group.id, "type": "supergroup", "title": group.title}


def full_person(user: User) -> JSON:
    """ChatFullInfo of a private chat."""
    found = person_chat(user) | _full(user.id)
    if user.username:
        found["active_usernames"] = [user.username]
    return found


def full_group(group: Group, pinned: JSON | None) -> JSON:
    """ChatFullInfo of a supergroup."""
    found = group_chat(group) | _full(group.id)
    found["permissions"] = {name: name in group.permissions for name in PERMISSIONS}
    found["has_visible_history"] = True
    if group.description:
        found["description"] = group.description
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
            bot = group.members[bot_id]
            found["is_anonymous"] = member.is_anonymous
            found["can_be_edited"] = (
                member.promoted_by == bot_id and "can_promote_members" in bot.rights
            )
            found |= {name: name in member.rights for name in ADMINISTRATOR_RIGHTS}
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


def quoted(message: JSON) -> JSON:
    """Return a message for use inside another one; Telegram never nests deeper."""
    return {key: value for key, value in message.items() if key != "reply_to_message"}
