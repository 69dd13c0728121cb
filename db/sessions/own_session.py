"""A session of Postgres of its own, for what belongs to one session: LISTEN, and locks.

It needs a connection that leads to Postgres directly: a pooler that lends sessions to transactions
would lose both.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

import asyncpg

from ..connections import (
    CONNECT_TIMEOUT_S,
    Connector,
    is_direct,
    is_read_only,
    is_refused_by_pooler,
)
from ..errors import StorageUnavailable, mapped_errors
from ..pool import address_errors
from ..url import Address

#: Seconds for the answer to a statement.
ANSWER_S_MAX: Final = 10.0


class Pooled(StorageUnavailable):
    """A pooler stands at the address."""


class Session:
    """One session; it lives until the block of `open_session` ends, or Postgres ends it."""

    def __init__(self, conn: asyncpg.Connection) -> None:
        self.conn = conn
        self._lost = asyncio.Event()
        conn.add_termination_listener(lambda _: self._lost.set())

    async def watch(self, *, look_every_s: float) -> None:
        """Return or raise once the session has ended, or its server takes no writes any more.

        A network that died silently is noticed by the next look.
        """
        while not self._lost.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(look_every_s):
                    await self._lost.wait()
            with mapped_errors():
                await self.conn.execute("SELECT 1")
            if is_read_only(self.conn):
                return


@contextlib.asynccontextmanager
async def open_session(
    address: Address,
    name: str,
    *,
    setting: str = "DATABASE_URL",
    pooled: str,
    connect_s: float = CONNECT_TIMEOUT_S,
) -> AsyncIterator[Session]:
    """Open a session, named as a pool's connections are, and within `connect_s` as they are.

    Raises:
        Pooled: a pooler stands at the address, and `pooled` is the text that says so.
        StorageUnavailable: Postgres cannot be used now.
        BadDatabaseUrl: the address, which comes from `setting`, cannot be read.
    """
    if address.is_pooled:
        raise Pooled(pooled)
    with mapped_errors():
        try:
            with address_errors(setting=setting):
                connect = Connector(address, name, is_pooled=False, connect_s=connect_s)
                conn = await connect(command_timeout=ANSWER_S_MAX)
        except asyncpg.ProtocolViolationError as error:
            if is_refused_by_pooler(error):
                raise Pooled(pooled) from error
            raise
    try:
        with mapped_errors():
            # One that ignores our settings lets us in, and LISTEN and locks are lost in it too.
            if not await is_direct(conn):
                raise Pooled(pooled)
        yield Session(conn)
    finally:
        conn.terminate()
