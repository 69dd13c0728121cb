"""The features of the Telegram bot: one line for each."""

from bots.features import (
    administration,
    announcements,
    daily,
    guessing,
    history,
    invitations,
    leaderboard,
    linking,
    message_xp,
    notices,
    privacy,
    profile,
    reactions,
    rewarding,
    tag_and_role_checks,
    thanks,
    unlinking,
    voice,
)
from bots.features.help import open_room as open_help
from bots.features.room import Room
from bots.runtime.room_services import Services


def open_rooms(services: Services) -> list[Room]:
    """Open all rooms, once per process. The menu and /help show commands in this order."""
    rooms = [
        guessing.open_room(services),
        daily.open_room(services),
        profile.open_room(services),
        history.open_room(services),
        leaderboard.open_room(services),
        thanks.open_room(services),
        linking.open_room(services),
        unlinking.open_room(services),
        privacy.open_room(services),
        administration.open_room(services),
        rewarding.open_room(services),
        announcements.open_room(services),
        notices.open_room(services),
        tag_and_role_checks.open_room(services),
        message_xp.open_room(services),
        reactions.open_room(services),
        voice.open_room(services),
        invitations.open_room(services),
    ]
    return [*rooms, open_help(services, rooms)]
