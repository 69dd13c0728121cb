"""People in the local Telegram: they write, press buttons, react, come, go and manage."""

from .chatting import Manner
from .member_actions import MemberActions

__all__ = ["Manner", "MemberActions"]
