"""The bot's introduction: /help, which lists the commands of the other rooms, and /start.

From outside, call `open_room`, after all other rooms.
"""

from .room import open_room as open_room
