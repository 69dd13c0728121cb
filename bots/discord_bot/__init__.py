"""The Discord bot (discord.py): from interactions to the rooms of `bots/features`, and back.

- `rooms.py` lists the features that it has; `client.py` receives everything that Discord sends.
- `commands.py` registers and answers slash commands; components of messages belong beside it.
- `delivery.py` sends messages that answer no command.
"""
