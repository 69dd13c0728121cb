"""Linking a Telegram account with a Discord account: /link, its offers, and codes that others saw.

From outside, call `open_room`; `void_codes` and `texts` are for the Telegram bot, which sees codes
that were posted in the group, and for the notices that tell their owners.
"""

from .room import open_room as open_room
from .room import void_codes as void_codes
