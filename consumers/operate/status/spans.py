"""Durations as the screen writes them: 0.3 s, 12 s, 3 min, 5 h, 2 days. Pure."""

from typing import Final

_UNITS: Final = ((172_800.0, 86_400.0, "days"), (7_200.0, 3_600.0, "h"), (120.0, 60.0, "min"))
#: Seconds below which a fraction is worth showing.
_FINE_S: Final = 10.0


def span(seconds: float) -> str:
    """Write a duration with one unit, rounded down."""
    for least, length, unit in _UNITS:
        if seconds >= least:
            return f"{int(seconds // length)} {unit}"
    return f"{seconds:.1f} s" if seconds < _FINE_S else f"{int(seconds)} s"


def ago(seconds: float) -> str:
    """Write how long ago something was."""
    return f"{span(max(seconds, 0.0))} ago"
