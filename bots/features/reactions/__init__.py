"""Reactions: a member earns XP when others react to their messages.

From outside, call `open_room`.
"""

from .room import open_room

__all__ = ["open_room"]
