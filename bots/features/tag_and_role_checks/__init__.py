"""Tag and role checks: compares what members are seen to wear in updates with what is displayed.

It has no command. It notices members who came back and tags or roles that were changed by hand,
and the consumers then display them again. From outside, call `open_room`.
"""

from .room import open_room as open_room
