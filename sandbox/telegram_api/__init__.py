"""A local Telegram Bot API (10.3) for one bot in one supergroup, and the people around it."""

from .flood_limits import TelegramLimits
from .platform import TelegramPlatform

__all__ = ["TelegramLimits", "TelegramPlatform"]
