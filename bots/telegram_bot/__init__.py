"""The Telegram bot (aiogram): from updates to the rooms of `bots/features`, and back.

- `rooms.py` lists the features that it has; `router.py` connects updates with their handlers.
- `messages/` reads members' messages and answers them; `group/` follows the configured group.
- `polling/` fetches updates and survives outages; `delivery.py` sends what answers no command.
"""
