"""Notices: what the owner of an account is told in private, because it concerns them alone.

A duty sends them. Where the platform lets the bot write to nobody who did not write first, or the
member takes no messages, a notice is shown at the owner's next command instead.

From outside, call `open_room`. A room that has something to tell adds the kind to `texts.py`.
"""

from .room import open_room as open_room
