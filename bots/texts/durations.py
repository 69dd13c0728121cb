"""Durations in words. Pure functions."""

from datetime import datetime

from .languages import Texts


def time_until(when: datetime, now: datetime, texts: Texts) -> str:
    """Say how long it is until a moment, to the minute: "in 5 h 12 min"."""
    minutes = max(1, -(-int((when - now).total_seconds()) // 60))
    hours, rest = divmod(minutes, 60)
    if not hours:
        return texts.gettext("in {minutes} min", minutes=minutes)
    if not rest:
        return texts.gettext("in {hours} h", hours=hours)
    return texts.gettext("in {hours} h {minutes} min", hours=hours, minutes=rest)
