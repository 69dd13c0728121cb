"""Figures of the community for its owner: how many members, of which rank, how many are active."""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Mapping
from typing import Final

from db import DbError
from db.upkeep import census
from db.upkeep.census import Census

from . import metrics
from .resources import Resources
from .transactions import transaction

#: Seconds between two counts. Owners look at days, and each count reads whole tables.
PAUSE_S: Final = 300.0
#: The share of the time in which Postgres counts at most: where a count takes longer than
#: PAUSE_S times this share, the pause grows.
SHARE_MAX: Final = 0.01


class CommunityFigures:
    """Counts the community every five minutes, and more rarely where that takes seconds.

    A figure that cannot be counted has no value until the next count, never a stale one.
    """

    def __init__(self, resources: Resources) -> None:
        self._pool = resources.pool
        self._clock = asyncio.get_running_loop().time
        self.pause_s = PAUSE_S

    def describe(self) -> Mapping[str, object]:
        """Name the interval."""
        return {"interval_s": PAUSE_S}

    async def step(self) -> int:
        """Count once. An outage is a figure without a value, not an error."""
        begun = self._clock()
        counted = None
        with contextlib.suppress(DbError):
            async with transaction(self._pool) as conn:
                counted = await census.take(conn)
        _tell(counted)
        self.pause_s = max(PAUSE_S, (self._clock() - begun) / SHARE_MAX)
        return 0


def _tell(counted: Census | None) -> None:
    """Set the figures; those of a rank that is gone, or of an outage, disappear."""
    for figure in (metrics.MEMBERS, metrics.ACTIVE, metrics.ACCOUNTS):
        figure.clear()
    metrics.LINKED.set(math.nan if counted is None else counted.links)
    if counted is None:
        return
    for one in counted.ranks:
        metrics.MEMBERS.labels(one.rank, one.name).set(one.members)
    for days, members in counted.active.items():
        metrics.ACTIVE.labels(days).set(members)
    for platform, accounts in counted.accounts.items():
        metrics.ACCOUNTS.labels(platform).set(accounts)


@contextlib.asynccontextmanager
async def open_role(resources: Resources) -> AsyncIterator[CommunityFigures]:
    """Open it like a role. Operators cannot name it; one with metrics and the relay has it."""
    yield CommunityFigures(resources)
