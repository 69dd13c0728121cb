"""Ending a link: /unlink and /undo, their buttons, and how a linked account stands.

From outside, call `open_room`; `standing` answers /link of a member who is linked, and `UNDO` is
the action of buttons that undo a link, for the notices that tell of one.
"""

from .room import UNDO as UNDO
from .room import open_room as open_room
from .texts import standing as standing
