"""A run: load, faults with their recoveries, the wait for quiet, and the audit."""

import asyncio
import contextlib
import random
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from typing import NamedTuple

from . import users_table
from .account_links import AccountLinks
from .audit import Audit, audit, unfinished_events, unfinished_groups
from .commit_journal import prepare
from .community import TELEGRAM_IDS
from .deployment import BOTS, Deployment, redis_at
from .errors import ChaosError
from .faults import ALL_FAULTS
from .offender import Offender
from .people import open_people
from .run_size import RunSize
from .schedule import Strike

#: Events that must be completed before the first fault.
WARM_UP_EVENTS = 50
#: Seconds within which each phase must end. All are far above the usual times, so that a slow
#: machine does not fail a run.
WARM_UP_S_MAX = 60.0
RECOVERY_S_MAX = 45.0
BOTS_GONE_S_MAX = 40.0
QUIET_S_MAX = 180.0
#: Seconds between two looks at the database.
POLL_S = 0.05
TWO_AT_ONCE = "two at once"


class Recovery(NamedTuple):
    """The recovery from one strike."""

    strike: Strike
    #: Seconds for which the fault itself lasted.
    lasted_s: float
    #: Seconds from the fault's end until every event committed before that end was applied or
    #: buried; None if that took longer than RECOVERY_S_MAX.
    recovered_s: float | None


class Report(NamedTuple):
    """The result of a run."""

    seed: str
    seconds: float
    #: Seconds from the end of the bots until nothing was unfinished; None if that took too long.
    quiet_s: float | None
    recoveries: list[Recovery]
    ended_by_themselves: list[str]
    audit: Audit
    #: The numbers of deeds of people, and of messages of the bots.
    deeds: int = 0
    said: int = 0

    @property
    def faults(self) -> dict[str, int]:
        """The number of times each kind was injected, alone or with another."""
        counts: defaultdict[str, int] = defaultdict(int)
        for recovery in self.recoveries:
            for kind in recovery.strike.kinds:
                counts[kind] += 1
        return dict(counts)

    @property
    def recovery_times(self) -> dict[str, list[float | None]]:
        """The times to recover, by kind; TWO_AT_ONCE is a kind of its own."""
        times: defaultdict[str, list[float | None]] = defaultdict(list)
        for recovery in self.recoveries:
            kinds = recovery.strike.kinds
            times[kinds[0] if len(kinds) == 1 else TWO_AT_ONCE].append(recovery.recovered_s)
        return dict(times)


