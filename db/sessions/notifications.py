"""Notifications: Postgres says at once that a transaction left events to the relay.

LISTEN belongs to one session, so it needs a connection of its own that leads to Postgres directly:
a pooler that lends sessions to transactions loses it. A notification may be missed while the
connection is broken, so the relay looks at intervals as well.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Final

import structlog

from .. import url
from ..connections import CONNECT_TIMEOUT_S
from ..errors import DbError, mapped_errors
from .own_session import Session, open_session

log = structlog.get_logger("twinstream.relay")

#: The channel that `twinstream.record` notifies.
CHANNEL: Final = "twinstream_left_to_relay"
#: Seconds between two looks at an idle connection. A network that died silently is noticed by then.
LOOK_EVERY_S: Final = 30.0
#: Seconds between two attempts to connect.
CONNECT_AGAIN_S: Final = 5.0
POOLED: Final = (
    "a pooler stands at DATABASE_URL, and it loses notifications: give the address of Postgres"
    " itself in DATABASE_LISTEN_URL"
)


class Notifications:
    """Remembers that a notification came until `wait` has told of it."""

    def __init__(self) -> None:
        self._came = asyncio.Event()

    def note(self, *_: object) -> None:
        """Note a notification."""
        self._came.set()

    async def wait(self, seconds: float) -> None:
        """Return once a notification has come since the last call, or after `seconds`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._came.wait()
        self._came.clear()


@contextlib.asynccontextmanager
async def listening(
    database_url: str, *, setting: str = "DATABASE_URL"
) -> AsyncIterator[Notifications]:
    """Listen until the block ends; connect again by itself after a failure.

    Raises:
        BadDatabaseUrl: the address, which comes from the setting of this name, cannot be read.
    """
    notifications = Notifications()
    address = url.read(database_url, setting=setting)
    task = asyncio.create_task(_keep_listening(address, notifications, setting))
    try:
        yield notifications
    finally:
        task.cancel()
        await asyncio.wait([task])


async def require_session(
    database_url: str, *, setting: str = "DATABASE_URL", connect_s: float = CONNECT_TIMEOUT_S
) -> None:
    """Check that a connection can listen at this address.

    One attempt to connect takes `connect_s` seconds at most, unless the address says otherwise.

    Raises:
        Pooled: a pooler stands there.
        StorageUnavailable: Postgres cannot be used now.
        BadDatabaseUrl: the address, which comes from the setting of this name, cannot be read.
    """
    async with _open(url.read(database_url, setting=setting), setting, connect_s):
        pass


async def _keep_listening(address: url.Address, notifications: Notifications, setting: str) -> None:
    why = ""
    while True:
        try:
            await _listen(address, notifications, setting)
            why = ""
        except (DbError, TimeoutError) as error:
            if str(error) != why:
                why = str(error)
                log.warning("notifications.delayed", why=why or "Postgres did not answer in time")
        await asyncio.sleep(CONNECT_AGAIN_S)


async def _listen(address: url.Address, notifications: Notifications, setting: str) -> None:
    """Listen on one connection until it breaks."""
    async with _open(address, setting) as session:
        with mapped_errors():
            await session.conn.add_listener(CHANNEL, notifications.note)
        # Events may have been left while nothing listened.
        notifications.note()
        await session.watch(look_every_s=LOOK_EVERY_S)


def _open(
    address: url.Address, setting: str, connect_s: float = CONNECT_TIMEOUT_S
) -> AbstractAsyncContextManager[Session]:
    return open_session(
        address, "relay-listen", setting=setting, pooled=POOLED, connect_s=connect_s
    )
