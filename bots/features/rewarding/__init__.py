"""Rewards by administrators: /reward gives one member XP, coins or an achievement, with a reason.

From outside, call `open_room`.
"""

from .room import open_room as open_room