class Run:
    """One run on an open, empty deployment."""

    def __init__(
        self,
        deployment: Deployment,
        size: RunSize,
        seed: str,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._deployment = deployment
        self._size = size
        self._seed = seed
        self._report = report
        self._recoveries: list[Recovery] = []
        self._links = AccountLinks(size.accounts, seed)
        self._given_up_until: datetime | None = None
        self._deeds = self._said = 0

    async def play(self, strikes: Iterator[Strike]) -> Report:
        """Inject faults until the size of the run is reached, wait for quiet, and audit.

        Raises:
            ChaosError: the run itself could not be carried out.
        """
        deployment = self._deployment
        async with deployment.conn() as conn:
            await prepare(conn)
            await users_table.prepare(conn, self._accounts_of_the_table())
            await self._links.link(conn, self._size.accounts // 4)
        deployment.start_processes()
        began = time.monotonic()
        watching = asyncio.create_task(deployment.watch())
        misdone: list[Offender] = []
        try:
            await self._warm_up()
            async with contextlib.AsyncExitStack() as stack:
                people = None
                if self._size.has_people:
                    people = await stack.enter_async_context(open_people(deployment, self._seed))
                await self._strike_on(strikes, began)
                seconds = time.monotonic() - began
                if people is not None:
                    self._report("people come to rest")
                    misdone = await people.come_to_rest()
                    self._deeds, self._said = len(people.deeds), people.said
            quiet_s = await self._until_quiet()
        finally:
            watching.cancel()
        async with deployment.conn() as conn, redis_at(deployment.redis) as redis:
            findings = await audit(
                conn, redis, users_table.STORES, accounts=self._size.accounts, misdone=misdone
            )
        return Report(
            self._seed,
            seconds,
            quiet_s,
            self._recoveries,
            deployment.ended_by_themselves,
            findings,
            self._deeds,
            self._said,
        )

    def _accounts_of_the_table(self) -> Iterator[int]:
        yield from range(1, self._size.accounts + 1)
        if self._size.has_people:
            yield from range(*TELEGRAM_IDS)

    async def _warm_up(self) -> None:
        async def is_warm() -> bool:
            async with self._deployment.conn() as conn:
                settled = "SELECT count(*) FROM sync_events WHERE status = 'completed'"
                return bool(await conn.fetchval(settled) >= WARM_UP_EVENTS)

        if await _wait(is_warm, WARM_UP_S_MAX) is None:
            raise ChaosError(
                f"no events are completed; see the logs in {self._deployment.folder / 'logs'}"
            )

    async def _strike_on(self, strikes: Iterator[Strike], began: float) -> None:
        for strike in strikes:
            await asyncio.sleep(strike.pause_s)
            recovery = await self._strike(strike)
            self._recoveries.append(recovery)
            elapsed = time.monotonic() - began
            self._report(_line(recovery, elapsed))
            async with self._deployment.conn() as conn:
                await self._links.link(conn, 1)
                await self._links.end_one(conn)
            if await self._is_enough(elapsed):
                return

    async def _is_enough(self, elapsed: float) -> bool:
        size = self._size
        faults = sum(len(recovery.strike.kinds) for recovery in self._recoveries)
        if elapsed < size.seconds or faults < size.faults_min:
            return False
        async with self._deployment.conn() as conn:
            events = await conn.fetchval(
                "SELECT count(*) FROM sync_events WHERE status <> 'failed'"
            )
        return bool(events >= size.events_min)

    async def _strike(self, strike: Strike) -> Recovery:
        chance = random.Random(strike.seed)
        began = time.monotonic()
        await asyncio.gather(
            *(
                ALL_FAULTS[kind](self._deployment, random.Random(chance.random()))
                for kind in strike.kinds
            )
        )
        lasted_s = time.monotonic() - began
        async with self._deployment.conn() as conn:
            ended_at = await conn.fetchval("SELECT clock_timestamp()")

            async def is_recovered() -> bool:
                left = await conn.fetchval(
                    """
                    SELECT EXISTS (
                        SELECT FROM sync_events
                        WHERE status IN ('pending', 'published')
                            AND created_at > coalesce($1::timestamptz, '-infinity')
                            AND created_at <= $2
                    )
                    """,
                    self._given_up_until,
                    ended_at,
                )
                return not left

            recovered_s = await _wait(is_recovered, RECOVERY_S_MAX)
            if recovered_s is None:
                # The next recovery must not wait for the events that this strike left behind.
                self._given_up_until = ended_at
        return Recovery(strike, lasted_s, recovered_s)

    async def _until_quiet(self) -> float | None:
        """Stop the bots, then wait until nothing is unfinished. Returns None after QUIET_S_MAX."""
        deployment = self._deployment
        deployment.stop(BOTS)

        async def are_gone() -> bool:
            return deployment.are_gone(BOTS)

        if await _wait(are_gone, BOTS_GONE_S_MAX) is None:
            raise ChaosError("a bot did not end")

        async def is_quiet() -> bool:
            async with deployment.conn() as conn, redis_at(deployment.redis) as redis:
                return not (await unfinished_events(conn) or await unfinished_groups(redis))

        return await _wait(is_quiet, QUIET_S_MAX)


async def _wait(look: Callable[[], Awaitable[bool]], at_most_s: float) -> float | None:
    """Call `look` until it returns True. Returns the seconds waited, or None after `at_most_s`."""
    began = time.monotonic()
    while (waited := time.monotonic() - began) < at_most_s:
        if await look():
            return waited
        await asyncio.sleep(POLL_S)
    return None


def _line(recovery: Recovery, elapsed: float) -> str:
    kinds = " + ".join(recovery.strike.kinds)
    recovered = (
        f"recovered in {recovery.recovered_s:.1f} s"
        if recovery.recovered_s is not None
        else f"NOT recovered within {RECOVERY_S_MAX:.0f} s"
    )
    number, lasted_s = recovery.strike.number, recovery.lasted_s
    return f"{elapsed:6.0f} s  {number:3d}. {kinds} ({lasted_s:.1f} s): {recovered}"
