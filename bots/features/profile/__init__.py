"""Profiles: /profile, of oneself and of others, as a picture or in words.

From outside, call `open_room`; `read_profile` is also for rooms that tell members what they have.
"""

from .room import open_room as open_room
from .room import read_profile as read_profile
