"""Voice: members earn XP for time in voice channels of the Discord server.

From outside, call `open_room`.
"""

from .room import open_room

__all__ = ["open_room"]
