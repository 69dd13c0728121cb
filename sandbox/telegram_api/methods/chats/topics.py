"""Methods on the topics of a forum."""

from collections.abc import Callable

from sandbox.telegram_api.errors import bad_request
from sandbox.telegram_api.parameters import ChatId, Methods, Parameters
from sandbox.telegram_api.world import JSON, Group, World
from sandbox.telegram_api.world.state import Topic
from sandbox.telegram_api.world.world import GENERAL

__all__ = ["ICON_COLORS", "METHODS", "open_topic", "topic_name"]

ICON_COLORS = (7322096, 16766590, 13338331, 9367192, 16749490, 16478047)
NAME_LENGTH_MAX = 128
NO_TOPICS = "not enough rights to manage topics in the chat"


class InTopic(Parameters, kw_only=True):
    """Parameters of every method on one topic."""

    chat_id: ChatId
    message_thread_id: int


class InGeneral(Parameters, kw_only=True):
    """Parameters of every method on the topic General."""

    chat_id: ChatId


class CreateForumTopic(Parameters, kw_only=True):
    chat_id: ChatId
    name: str
    icon_color: int | None = None
    icon_custom_emoji_id: str | None = None


def create_topic(world: World, call: CreateForumTopic) -> JSON:
    """Open a topic. Returns ForumTopic."""
    group = _forum(world, call.chat_id)
    world.require(group, "can_manage_topics", "not enough rights to create a topic")
    color = ICON_COLORS[0] if call.icon_color is None else call.icon_color
    if color not in ICON_COLORS:
        raise bad_request("TOPIC_ICON_COLOR_INVALID")
    name = topic_name(call.name)
    topic = open_topic(world, group, world.bot_id, name, color, call.icon_custom_emoji_id)
    found: JSON = {
        "message_thread_id": topic.thread_id,
        "name": topic.name,
        "icon_color": topic.icon_color,
    }
    if topic.icon_custom_emoji_id:
        found["icon_custom_emoji_id"] = topic.icon_custom_emoji_id
    return found


def open_topic(
    world: World,
    group: Group,
    by: int,
    name: str,
    color: int = ICON_COLORS[0],
    emoji_id: str | None = None,
) -> Topic:
    """Open a topic with the service message whose id it bears."""
    created: JSON = {"name": name, "icon_color": color}
    if emoji_id:
        created["icon_custom_emoji_id"] = emoji_id
    message = world.compose(group, world.state.users[by], forum_topic_created=created)
    world.post(message, author=by)
    thread_id = message["message_id"]
    message |= {"message_thread_id": thread_id, "is_topic_message": True}
    group.topics[thread_id] = topic = Topic(thread_id, name, color, emoji_id)
    world.deliver(group, message, author=by)
    return topic


def topic_name(name: str) -> str:
    """Return the name as Telegram stores it. Raises ApiError 400."""
    name = " ".join(name.split())
    if not name:
        raise bad_request("TOPIC_TITLE_EMPTY")
    return name[:NAME_LENGTH_MAX]


def _forum(world: World, chat_id: ChatId) -> Group:
    group = world.supergroup(chat_id)
    if not group.is_forum:
        raise bad_request("the chat is not a forum")
    return group


def _topic(world: World, chat_id: ChatId, thread_id: int) -> tuple[Group, Topic]:
    group = _forum(world, chat_id)
    world.require(group, "can_manage_topics", NO_TOPICS)
    topic = group.topics.get(thread_id)
    if topic is None:
        raise bad_request("message thread not found")
    return group, topic


def _tell(world: World, group: Group, topic: Topic, event: str, news: JSON) -> None:
    world.notice(group, world.bot, thread_id=topic.thread_id, **{event: news})


class EditForumTopic(InTopic, kw_only=True):
    name: str | None = None
    icon_custom_emoji_id: str | None = None


def edit_topic(world: World, call: EditForumTopic) -> bool:
    """Change name or icon of a topic."""
    group, topic = _topic(world, call.chat_id, call.message_thread_id)
    news: JSON = {}
    if call.name is not None and (name := topic_name(call.name)) != topic.name:
        news["name"] = topic.name = name
    if call.icon_custom_emoji_id not in (None, topic.icon_custom_emoji_id):
        news["icon_custom_emoji_id"] = topic.icon_custom_emoji_id = call.icon_custom_emoji_id
    if not news:
        raise bad_request("TOPIC_NOT_MODIFIED")
    _tell(world, group, topic, "forum_topic_edited", news)
    return True


class CloseForumTopic(InTopic):
    pass


class ReopenForumTopic(InTopic):
    pass


