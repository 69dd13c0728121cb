"""The reactions to members who were observed or came back."""

import structlog

from bots.features.room import Duty, Room
from bots.runtime.room_services import Services
from db import DbError
from db.surfaces.observed import show_again

from .checker import DisplayChecker

log = structlog.get_logger("twinstream.bots")


def open_room(services: Services) -> Room:
    """Open the room. Observations wait in it until they are checked, and are lost with it."""
    checker = DisplayChecker(services.database, services.community)

    async def display_again(account_id: int) -> None:
        """Have the account's rank displayed again: the platform displays none any more."""
        try:
            async with services.database.connection() as conn:
                await show_again(conn, services.platform, account_id)
        except DbError as error:
            # Reconcile repairs it later: it compares what is displayed with what should be.
            log.warning("member.not_redisplayed", account_id=account_id, why=str(error))

    return Room(
        duties=(Duty("checks of tags and roles", checker.run),),
        on_observed=checker.note,
        on_returned=display_again,
        on_gone=checker.note_gone,
    )
