"""Slots: numbers of consumers, each of which one living process holds at a time.

A consumer's name has the number in it, so a process that returns under the same number gets back
the entries that it left. The number is leased by a lock that belongs to a session of Postgres. When
the process dies, the session ends and the number is free at once, without a clock and without a
time that would have to pass. When only the session ends, the process takes the same number again,
unless another process was faster: then it has to begin anew under another number.
"""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Final

import asyncpg
import structlog

from .. import url
from ..error_causes.logged_causes import LoggedCauses
from ..errors import DbError, StorageUnavailable, mapped_errors
from .own_session import Pooled, Session, open_session

log = structlog.get_logger("twinstream.slots")

#: The largest number of a slot.
SLOT_MAX: Final = 999
#: Seconds between two looks at the session. Meanwhile another process may have taken the number, if
#: Postgres noticed a broken network before this process did.
LOOK_EVERY_S: Final = 5.0
#: Seconds between two attempts to connect again.
CONNECT_AGAIN_S: Final = 0.5
#: Seconds in which Postgres notices that this process ended its session: it takes milliseconds,
#: more on a machine that is busy.
NOTICED_S_MAX: Final = 2.0
#: Seconds between two attempts to take a lock meanwhile.
LOCK_AGAIN_S: Final = 0.05
POOLED: Final = (
    "a pooler stands at DATABASE_URL, and locks of a session are lost in it: give the address of"
    " Postgres itself in DATABASE_LISTEN_URL, or each process a TWINSTREAM_CONSUMER_SLOT of its own"
)


class SlotTaken(DbError):
    """Another process has the slot by now. Take another one."""


class Lease:
    """The slots that this process holds, by the name of their group."""

    def __init__(self, slots: Mapping[str, int], keeping: asyncio.Task[None] | None) -> None:
        self.slots = slots
        self._keeping = keeping

    async def lost(self) -> None:
        """Wait until a slot is lost, which never happens where none is leased.

        Raises:
            SlotTaken: another process has it.
        """
        if self._keeping is None:
            await asyncio.Event().wait()
        else:
            await asyncio.shield(self._keeping)


@contextlib.asynccontextmanager
async def lease_slots(
    database_url: str, groups: Iterable[str], *, first: int, setting: str = "DATABASE_URL"
) -> AsyncIterator[Lease]:
    """Lease a slot of each group: `first`, or else the next one that is free.

    Behind a pooler nothing can be leased: then the slot is `first`, as the operator set it.

    Raises:
        StorageUnavailable: Postgres cannot be used now.
        BadDatabaseUrl: the address, which comes from `setting`, cannot be read.
    """
    address = url.read(database_url, setting=setting)
    wanted = list(groups)
    if not wanted:
        yield Lease({}, None)
        return
    async with contextlib.AsyncExitStack() as stack:
        opening = open_session(address, "slots", setting=setting, pooled=POOLED)
        try:
            session = await stack.enter_async_context(opening)
        except Pooled as error:
            log.warning("slots.not_leased", slot=first, why=str(error))
            yield Lease(dict.fromkeys(wanted, first), None)
            return
        slots = {group: await _take_free(session.conn, group, first) for group in wanted}
        log.info("slots.leased", slots=slots)
        keeping = asyncio.create_task(_keep(address, setting, slots, session))
        try:
            yield Lease(slots, keeping)
        finally:
            keeping.cancel()
            await asyncio.wait({keeping})


async def _keep(
    address: url.Address, setting: str, slots: Mapping[str, int], session: Session
) -> None:
    """Keep the slots over ends of the session and outages of Postgres.

    Raises:
        SlotTaken: another process has one of them.
    """
    with contextlib.suppress(DbError, TimeoutError):
        await session.watch(look_every_s=LOOK_EVERY_S)
    # A session that is only slow, or whose server takes no writes, would keep the slots from the
    # next one.
    session.conn.terminate()
    news = LoggedCauses()
    while True:
        try:
            async with open_session(address, "slots", setting=setting, pooled=POOLED) as again:
                await _take_again(again.conn, slots)
                if news.end():
                    log.info("slots.leased", slots=slots)
                with contextlib.suppress(DbError, TimeoutError):
                    await again.watch(look_every_s=LOOK_EVERY_S)
        except SlotTaken:
            raise
        except (DbError, TimeoutError) as error:
            why = str(error) or "Postgres did not answer in time"
            if news.is_new(why, wait_s=CONNECT_AGAIN_S):
                log.warning("slots.lapsed", slots=slots, why=why)
        await asyncio.sleep(CONNECT_AGAIN_S)


async def _take_free(conn: asyncpg.Connection, group: str, first: int) -> int:
    for slot in itertools.chain(range(first, SLOT_MAX + 1), range(1, first)):
        if await _lock(conn, group, slot):
            return slot
    raise StorageUnavailable(f"all {SLOT_MAX} slots of the group {group} are taken")


async def _take_again(conn: asyncpg.Connection, slots: Mapping[str, int]) -> None:
    """Take the slots once Postgres has noticed that the session before has ended."""
    clock = asyncio.get_running_loop()
    noticed_at = clock.time() + NOTICED_S_MAX
    for group, slot in slots.items():
        while not await _lock(conn, group, slot):
            if clock.time() > noticed_at:
                raise SlotTaken(f"another process has taken slot {slot} of the group {group}")
            await asyncio.sleep(LOCK_AGAIN_S)


async def _lock(conn: asyncpg.Connection, group: str, slot: int) -> bool:
    with mapped_errors():
        is_ours: bool = await conn.fetchval(
            "SELECT pg_try_advisory_lock(hashtext('twinstream.slots.' || $1), $2)", group, slot
        )
    return is_ours
