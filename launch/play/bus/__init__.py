"""The panel of the bus: what happens between both chats, in the order in which it does."""

from .panel import open_bus

__all__ = ["open_bus"]
