"""The Discord bot (discord.py): from interactions to the rooms of `bots/features`, and back.

- `rooms.py` lists the features that it has; `client.py` receives everything that Discord sends.
- `commands.py` registers and answers slash commands; `presses.py` answers pressed buttons;
  `answers.py` sends both kinds of answers, with the buttons under them.
- `delivery.py` sends messages that answer no command.
"""
