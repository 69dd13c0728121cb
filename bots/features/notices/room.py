"""The duty that sends notices, and the notices that are shown beside the answer to a command."""

from bots.features.room import Duty, Room
from bots.runtime.delivery import Delivery
from bots.runtime.room_services import Services

from .notifier import Notifier
from .unsent import UnsentNotices


def open_room(services: Services) -> Room:
    """Open the room. It keeps no state: notices to send live in Postgres."""
    texts = services.languages.speak(services.community.announcements.language)

    async def notify(delivery: Delivery) -> None:
        await Notifier(services.database, texts, services.mark, delivery.tell).run()

    unsent = UnsentNotices(services.database, services.mark)
    return Room(duties=(Duty("notices", notify),), beside=unsent.answers)
