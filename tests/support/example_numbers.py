"""The number of examples that a test of a property draws: few every day, many in `make nightly`."""

from hypothesis import settings


def is_daily() -> bool:
    """Tell whether this is `make test`, which draws the same examples every day."""
    return settings().max_examples <= settings.get_profile("daily").max_examples


def examples(every_day: int, *, nightly_share: int = 1) -> int:
    """Return the number for a test that draws a share of the examples of `make nightly`."""
    return every_day if is_daily() else max(every_day, settings().max_examples // nightly_share)
