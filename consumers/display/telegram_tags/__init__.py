"""The display on Telegram: member tags and administrators' titles.

The process opens the role; the reconcile subjects read tags through `tags`. Every process that uses
aiogram imports it through this room first, so its models are built when they are used.
"""

from config import telegram_library

telegram_library.load()
