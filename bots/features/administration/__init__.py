"""Links as administrators handle them for members who cannot: /links, in the chat.

From outside, call `open_room`.
"""

from .room import open_room as open_room
