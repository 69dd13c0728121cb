"""The days of a community: their names, and the moments at which they begin."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

#: Days before and after the day of the caller's clock. Postgres says which one it is, so its clock
#: may differ by a day, and days of a zone that the operator has just changed can be told apart.
DAYS_AROUND: Final = 3


class Days(NamedTuple):
    """Days one after the other."""

    names: list[date]
    begins: list[datetime]


def days_around(now: datetime, zone: ZoneInfo) -> Days:
    """Return the days around a moment. Pure.

    A day begins at midnight. Where summer time begins at midnight, it begins with the first moment
    after the gap; where midnight comes twice, with the first one.
    """
    today = now.astimezone(zone).date()
    names = [today + timedelta(days=days) for days in range(-DAYS_AROUND, DAYS_AROUND + 1)]
    return Days(names, [_begin(name, zone) for name in names])


def _begin(day: date, zone: ZoneInfo) -> datetime:
    # In a gap, the offset before it counts: that names the moment at which the gap begins.
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
