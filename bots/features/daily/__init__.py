"""The daily reward: /daily, once per person and day, on either platform.

From outside, call `open_room`.
"""

from .room import open_room as open_room
