"""Announcements: a duty that tells the community of new ranks and unlocked achievements.

From outside, call `open_room`; `announcer.py` may be used without a bot.
"""

from .room import open_room as open_room
