"""A local Discord: REST API v10 and gateway on a real socket, for one bot in one guild."""

from .bits import Permission
from .intents import Intent
from .limits import DiscordLimits
from .platform import DiscordPlatform

__all__ = ["DiscordLimits", "DiscordPlatform", "Intent", "Permission"]
