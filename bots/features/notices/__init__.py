"""Notices: a duty that tells the owner of an account, in private, what concerns them alone.

From outside, call `open_room`. A room that has something to tell adds the kind to `texts.py`.
"""

from .room import open_room as open_room
