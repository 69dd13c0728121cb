"""The places that settings name: Telegram chats and topics, Discord channels and categories."""

from collections.abc import Iterable
from typing import Final

from bots.features.posted_messages import MessagePlace
from config.community_sections.earning import PlaceSetting

#: The topic of a forum whose messages bear no topic.
GENERAL_TOPIC: Final = 1
#: In the place of the id of the community's own group, which changes when it becomes a supergroup.
_HOME: Final = 0


class Places:
    """A set of places."""

    def __init__(self, settings: Iterable[PlaceSetting], home_chat: int) -> None:
        """`home_chat` is the id of the community's Telegram group in the settings."""
        self._channels: set[int] = set()
        self._topics: set[tuple[int, int | None]] = set()
        for one in settings:
            if one.discord_channel is not None:
                self._channels.add(one.discord_channel)
            else:
                chat = one.telegram_chat
                is_home = chat is None or chat == home_chat
                self._topics.add((_HOME if chat is None or is_home else chat, one.telegram_topic))

    def __bool__(self) -> bool:
        return bool(self._channels or self._topics)

    def __contains__(self, place: MessagePlace) -> bool:
        if place.id > 0:
            return place.id in self._channels or not self._channels.isdisjoint(place.within)
        chat = _HOME if place.is_home else place.id
        topic = place.topic or GENERAL_TOPIC
        return (chat, None) in self._topics or (chat, topic) in self._topics
