"""A local Discord: REST API v10 and gateway on a real socket, for one bot in one guild."""

from .intents import Intent
from .permission_bits import Permission
from .platform import DiscordPlatform
from .rate_limits import DiscordLimits

__all__ = ["DiscordLimits", "DiscordPlatform", "Intent", "Permission"]
