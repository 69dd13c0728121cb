"""Tag and role checks: compares what members are seen to wear in updates with what is displayed.

It has no command. It notices members who left or came back, and tags or roles that were changed by
hand; boards and the consumers follow. From outside, call `open_room`.
"""

from .room import open_room as open_room
