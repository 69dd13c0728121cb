"""Thanks: `/thanks`, and replies with a word of thanks, give reputation to another member.

From outside, call `open_room`.
"""

from .room import open_room

__all__ = ["open_room"]
