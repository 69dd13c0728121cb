"""All actions of people, in one object."""

from .coming_and_going import ComingAndGoing
from .owner_actions import OwnerActions
from .pressing import Pressing
from .reacting import Reacting

__all__ = ["MemberActions"]


class MemberActions(Pressing, Reacting, ComingAndGoing, OwnerActions):
    """Acts for people. An impossible action raises SandboxError with a sentence.

    A private chat is one with the seed's bot, unless `bot_id` names another one.
    """
