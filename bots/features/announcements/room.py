"""The duty that announces, and the memory of where members are."""

from bots.features.room import Duty, Room
from bots.runtime.delivery import Delivery, PublicPlace
from bots.runtime.room_services import Services

from .announcer import Announcer
from .member_whereabouts import Spot, Spots


def open_room(services: Services) -> Room:
    """Open the room. Announcements to make live in Postgres; where members are, in memory."""
    community = services.community
    texts = services.languages.speak(community.announcements.language)
    spots = Spots()

    async def announce(delivery: Delivery) -> None:
        await Announcer(
            services.database, community, texts, services.mark, delivery, spots=spots
        ).run()

    def hear(account_id: int, place: PublicPlace, message_id: int | None) -> None:
        spots.hear(account_id, Spot(place, message_id))

    return Room(duties=(Duty("announcements", announce),), on_heard=hear)
