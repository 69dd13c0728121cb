"""The leaderboard: /top, the members with the most XP on either platform.

From outside, call `open_room`.
"""

from .room import open_room as open_room
