"""The duty that sends notices, and the notices that are shown beside the answer to a command."""

from bots.features.room import Duty, Room
from bots.runtime.delivery import Delivery
from bots.runtime.room_services import Services

from .notifier import Notifier
from .unsent import UnsentNotices


def open_room(services: Services) -> Room:
    """Open the room. It keeps no state: notices to send live in Postgres."""
    texts = services.languages.speak(services.community.announcements.language)
    undo_days = services.community.linking.undo_days

    async def notify(delivery: Delivery) -> None:
        notifier = Notifier(services.database, undo_days, texts, services.mark, delivery.tell)
        await notifier.run()

    unsent = UnsentNotices(services.database, undo_days, services.mark)
    return Room(duties=(Duty("notices", notify),), beside=unsent.answers)
