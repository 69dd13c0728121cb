"""The member's own profile: /profile, with rank, progress, balance and achievements.

From outside, call `open_room`; `read_profile` is also for rooms that tell members what they have.
"""

from .room import open_room as open_room
from .room import read_profile as read_profile
