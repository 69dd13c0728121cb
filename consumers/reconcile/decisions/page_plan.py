"""The plan of the pages for one subject: which ids they cover, and in which order. Pure."""

import math
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from config import ReconcileSetting
from db.reconcile.pages import PageRecord
from db.reconcile.passes import Run
from db.reconcile.sweep_positions import Sweep
from schemas import SnapshotPage
from schemas.snapshots import Part

#: Safety factor on the size of a slice, so that a sweep is complete before its time is over.
HASTE = 1.1
#: The share of the time for a sweep after which the slice limit is ignored and the rest of the
#: sweep is looked at.
SWEEP_LATE = 0.9


class Sized(Protocol):
    """The sizes of a subject that the plan needs; see `port.Subject`."""

    @property
    def page_rows(self) -> int: ...
    @property
    def slice_rows_max(self) -> int | None: ...


class Stretch(NamedTuple):
    """Consecutive ids of one part that are still to be looked at, in as many pages as it takes."""

    part: Part
    after: int
    """Ids above this one."""
    left: int | None
    """At most this many ids; None for all of them."""
    may_restart: bool = False
    """If there are no ids above `after`, begin at the first id instead."""

    def behind(self, page: SnapshotPage | None) -> "Stretch | None":
        """Return what is left behind a page, or without one because there were no more ids. Pure.

        None if nothing is left.
        """
        if page is None:
            return self._replace(after=0, may_restart=False) if self.may_restart else None
        left = None if self.left is None else self.left - page.looked_at
        if page.is_last or (left is not None and left <= 0):
            return None
        return Stretch(self.part, page.upto, left)


def plan(
    run: Run,
    subject: Sized,
    sweep: Sweep,
    known: Sequence[PageRecord],
    limits: ReconcileSetting,
) -> list[Stretch]:
    """List what a pass has still to look at of a subject, in order.

    `known` are the pages that the pass has already, in order: a process that takes a pass over
    continues behind them. A subject that was left out stays so.
    """
    parts = parts_of(run, subject)
    if known:
        last = known[-1]
        if last.part == "left out":
            return []
        parts = parts[[*map(str, parts)].index(last.part) :]
    stretches = (_stretch_of(part, run, subject, sweep, known, limits) for part in parts)
    return [one for one in stretches if one is not None]


def _stretch_of(
    part: Part,
    run: Run,
    subject: Sized,
    sweep: Sweep,
    known: Sequence[PageRecord],
    limits: ReconcileSetting,
) -> Stretch | None:
    left = rows_max(run, subject, part, sweep, limits)
    taken = [page for page in known if page.part == part]
    if not taken:
        after = begin_after(run, subject, part, sweep)
        # All ids above the place where the sweep stands may be gone since.
        stretch = Stretch(part, after, left, may_restart=part == "slice" and after > 0)
    elif taken[-1].is_last:
        return None
    else:
        if left is not None:
            left -= sum(page.looked_at for page in taken)
        stretch = Stretch(part, taken[-1].upto_id, left)
    return stretch if left is None or left > 0 else None


def parts_of(run: Run, subject: Sized) -> list[Part]:
    """Return the parts of which a pass looks at a subject, in order. Pure."""
    if run.member_id is not None:
        return ["touched"]
    if run.everybody:
        return ["slice"] if subject.slice_rows_max is None else ["watched", "slice"]
    return ["touched", "watched", "slice"]


def begin_after(run: Run, subject: Sized, part: Part, sweep: Sweep) -> int:
    """Return the id above which a part begins. Pure.

    A slice continues where the sweep stands. A pass over everybody begins at the first id, unless
    the subject limits its slices.
    """
    is_whole = run.everybody and subject.slice_rows_max is None
    return sweep.after_id if part == "slice" and not is_whole else 0


def rows_max(
    run: Run, subject: Sized, part: Part, sweep: Sweep, limits: ReconcileSetting
) -> int | None:
    """Return how many ids of a part a pass looks at; None for all of them. Pure.

    A subject that limits its slices looks at as many touched members; later slices cover the rest.
    """
    if part == "slice":
        return slice_size(run, subject, sweep, limits)
    return subject.slice_rows_max if part == "touched" and run.member_id is None else None


def slice_size(run: Run, subject: Sized, sweep: Sweep, limits: ReconcileSetting) -> int | None:
    """Return how many ids a slice has; None for all that are left. Pure.

    An alarm is about roles, so a pass that it caused looks at as many members' roles as the subject
    allows.
    """
    most = subject.slice_rows_max
    late = sweep.age_s * 1_000 > limits.whole_within_ms * SWEEP_LATE
    alarmed = run.cause == "alarm" and most is not None
    if run.everybody or late or alarmed:
        return most
    known = max(sweep.passed_last_time, sweep.passed)
    share = limits.interval_ms / limits.whole_within_ms * HASTE
    size = max(math.ceil(known * share), subject.page_rows)
    return size if most is None else min(size, most)
