"""A local Telegram Bot API (10.3): a supergroup, channels, bots and the people around them."""

from .flood_limits import TelegramLimits
from .people import Manner
from .platform import TelegramPlatform
from .server_versions import OtherVersion

__all__ = ["Manner", "OtherVersion", "TelegramLimits", "TelegramPlatform"]
