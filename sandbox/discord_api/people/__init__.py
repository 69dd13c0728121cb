"""Actions of people: members write, use commands and click; the owner changes rights."""

from .interacting import Interacting
from .joining import Joining
from .owner_actions import OwnerActions
from .speaking import Speaking
from .writing import Writing

__all__ = ["MemberActions", "OwnerActions"]


class MemberActions(Writing, Interacting, Joining, Speaking):
    """Acts for people. An impossible action raises SandboxError with a sentence."""
