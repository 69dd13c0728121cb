"""The duty that announces, where twinstream.toml wants announcements."""

from bots.features.room import Room
from bots.runtime.delivery import Delivery
from bots.runtime.room_services import Services

from .announcer import Announcer


def open_room(services: Services) -> Room:
    """Open the room. It keeps no state: announcements to make live in Postgres."""
    community = services.community
    texts = services.languages.speak(community.announcements.language)

    async def announce(delivery: Delivery) -> None:
        if delivery.has_announcements:
            await Announcer(
                services.database, community, texts, services.mark, delivery.announce
            ).run()

    return Room(duties=(announce,))
