"""Reading what an administrator wants to give, and for what. Pure functions."""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

#: The largest amount of one command: far below the amount that an event may carry.
AMOUNT_MAX: Final = 10**9

#: The words for amounts in both languages, and the field that each means.
_UNITS: Final = {
    **dict.fromkeys(("xp", "exp", "опыт", "опыта", "очко", "очка", "очков"), "xp"),
    **dict.fromkeys(("coin", "coins", "монета", "монету", "монеты", "монет"), "coins"),
}
_ACHIEVEMENT: Final = ("achievement", "достижение")
#: An amount, with its unit behind it or as the next word. People type a long minus as well.
_AMOUNT: Final = re.compile(r"([+\-\u2212]?)([0-9]{1,10})([^\W\d]*)")


class Request(NamedTuple):
    """The things to give to one member, and the reason."""

    xp: int = 0
    coins: int = 0
    achievement: str | None = None
    reason: str = ""

    @property
    def is_complete(self) -> bool:
        """Tell whether it gives or takes something for a reason, in amounts that can be given."""
        has_any = bool(self.xp or self.coins or self.achievement)
        return has_any and bool(self.reason) and max(abs(self.xp), abs(self.coins)) <= AMOUNT_MAX


def read(words: str) -> Request:
    """Read `50 xp 10 coins achievement organiser for the quiz`. An amount without a unit is XP."""
    left = words.split()
    found: dict[str, int] = {}
    achievement = None
    while left:
        amount = _AMOUNT.fullmatch(left[0])
        if amount is not None:
            unit, used = _unit(amount[3], left)
            if unit is None or unit in found:
                break
            found[unit] = int(amount[2]) * (-1 if amount[1] in ("-", "\u2212") else 1)
            del left[:used]
        elif left[0].lower() in _ACHIEVEMENT and len(left) > 1 and achievement is None:
            achievement = left[1]
            del left[:2]
        else:
            break
    return Request(found.get("xp", 0), found.get("coins", 0), achievement, " ".join(left))


def _unit(attached: str, words: list[str]) -> tuple[str | None, int]:
    """Return the unit of an amount, and how many words amount and unit are."""
    if attached:
        return _UNITS.get(attached.lower()), 1
    following = words[1].lower() if len(words) > 1 else ""
    return (_UNITS[following], 2) if following in _UNITS else ("xp", 1)


def of_values(values: Mapping[str, int | str]) -> Request:
    """Return the request of a form whose fields the platform has told apart."""
    achievement = values.get("achievement")
    return Request(
        int(values.get("xp", 0)),
        int(values.get("coins", 0)),
        None if achievement is None else str(achievement).strip(),
        str(values.get("reason", "")).strip(),
    )
