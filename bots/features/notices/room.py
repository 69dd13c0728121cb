"""The duty that sends notices."""

from bots.features.room import Room
from bots.runtime.delivery import Delivery
from bots.runtime.room_services import Services

from .notifier import Notifier


def open_room(services: Services) -> Room:
    """Open the room. It keeps no state: notices to send live in Postgres."""
    texts = services.languages.speak(services.community.announcements.language)

    async def notify(delivery: Delivery) -> None:
        await Notifier(services.database, texts, delivery.tell).run()

    return Room(duties=(notify,))
