"""The places where messages earn."""

from collections.abc import Iterable

from bots.features.places import Places
from bots.features.posted_messages import MessagePlace
from config.community_sections.earning import PlaceSetting


class EarningPlaces:
    """Where messages earn: in what is listed, and on a platform without a list in its home."""

    def __init__(self, listed: Iterable[PlaceSetting], home_chat: int) -> None:
        listed = tuple(listed)
        self._telegram = Places((one for one in listed if not one.discord_channel), home_chat)
        self._discord = Places((one for one in listed if one.discord_channel), home_chat)

    def __contains__(self, place: MessagePlace) -> bool:
        listed = self._discord if place.id > 0 else self._telegram
        return place in listed if listed else place.is_home
