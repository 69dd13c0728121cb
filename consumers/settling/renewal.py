"""Keeping what is in work from being claimed by others.

Both would come to the same books, so this saves work and nothing depends on it.
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

    With `at_once` also at the beginning, for entries that were in hand before. It lives on the
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
            # The work needs Redis in the end, and will say what is the matter.
            log.debug("entries.not_renewed", stream=reader.stream, entries=len(ids), why=str(error))
        else:
            log.debug("entries.renewed", stream=reader.stream, entries=len(kept))
        await asyncio.sleep(every_s)
