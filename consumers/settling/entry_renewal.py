"""Renewing entries: keeps other consumers from claiming entries that are in progress.

Two consumers that settle the same entry come to the same books, so renewal only saves work.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection

import structlog

from bus import BusError, Reader

log = structlog.get_logger("twinstream.settling")


@contextlib.asynccontextmanager
async def renewed(
    reader: Reader, in_hand: Callable[[], Collection[str]], *, every_s: float, at_once: bool
) -> AsyncIterator[None]:
    """Renew the entries in hand every `every_s` seconds until the block ends, and not after it.

    With `at_once` also at the beginning, for entries that were in hand before. The task runs on the
    event loop, so a process that hangs renews nothing.
    """
    renewing = asyncio.create_task(_renew(reader, in_hand, every_s=every_s, at_once=at_once))
    try:
        yield
    finally:
        renewing.cancel()
        await asyncio.wait({renewing})


async def _renew(
    reader: Reader, in_hand: Callable[[], Collection[str]], *, every_s: float, at_once: bool
) -> None:
    if not at_once:
        await asyncio.sleep(every_s)
    while True:
        ids = list(in_hand())
        try:
            kept = await reader.renew(ids)
        except BusError as error:
            # The work itself needs Redis in the end, and its error will be logged.
            log.debug("entries.not_renewed", stream=reader.stream, entries=len(ids), why=str(error))
        else:
            log.debug("entries.renewed", stream=reader.stream, entries=len(kept))
        await asyncio.sleep(every_s)
