"""The rights of administrators, the permissions of members, and the rule for tags and titles."""

import unicodedata

from .errors import bad_request

__all__ = ["ADMINISTRATOR_RIGHTS", "GROUP_DEFAULTS", "PERMISSIONS", "check_rank"]

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
EMOJI_JOINERS = "\u200d\ufe0f\u20e3"
FIRST_SKIN_TONE, LAST_SKIN_TONE = "\U0001f3fb", "\U0001f3ff"


def check_rank(rank: str) -> None:
    """Refuse a tag or custom title that is too long or holds an emoji.

    The error text is known for custom titles; the same text for tags is an assumption.
    """
    if len(rank) > RANK_LENGTH_MAX:
        raise bad_request("ADMIN_RANK_INVALID")
    if any(_is_emoji(character) for character in rank):
        raise bad_request("ADMIN_RANK_EMOJI_NOT_ALLOWED")


def _is_emoji(character: str) -> bool:
    return (
        unicodedata.category(character) == "So"
        or character in EMOJI_JOINERS
        or FIRST_SKIN_TONE <= character <= LAST_SKIN_TONE
    )
