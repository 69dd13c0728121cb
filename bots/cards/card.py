"""The contents of a card: finished texts and numbers. Pure."""

from typing import Literal, NamedTuple


class Stat(NamedTuple):
    """One figure with its label, in the reader's language."""

    label: str
    value: str


class Card(NamedTuple):
    """The texts and numbers of one card, for one reader. Two equal ones are one picture."""

    name: str
    rank: str | None
    """The name of the rank; None below the first one."""
    level: str
    """Such as "Level 12"."""
    progress: str
    """Such as "340 / 575 XP"."""
    done: int
    """The progress within the level, of 1,000."""
    stats: tuple[Stat, ...]
    """Three to five figures below, in their order."""
    platforms: frozenset[Literal["telegram", "discord"]]
    """The platforms where the member has an account that is linked, or asks from."""
