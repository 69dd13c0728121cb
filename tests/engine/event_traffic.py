"""Events that a program records in SQL, one after the other, whatever happens to the deployment."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Final

import asyncpg

from launch.errors import LaunchError
from launch.waiting import until
from tests.engine.deployment import Deployment
from tests.engine.errors import EngineError

#: The errors of a call to a server that is restarted. asyncpg raises InternalClientError where the
#: server went away while a statement was being sent.
UNDER_A_FAULT: Final = (
    *(asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError),
    *(OSError, TimeoutError),
)
#: Accounts that the sandbox gives to nobody.
ACCOUNTS_FROM: Final = {"telegram": 71_001, "discord": 81_001}
ACCOUNTS: Final = 5
#: Seconds between two events, and after a refused one.
PAUSE_S: Final = 0.05
RETRY_S: Final = 0.5
#: Seconds until everything recorded is on both sides, after the last fault.
ARRIVED_TIMEOUT_S: Final = 120.0

RECORD: Final = "SELECT * FROM twinstream.record_xp($1::text, $2::bigint, 1, 'dig', $3::text)"
#: Events that the traffic recorded and that are not completed, by status.
UNFINISHED: Final = """
    SELECT status, count(*) FROM sync_events
    WHERE idempotency_key LIKE '%\\_dig\\_%' AND status <> 'completed' GROUP BY status
"""
#: The ledger entries of the traffic by platform: one per event and platform.
ENTRIES: Final = """
    SELECT platform, count(*) FROM transactions
    WHERE idempotency_key LIKE '%\\_dig\\_%' GROUP BY platform
"""


class EventTraffic:
    """A program that records events until it is stopped. It knows what it has committed."""

    def __init__(self, deployment: Deployment, name: str) -> None:
        self._deployment = deployment
        self._name = name
        self.recorded = 0
        self.refused = 0

    async def run(self) -> None:
        """Record, and try again what was refused or whose answer was lost, under the same key."""
        connection: asyncpg.Connection | None = None
        while True:
            source = ("telegram", "discord")[self.recorded % 2]
            account = ACCOUNTS_FROM[source] + self.recorded % ACCOUNTS
            entity_id = f"{self._name}.{self.recorded}"
            try:
                connection = connection or await self._deployment.connect()
                await connection.fetch(RECORD, source, account, entity_id, timeout=5.0)
            except UNDER_A_FAULT:
                if connection is not None:
                    connection.terminate()
                connection = None
                self.refused += 1
                await asyncio.sleep(RETRY_S)
            else:
                self.recorded += 1
                await asyncio.sleep(PAUSE_S)

    async def goes_on(self) -> None:
        """Return once a few more events are recorded."""
        wanted = self.recorded + 5

        async def recorded() -> bool:
            return self.recorded >= wanted

        await until("more events being recorded", recorded, timeout_s=60.0)


@contextlib.asynccontextmanager
async def traffic(
    deployment: Deployment, name: str, say: Callable[[str], None]
) -> AsyncIterator[EventTraffic]:
    """Record events while the block runs; at its end prove that none is lost or counted twice.

    Raises:
        EngineError: an event is on one side only, or there more than once, or was buried.
    """
    before = dict(await deployment.ask(ENTRIES))
    program = EventTraffic(deployment, name)
    running = asyncio.create_task(program.run())
    try:
        yield program
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
    await until_arrived(deployment)
    after = dict(await deployment.ask(ENTRIES))
    gained = {platform: after[platform] - before.get(platform, 0) for platform in ACCOUNTS_FROM}
    # The event under way at the end may have been committed although its answer never came.
    if not all(0 <= count - program.recorded <= 1 for count in gained.values()):
        raise EngineError(f"{program.recorded} events were recorded, and entered: {gained}")
    say(
        f"{program.recorded} events were recorded meanwhile, {program.refused} calls were refused"
        " and repeated; each event is once on each side"
    )


async def until_arrived(deployment: Deployment) -> None:
    """Wait until every event of the traffic is completed.

    Raises:
        EngineError: one is not in time.
    """

    async def arrived() -> bool:
        return not await deployment.ask(UNFINISHED)

    try:
        await until("the arrival of every event", arrived, timeout_s=ARRIVED_TIMEOUT_S)
    except LaunchError as error:
        rows = [tuple(row) for row in await deployment.ask(UNFINISHED)]
        raise EngineError(f"{error}; not completed: {rows}") from error
