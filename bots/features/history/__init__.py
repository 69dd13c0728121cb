"""The history of a member's XP and balance: /why, for oneself and, for administrators, of others.

From outside, call `open_room`.
"""

from .room import open_room as open_room
