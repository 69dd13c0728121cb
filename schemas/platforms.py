"""The two platforms. An event's source is where it happened; the opposite is where it goes.

The two names are declared once in each ground that needs them, because grounds import no sibling:
`schemas.Source`, `bus.Source` and `db.Platform` are the same type to a type checker. Roofs follow
one rule: the type is `Platform` (from `db`); a variable is called `platform` where it is a side of
the community, and `source` where it is the side on which an event happened.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

Source = Literal["telegram", "discord"]

SOURCES: Final[tuple[Source, ...]] = ("telegram", "discord")

#: How an idempotency key begins.
SHORT_NAMES: Final[Mapping[Source, str]] = MappingProxyType({"telegram": "tg", "discord": "dc"})

_OPPOSITE: Final[Mapping[Source, Source]] = MappingProxyType(
    {"telegram": "discord", "discord": "telegram"}
)


def opposite(source: Source) -> Source:
    """Name the other platform, the only one that an event from `source` is delivered to."""
    return _OPPOSITE[source]
