"""Message XP: what members earn by writing.

From outside, call `open_room`.
"""

from .room import open_room

__all__ = ["open_room"]
