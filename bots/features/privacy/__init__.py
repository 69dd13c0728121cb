"""Privacy: /privacy, what is stored about the asker, as a file too; hiding and forgetting them.

From outside, call `open_room`.
"""

from .room import open_room as open_room
