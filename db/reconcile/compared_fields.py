"""The fields in which a platform and the record can differ.

A page of a snapshot and the column `drift.field` carry a field as text: `xp`, `rank to show`,
`achievement:first_win`. Code that receives such a text parses it at once, and works with `Field`.
"""

from enum import StrEnum
from typing import Final, NamedTuple


class FieldKind(StrEnum):
    """The kinds of fields. The column `drift.field` has the value of a kind, or begins with it."""

    ROW = "row"
    """The whole row: the platform has none, and the record expects one."""
    XP = "xp"
    BALANCE = "balance"
    DISCORD_XP = "discord xp"
    """The part of the books that the Discord account earned."""
    DISCORD_BALANCE = "discord balance"
    RANK = "rank"
    WANTED_RANK = "rank to show"
    TOTAL_XP = "total xp"
    TOTAL_BALANCE = "total balance"
    ACHIEVEMENT = "achievement"
    """Its name is the achievement."""
    ENTRY = "entry"
    """Its name is the idempotency key of the event that one ledger lacks."""
    ROLES = "roles"
    TAG = "tag"
    UNKNOWN = "unknown"
    """Another release of twinstream wrote it. Its name is the whole text."""


#: Kinds with many fields each, one per name: `achievement:first_win`.
_NAMED: Final = frozenset({FieldKind.ACHIEVEMENT, FieldKind.ENTRY})
_PLAIN: Final = {
    kind.value: kind for kind in FieldKind if kind not in _NAMED and kind is not FieldKind.UNKNOWN
}

#: The kinds that hold amounts, by what they are amounts of. All others hold names, ranks and sets.
XP_AMOUNTS: Final = (FieldKind.XP, FieldKind.TOTAL_XP)
BALANCE_AMOUNTS: Final = (FieldKind.BALANCE, FieldKind.TOTAL_BALANCE)
AMOUNTS: Final = frozenset({*XP_AMOUNTS, *BALANCE_AMOUNTS})


class Field(NamedTuple):
    """One field of a member."""

    kind: FieldKind
    name: str = ""
    """The achievement, or the event's key; empty for a kind of which a member has one field."""

    @property
    def text(self) -> str:
        """The field as pages and the column `drift.field` carry it."""
        if self.kind is FieldKind.UNKNOWN:
            return self.name
        return f"{self.kind}:{self.name}" if self.kind in _NAMED else self.kind.value

    @classmethod
    def parse(cls, text: str) -> "Field":
        """Read a field. A text that this release does not know is a field as well. Pure."""
        if text in _PLAIN:
            return cls(_PLAIN[text])
        prefix, colon, name = text.partition(":")
        for kind in _NAMED:
            if colon and prefix == kind:
                return cls(kind, name)
        return cls(FieldKind.UNKNOWN, text)
