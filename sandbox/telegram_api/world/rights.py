"""The rights of administrators, the permissions of members, and the rule for tags and titles."""

import re

from sandbox.telegram_api.errors import bad_request

from .emoji import is_emoji

__all__ = [
    "ADMINISTRATOR_RIGHTS",
    "CHANNEL_RIGHTS",
    "GROUP_DEFAULTS",
    "PERMISSIONS",
    "stored_rank",
]

ADMINISTRATOR_RIGHTS = (
    "can_manage_chat",
    "can_delete_messages",
    "can_manage_video_chats",
    "can_restrict_members",
    "can_promote_members",
    "can_change_info",
    "can_invite_users",
    "can_post_stories",
    "can_edit_stories",
    "can_delete_stories",
    "can_send_welcome_messages",
    "can_pin_messages",
    "can_manage_topics",
    "can_manage_tags",
)
CHANNEL_RIGHTS = (
    *(
        right
        for right in ADMINISTRATOR_RIGHTS
        if right not in ("can_pin_messages", "can_manage_topics", "can_manage_tags")
    ),
    "can_post_messages",
    "can_edit_messages",
)
PERMISSIONS = (
    "can_send_messages",
    "can_send_audios",
    "can_send_documents",
    "can_send_photos",
    "can_send_videos",
    "can_send_video_notes",
    "can_send_voice_notes",
    "can_send_polls",
    "can_send_other_messages",
    "can_add_web_page_previews",
    "can_react_to_messages",
    "can_edit_tag",
    "can_change_info",
    "can_invite_users",
    "can_pin_messages",
    "can_manage_topics",
)
GROUP_DEFAULTS = frozenset(PERMISSIONS) - {
    "can_edit_tag",
    "can_change_info",
    "can_pin_messages",
    "can_manage_topics",
}
RANK_LENGTH_MAX = 16
# As in tdlib's clean_input_string and clean_name: characters that are dropped, those that become a
# space, and those that alone are no text at all.
DROPPED = re.compile("[\r\u2028-\u202e\u0333\u033f\u030a]")
SPACES = re.compile("[\x00-\x20\xa0\u1680\u180e\u2000-\u200a\u202f\u205f\u2800\u3000\ufffc]+")
UNSEEN = re.compile("[ \u200b-\u200f\ufeff]*")


def stored_rank(rank: str) -> str:
    """Return a tag or custom title as Telegram stores it; refuse one that is too long or has emoji.

    The error text is known for custom titles; the same text for tags is an assumption.
    """
    kept = SPACES.sub(" ", DROPPED.sub("", rank)).strip(" ")
    if UNSEEN.fullmatch(kept):
        return ""
    if len(kept) > RANK_LENGTH_MAX:
        raise bad_request("ADMIN_RANK_INVALID")
    if any(is_emoji(character) for character in kept):
        raise bad_request("ADMIN_RANK_EMOJI_NOT_ALLOWED")
    return kept
