"""Announcements: a duty that tells of new ranks, achievements and levels, at the place of each.

From outside, call `open_room`; `announcer.py` may be used without a bot.
"""

from .room import open_room as open_room
