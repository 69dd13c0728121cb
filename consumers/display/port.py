"""The port of displays: how a platform shows ranks and achievements, and how it refuses."""

from collections.abc import Collection, Mapping
from typing import NamedTuple, Protocol

from db import Platform
from db.surfaces.display_visits import Visit

#: Seconds: the longest wait between visits to a member whose visits keep failing. Waits double up
#: to it.
BACKOFF_S_MAX = 300.0


class CannotShow(Exception):
    """A member's surfaces could not be brought to the wanted state for now.

    `retry_s` says when to visit again. With `everyone`, the cause is not the member's: no surface
    on this platform can be written until then. With a `cause`, a visit is of no use before that
    cause is gone: one that a survey names, or one of `surfaces.PERSONAL`.
    """

    def __init__(
        self,
        why: str,
        *,
        retry_s: float,
        everyone: bool = False,
        cause: str | None = None,
        backoff_s_max: float = BACKOFF_S_MAX,
    ) -> None:
        super().__init__(why)
        self.retry_s = retry_s
        self.everyone = everyone
        self.cause = cause
        self.backoff_s_max = backoff_s_max


class Hindrances(NamedTuple):
    """The hindrances on a platform, each with its remedy.

    `everyone` prevents every write. Each of `causes` prevents showing the members who need the
    thing that it stands for, such as one role.
    """

    everyone: str | None
    causes: Mapping[str, str]


class Display(Protocol):
    """A platform's way to show ranks and achievements."""

    @property
    def platform(self) -> Platform: ...

    def describe(self) -> Mapping[str, object]:
        """Name the group or server."""
        ...

    def room(self, *, urgent: bool) -> int:
        """Say how many members can be visited now without waiting for the platform's limits.

        Some room is reserved for urgent visits.
        """
        ...

    async def survey(self) -> Hindrances:
        """Find the hindrances, without trying any write.

        Raises:
            CannotShow: the platform does not answer now.
        """
        ...

    def take_bots(self) -> Collection[int]:
        """Return the accounts that visits since the last call found to be bots."""
        ...

    async def show(self, visit: Visit) -> None:
        """Bring one member's surfaces to the wanted state, and read them back.

        A visit may be cancelled anywhere: the next one reads before it writes.

        Raises:
            CannotShow: the platform refuses, or does not answer.
        """
        ...


def retry_after_s(refusal: CannotShow, attempts: int) -> float:
    """Say how long to wait before the next visit, after `attempts` failures and this one. Pure."""
    if refusal.everyone:
        return refusal.retry_s
    doubled = refusal.retry_s * 2.0 ** min(attempts, 16)
    return max(refusal.retry_s, min(doubled, refusal.backoff_s_max))
