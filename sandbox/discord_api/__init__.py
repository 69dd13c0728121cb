"""A local Discord: REST API v10 and gateway on a real socket, for bots in one guild."""

from .bodies.uploads import Upload
from .gateway.intents import Intent
from .permission_bits import Permission
from .platform import DiscordPlatform
from .rate_limits import DiscordLimits
from .world import CHANNEL_KINDS

__all__ = [
    "CHANNEL_KINDS",
    "DiscordLimits",
    "DiscordPlatform",
    "Intent",
    "Permission",
    "Upload",
]
