"""A platform's way to show ranks and achievements, and how it says that it cannot."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from db import Platform
from db.surfaces.visits import Showing

#: A member whose visits keep failing is looked at less and less often, down to this.
BACKOFF_S_MAX = 300.0


class CannotShow(Exception):
    """A member's surfaces could not be brought to the wanted state for now.

    `retry_s` says when to look again. With `everyone`, the cause is not the member's: nobody's
    surfaces on this platform can be written until then. With a `cause` it is of no use to look
    again before that is gone: one that a survey names, or one of `surfaces.PERSONAL`.
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
    """What stands in the way on a platform, each with what mends it.

    `everyone` keeps from writing anything at all. `causes` keep from showing those who need what
    they stand for, such as one role.
    """

    everyone: str | None
    causes: Mapping[str, str]


class Display(Protocol):
    """A platform's way to show ranks and achievements."""

    @property
    def platform(self) -> Platform: ...

    def describe(self) -> Mapping[str, object]:
        """Name the place that is shown to."""
        ...

    def room(self, *, urgent: bool) -> int:
        """Say how many members can be visited now without waiting for the platform's limits.

        Some room is kept for what is urgent.
        """
        ...

    async def survey(self) -> Hindrances:
        """See what stands in the way, without trying any write.

        Raises:
            CannotShow: the platform cannot be asked now.
        """
        ...

    async def show(self, showing: Showing) -> None:
        """Bring one member's surfaces to the wanted state, and make sure that they are.

        It may be cut off anywhere: the next visit looks before it writes.

        Raises:
            CannotShow: it is not possible now.
        """
        ...


def retry_after_s(refusal: CannotShow, attempts: int) -> float:
    """Say how long to leave a member alone after `attempts` failures and this one. Pure."""
    if refusal.everyone:
        return refusal.retry_s
    doubled = refusal.retry_s * 2.0 ** min(attempts, 16)
    return max(refusal.retry_s, min(doubled, refusal.backoff_s_max))
