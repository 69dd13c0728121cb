"""The guessing game: /guess, its rules, its rounds in progress and the payment of wins.

From outside, call `open_room`. `game.py` is a service of its own and may be used without a bot.
"""

from .room import open_room as open_room
