"""Time in voice channels. Telegram's voice chats tell bots nothing of their members."""

from bots.features.room import Duty, Room
from bots.runtime.room_services import Services

from .voice_clock import VoiceClock


def open_room(services: Services) -> Room:
    """Open the room. It knows what Discord shows, so a restart loses less than an interval."""
    setting = services.community.earning.voice
    if services.platform != "discord" or not setting.enabled:
        return Room()
    clock = VoiceClock(services)
    return Room(voice=clock, duties=(Duty("time in voice channels", clock.run),))
