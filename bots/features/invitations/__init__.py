"""Invitations: notes by whom accounts came to the Telegram group, and pays for those who stay.

From outside, call `open_room`.
"""

from .room import open_room as open_room
