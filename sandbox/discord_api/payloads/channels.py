"""Channels and threads."""

from sandbox.discord_api.channel_types import CATEGORY, FORUM, PRIVATE_THREAD
from sandbox.discord_api.world import Channel, Thread, World

from .json_values import Json
from .users import user

__all__ = ["channel", "thread_member"]


def channel(one: Channel, world: World) -> Json:
    """A channel: of the guild, a thread, or direct."""
    shown: Json = {"id": str(one.id), "type": one.type, "flags": 0}
    if not one.vocal or one.last_message_id is not None:
        shown["last_message_id"] = _id(one.last_message_id)
    if one.recipient_id is not None:
        return shown | {"recipients": [user(world.users[one.recipient_id])]}
    shown |= {
        "guild_id": str(world.guild.id),
        "name": one.name,
        "parent_id": _id(one.parent_id),
        "rate_limit_per_user": one.rate_limit_per_user,
    }
    if one.thread is not None:
        return shown | _thread_part(one, one.thread, world)
    shown |= {
        "position": one.position,
        "topic": one.topic,
        "nsfw": one.nsfw,
        "permission_overwrites": [
            {
                "id": str(target),
                "type": int(each.of_member),
                "allow": str(each.allow),
                "deny": str(each.deny),
            }
            for target, each in one.overwrites.items()
        ],
    }
    if one.type == CATEGORY:
        del shown["topic"], shown["last_message_id"]
    if one.type == FORUM:
        shown |= {
            "available_tags": [],
            "default_reaction_emoji": None,
            "default_sort_order": None,
            "default_forum_layout": 0,
            "default_thread_rate_limit_per_user": 0,
        }
    if one.vocal:
        shown |= {"bitrate": one.bitrate, "user_limit": one.user_limit, "rtc_region": None}
    return shown


def thread_member(thread_id: int, user_id: int, joined_at: str) -> Json:
    """A user's membership of a thread."""
    return {
        "id": str(thread_id),
        "user_id": str(user_id),
        "join_timestamp": joined_at,
        "flags": 0,
    }


def _thread_part(one: Channel, thread: Thread, world: World) -> Json:
    part: Json = {
        "owner_id": str(thread.owner_id),
        "thread_metadata": {
            "archived": thread.archived,
            "archive_timestamp": thread.archived_at,
            "auto_archive_duration": thread.auto_archive_duration,
            "locked": thread.locked,
            "create_timestamp": thread.created_at,
        },
        "message_count": thread.message_count,
        "member_count": min(len(thread.members), 50),
        "total_message_sent": max(thread.messages_sent, thread.message_count),
        "applied_tags": [str(tag) for tag in thread.applied_tags],
    }
    if one.type == PRIVATE_THREAD:
        part["thread_metadata"]["invitable"] = thread.invitable
    joined_at = thread.members.get(world.bot_id)
    if joined_at is not None:
        part["member"] = thread_member(one.id, world.bot_id, joined_at)
    return part


def _id(value: int | None) -> str | None:
    return None if value is None else str(value)
