"""The Discord bot (discord.py)."""
