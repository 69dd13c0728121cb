"""Quiet hours: a part of each day, by the clocks of the community's time zone, without news.

Each stretch of them is two moments, so a day on which clocks are changed has one stretch, too. A
time that is skipped or comes twice on such a day is the one before the change.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

_FORM: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


class QuietHours(NamedTuple):
    """The hours from `begin` to `end`, which may be on the next day."""

    begin: time
    end: time

    def until(self, now: datetime, zone: ZoneInfo) -> datetime | None:
        """Return when the stretch ends that `now` is in; None if it is in none. Pure."""
        return next((end for begin, end in self._stretches(now, zone) if begin <= now < end), None)

    def noisy_s_ago(self, now: datetime, zone: ZoneInfo, seconds: float) -> datetime:
        """Return the moment since which so many seconds outside the quiet hours have passed. Pure.

        Only the stretches of the last days count: `seconds` are a day or so.
        """
        moment, left_s = now, seconds
        for begin, end in sorted(self._stretches(now, zone), reverse=True):
            if begin > moment:
                continue
            noisy_s = max(0.0, (moment - end).total_seconds())
            if noisy_s >= left_s:
                break
            left_s -= noisy_s
            moment = begin
        return moment - timedelta(seconds=left_s)

    def _stretches(self, now: datetime, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
        """Yield the stretches that begin within the last days and today, in UTC."""
        today = now.astimezone(zone).date()
        for days in range(-_DAYS_BACK, 2):
            first = today + timedelta(days=days)
            last = first + timedelta(days=self.end <= self.begin)
            begin = datetime.combine(first, self.begin, zone).astimezone(UTC)
            yield begin, datetime.combine(last, self.end, zone).astimezone(UTC)


#: Days whose stretches are looked at: news are dropped after one noisy day, which takes ten days
#: where only two and a half hours of each are noisy.
_DAYS_BACK: Final = 10


def quiet_hours(text: str) -> QuietHours | None:
    """Return the hours that a setting such as "23:00-08:00" names; None for none. Pure.

    Raises:
        ValueError: it cannot be read, or names no hours.
    """
    if not text:
        return None
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError('write two times of 24 hours, such as "23:00-08:00"')
    begin_hour, begin_minute, end_hour, end_minute = map(int, found.groups())
    hours = QuietHours(time(begin_hour, begin_minute), time(end_hour, end_minute))
    if hours.begin == hours.end:
        raise ValueError("it begins when it ends: write two different times, or leave it out")
    return hours
