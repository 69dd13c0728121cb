"""Levels: how much XP each one needs, by the curve of a known bot or by the operator's own.

A level follows from XP alone, as a rank does, and stands beside it: ranks are what roles and tags
show, levels are what profiles, cards and announcements count. All of it is exact in whole numbers.
"""

import math
from bisect import bisect_right
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from itertools import islice
from typing import Annotated, Final, Literal, NamedTuple

import msgspec

from .setting_error_texts import Problem

#: The most levels that a curve may have. Each costs 40 bytes, and 10,000 are made in some 10 ms.
LEVELS_MAX: Final = 10_000
#: Terms of a formula, up to the fourth power: no known bot needs more than the third.
TERMS_MAX: Final = 5
#: The largest coefficient, far above that of any known bot; floats are exact in it.
COEFFICIENT_MAX: Final = 10**12
#: The most XP that a level may need; an amount in Postgres (bigint) is at most nine times as large.
XP_MAX: Final = 10**18

Coefficient = Annotated[float, msgspec.Meta(ge=-COEFFICIENT_MAX, le=COEFFICIENT_MAX)]


class LevelSetting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which XP a level needs: `curve`, `total`, `step` or `table`; without any the curve of MEE6.

    Coefficients begin with the constant: [100, 50, 5] is 100 + 50n + 5n².
    """

    curve: Literal["mee6", "lurkr", "amari", "polaris", "arcane", "levelup"] | None = None
    total: tuple[Coefficient, ...] = ()
    """The XP that level n needs in all."""
    step: tuple[Coefficient, ...] = ()
    """The XP from level n to the next one, from level 0 on."""
    table: tuple[Annotated[int, msgspec.Meta(ge=1, le=XP_MAX)], ...] = ()
    """The XP that level 1, 2, 3 and so on need in all."""
    round_to: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 1
    """The result of `total` or `step` is rounded to a multiple of it."""
    highest: Annotated[int, msgspec.Meta(ge=1, le=LEVELS_MAX)] = 1_000


#: The curves of other bots, as public pages state them: MEE6's documentation has the XP from one
#: level to the next, Lurkr's has its own curve and Amari's, the source of Polaris has its own and
#: Arcane's, rounded as Polaris rounds, and the source of LevelUp for Red has LevelUp's.
CURVES: Final = {
    "mee6": LevelSetting(step=(100, 50, 5)),
    "lurkr": LevelSetting(total=(150, -100, 50)),
    "amari": LevelSetting(total=(55, -40, 20)),
    "polaris": LevelSetting(total=(0, 100, 50, 1), round_to=100),
    "arcane": LevelSetting(total=(0, 25, 50), round_to=5),
    "levelup": LevelSetting(total=(0, 0, 100)),
}
#: The best known one, made for 15 to 25 XP a message, once a minute.
DEFAULT_CURVE: Final = "mee6"


class LevelProgress(NamedTuple):
    """How far a member has come within a level."""

    level: int
    done: int
    """XP since the level was reached."""
    whole: int | None
    """XP from this level to the next; None at the highest one."""


class LevelCurve:
    """The XP that each level needs. Everybody begins at level 0; level 1 needs at least 1 XP."""

    __slots__ = ("_needed",)

    def __init__(self, needed: tuple[int, ...]) -> None:
        """Take the XP that level 1, 2, 3 and so on need in all, each more than the one before."""
        self._needed = needed

    @property
    def highest(self) -> int:
        """The level after which there is no other."""
        return len(self._needed)

    def level_of(self, xp: int) -> int:
        """Return the level of a member with so much XP."""
        return bisect_right(self._needed, xp)

    def xp_of(self, level: int) -> int:
        """Return the XP that a level needs in all; 0 for level 0.

        Raises:
            ValueError: the curve has no such level.
        """
        if not 0 <= level <= self.highest:
            raise ValueError(f"there is no level {level}, only 0 to {self.highest}")
        return self._needed[level - 1] if level else 0

    def progress(self, xp: int) -> LevelProgress:
        """Return how far a member with so much XP has come within the level."""
        level = self.level_of(xp)
        start = self.xp_of(level)
        whole = self.xp_of(level + 1) - start if level < self.highest else None
        return LevelProgress(level, max(0, xp - start), whole)


@lru_cache(maxsize=4)
def curve_of(setting: LevelSetting) -> LevelCurve:
    """Return the curve that a setting without problems describes."""
    return LevelCurve(tuple(islice(_needed(setting), setting.highest)))


def level_problems(levels: LevelSetting) -> Iterator[Problem]:
    """Name what is wrong with the section, one mistake at a time."""
    given = [key for key in ("curve", "total", "step", "table") if getattr(levels, key)]
    if len(given) > 1:
        yield Problem(
            ("levels", given[1]),
            f"levels: {' and '.join(given)} each say how much XP a level needs; keep one of them",
        )
    elif len(terms := levels.total or levels.step) > TERMS_MAX:
        yield Problem(
            ("levels", given[0]),
            f"levels.{given[0]} must have at most {TERMS_MAX} numbers, not {len(terms)}: those"
            " before 1, n, n² and so on",
        )
    elif levels.round_to > 1 and not terms:
        yield Problem(
            ("levels", "round_to"),
            "levels.round_to needs levels.total or levels.step: leave it out",
        )
    else:
        yield from islice(_unfit_levels(levels, given[0] if given else "curve"), 1)


def _unfit_levels(levels: LevelSetting, key: str) -> Iterator[Problem]:
    """Yield a problem for each level that needs no more XP than the one before, or too much."""
    before = 0
    for level, needed in enumerate(islice(_needed(levels), levels.highest), 1):
        if needed <= before:
            than = f"the {before} of level {level - 1}" if level > 1 else "0"
            yield Problem(
                ("levels", key),
                f"levels.{key}: level {level} would need {needed} XP, which is not more than"
                f" {than}; each level must need more than the one before it",
            )
        if needed > XP_MAX:
            yield Problem(
                ("levels", "highest"),
                f"levels.highest is {levels.highest}, but level {level} would need more than"
                f" {XP_MAX} XP: {level - 1} is the most for this formula",
            )
        before = needed


def _needed(setting: LevelSetting) -> Iterator[int]:
    """Yield the XP that level 1, 2, 3 and so on need, without an end unless a table has one."""
    if setting.table:
        yield from setting.table
        return
    if not (setting.total or setting.step):
        setting = CURVES[setting.curve or DEFAULT_CURVE]
    # A float stands for the decimal that the operator wrote, so that 0.1 is a tenth.
    terms = [Fraction(repr(term)) for term in setting.total or setting.step]
    unit = math.lcm(*(term.denominator for term in terms))
    whole = [int(term * unit) for term in terms]
    level, sum_of_steps = 0, 0
    while True:
        sum_of_steps += _value(whole, level)
        level += 1
        sum_in_units = _value(whole, level) if setting.total else sum_of_steps
        yield _nearest(sum_in_units, unit * setting.round_to) * setting.round_to


def _value(terms: list[int], n: int) -> int:
    value = 0
    for term in reversed(terms):
        value = value * n + term
    return value


def _nearest(value: int, unit: int) -> int:
    """Divide, and round to the nearest whole number; half a unit rounds up."""
    return (2 * value + unit) // (2 * unit)
