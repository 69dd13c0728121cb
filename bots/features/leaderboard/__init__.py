"""The leaderboard: /top, boards of members of both platforms, with pages and the asker's place.

From outside, call `open_room`.
"""

from .room import open_room as open_room
