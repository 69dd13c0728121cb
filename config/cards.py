"""The look of rank cards: their background and their accent."""

import difflib
import re
from collections.abc import Iterator
from typing import Annotated, Final

import msgspec

from .setting_error_texts import Problem, shown

#: The backgrounds that the bots draw; the last two are light.
BACKGROUNDS: Final = (
    *("midnight", "ocean", "forest", "ember", "orchid", "graphite"),
    *("paper", "sky"),
)
_COLOR: Final = re.compile(r"#[0-9a-fA-F]{6}")


class CardSetting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How /profile shows a member."""

    pictures: bool = True
    """Whether /profile answers with a picture; otherwise it answers with text."""
    background: Annotated[str, msgspec.Meta(max_length=64)] = BACKGROUNDS[0]
    """A name of BACKGROUNDS, or a colour such as #20304a."""
    picture: Annotated[str, msgspec.Meta(max_length=1_000)] = ""
    """A file that is the background instead, as the bots' processes see it."""
    accent: Annotated[str, msgspec.Meta(max_length=64)] = ""
    """A colour for bar, ring and level; empty: that of the background."""


def card_problems(cards: CardSetting) -> Iterator[Problem]:
    """Name each colour that is none."""
    if cards.background not in BACKGROUNDS and not _COLOR.fullmatch(cards.background):
        close = difflib.get_close_matches(cards.background, BACKGROUNDS, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(BACKGROUNDS)}"
        yield Problem(
            ("cards", "background"),
            f"cards.background must be a name or a colour such as '#20304a', not"
            f" {shown(cards.background)}; {hint}",
        )
    if cards.accent and not _COLOR.fullmatch(cards.accent):
        yield Problem(
            ("cards", "accent"),
            f"cards.accent must be a colour such as '#7c8cff', not {shown(cards.accent)}",
        )
