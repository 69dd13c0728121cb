"""A local Telegram Bot API (10.3) for one bot in one supergroup, and the people around it."""

from .flood import TelegramLimits
from .server import TelegramPlatform

__all__ = ["TelegramLimits", "TelegramPlatform"]
