"""Emoji: which texts Discord takes for one, and the emoji of a reaction's path."""

import re

from .errors import unknown

__all__ = ["is_emoji", "reaction_emoji"]

_PICTURE = (
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u21aa\u231a-\u23ff\u24c2\u25aa-\u27bf\u2934\u2935"
    "\u2b05-\u2b55\u3030\u303d\u3297\u3299\U0001f004-\U0001f251\U0001f300-\U0001faff]"
)
_PART = f"{_PICTURE}\ufe0f?[\U0001f3fb-\U0001f3ff]?\ufe0f?"
_FLAG = "[\U0001f1e6-\U0001f1ff]{2}"
_KEYCAP = "[0-9#*]\ufe0f?\u20e3"
_REGION = "\U0001f3f4[\U000e0061-\U000e007a\U000e0030-\U000e0039]+\U000e007f"
EMOJI = re.compile(f"(?:{_FLAG}|{_KEYCAP}|{_REGION}|{_PART}(?:\u200d{_PART})*)")


def is_emoji(text: str) -> bool:
    """Whether this is one emoji of Unicode, of however many code points."""
    return EMOJI.fullmatch(text) is not None


def reaction_emoji(given: str) -> str:
    """Return the emoji of a reaction as it is stored. Raises ApiError 10014.

    The guild has no emoji of its own, so that `name:id` names none.
    """
    if not is_emoji(given):
        raise unknown("Emoji")
    return given
