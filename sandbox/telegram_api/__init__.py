"""A local Telegram Bot API (10.3): a supergroup, channels, bots and the people around them."""

from .flood_limits import TelegramLimits
from .other_versions import OtherVersion
from .people import Manner
from .platform import TelegramPlatform

__all__ = ["Manner", "OtherVersion", "TelegramLimits", "TelegramPlatform"]
