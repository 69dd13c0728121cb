"""Privacy: /privacy, what is stored of the asker, as a file too; hiding them and forgetting them.

From outside, call `open_room`.
"""

from .room import open_room as open_room