class CloseGeneralForumTopic(InGeneral):
    pass


class ReopenGeneralForumTopic(InGeneral):
    pass


def _closing(*, closed: bool) -> Callable[[World, InTopic | InGeneral], bool]:
    def close(world: World, call: InTopic | InGeneral) -> bool:
        """Close a topic to members, or open it to them again."""
        thread_id = getattr(call, "message_thread_id", GENERAL)
        group, topic = _topic(world, call.chat_id, thread_id)
        if topic.is_closed == closed:
            raise bad_request("TOPIC_NOT_MODIFIED")
        topic.is_closed = closed
        event = "forum_topic_closed" if closed else "forum_topic_reopened"
        _tell(world, group, topic, event, {})
        return True

    return close


class DeleteForumTopic(InTopic):
    pass


def delete_topic(world: World, call: DeleteForumTopic) -> bool:
    """Delete a topic with its messages."""
    group = _forum(world, call.chat_id)
    world.require(group, "can_delete_messages", NO_TOPICS)
    if group.topics.pop(call.message_thread_id, None) is None:
        raise bad_request("message thread not found")
    for message in list(world.kept(group.id).values()):
        if message.get("message_thread_id") == call.message_thread_id:
            world.remove(group.id, message["message_id"])
    return True


class EditGeneralForumTopic(InGeneral, kw_only=True):
    name: str


def edit_general(world: World, call: EditGeneralForumTopic) -> bool:
    """Change the name of General."""
    group, topic = _topic(world, call.chat_id, GENERAL)
    name = topic_name(call.name)
    if name == topic.name:
        raise bad_request("TOPIC_NOT_MODIFIED")
    topic.name = name
    _tell(world, group, topic, "forum_topic_edited", {"name": name})
    return True


class HideGeneralForumTopic(InGeneral):
    pass


class UnhideGeneralForumTopic(InGeneral):
    pass


def _hiding(*, hidden: bool) -> Callable[[World, InGeneral], bool]:
    def hide(world: World, call: InGeneral) -> bool:
        """Hide General from the list of topics, which closes it, or show it again."""
        group, topic = _topic(world, call.chat_id, GENERAL)
        if topic.is_hidden == hidden:
            raise bad_request("TOPIC_NOT_MODIFIED")
        topic.is_hidden = hidden
        topic.is_closed = topic.is_closed or hidden
        event = "general_forum_topic_hidden" if hidden else "general_forum_topic_unhidden"
        _tell(world, group, topic, event, {})
        return True

    return hide


class UnpinAllForumTopicMessages(InTopic):
    pass


class UnpinAllGeneralForumTopicMessages(InGeneral):
    pass


def unpin_all(world: World, call: InTopic | InGeneral) -> bool:
    """Unpin every message of a topic."""
    group = _forum(world, call.chat_id)
    world.require(
        group, "can_pin_messages", "not enough rights to manage pinned messages in the chat"
    )
    thread_id = getattr(call, "message_thread_id", GENERAL)
    if thread_id not in group.topics:
        raise bad_request("message thread not found")
    kept = world.kept(group.id)
    group.pinned = [
        pinned
        for pinned in group.pinned
        if kept.get(pinned, {}).get("message_thread_id", GENERAL) != thread_id
    ]
    return True


class GetForumTopicIconStickers(Parameters):
    pass


def icon_stickers(world: World, call: GetForumTopicIconStickers) -> list[JSON]:
    """The stickers that every bot may use as the icon of a topic: here one."""
    return [
        {
            "file_id": "CAACAgIAAxkTOPIC",
            "file_unique_id": "AgADTOPIC",
            "type": "custom_emoji",
            "width": 512,
            "height": 512,
            "is_animated": False,
            "is_video": False,
            "emoji": "📰",
            "custom_emoji_id": "5434144690511290129",
        }
    ]


METHODS: Methods = {
    CreateForumTopic: create_topic,
    EditForumTopic: edit_topic,
    CloseForumTopic: _closing(closed=True),
    ReopenForumTopic: _closing(closed=False),
    DeleteForumTopic: delete_topic,
    EditGeneralForumTopic: edit_general,
    CloseGeneralForumTopic: _closing(closed=True),
    ReopenGeneralForumTopic: _closing(closed=False),
    HideGeneralForumTopic: _hiding(hidden=True),
    UnhideGeneralForumTopic: _hiding(hidden=False),
    UnpinAllForumTopicMessages: unpin_all,
    UnpinAllGeneralForumTopicMessages: unpin_all,
    GetForumTopicIconStickers: icon_stickers,
}
