"""The local Telegram's chats, members, messages and files, and the updates that wait.

From outside, `World` reads and changes all of it by Telegram's rules.
"""

from .state import JSON, BotState, Group, Member, State, User
from .world import World

__all__ = ["JSON", "BotState", "Group", "Member", "State", "User", "World"]
