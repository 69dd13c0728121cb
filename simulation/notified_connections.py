"""Connections that LISTEN: what `db.sessions.notifications` gets in the simulation.

The connection to the real Postgres is shared (`RealPostgres`); each of these is told of what comes
there, after the latency of a call, unless it was cut off or its process is dead.
"""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import asyncpg

from .pool import PostgresServer
from .simulated_process import Process, current


class ListeningConnection:
    """The part of `asyncpg.Connection` that a listener uses."""

    def __init__(self, server: PostgresServer, process: Process) -> None:
        self._server = server
        self._process = process
        self._note: Callable[[], None] | None = None
        self._on_termination: list[Callable[[object], None]] = []
        self._is_open = True
        server.listeners.append(self)

    def add_termination_listener(self, call: Callable[[object], None]) -> None:
        """Call it once the connection is cut."""
        self._on_termination.append(call)

    async def add_listener(self, channel: str, note: Callable[[], None]) -> None:
        """Listen; there is one channel."""
        await self.execute(f"LISTEN {channel}")
        self._note = note

    async def execute(self, statement: str) -> None:
        """Make sure that the connection works."""
        await self._process.turn()
        if not self._is_open:
            raise asyncpg.InterfaceError("connection is closed")

    async def prepare(self, _: str, *, name: str) -> "_Asked":
        """Prepare the question that `is_direct` asks, which is the only one."""
        await self.execute(name)
        return _Asked(self)

    def notify(self) -> None:
        """Send a notification on its way, after a commit."""
        self._process.start(self._hear())

    async def _hear(self) -> None:
        await self._process.turn()
        if self._is_open and self._note is not None:
            self._server.machine.note(self._process.name, "postgres notification")
            self._note()

    def get_settings(self) -> SimpleNamespace:
        """Return what the server reported: nothing unusual."""
        return SimpleNamespace()

    def terminate(self) -> None:
        """Cut the connection."""
        if self._is_open:
            self._is_open = False
            self._server.listeners.remove(self)
            for call in self._on_termination:
                call(self)


class _Asked:
    """The question whether our settings are in effect: no pooler is simulated."""

    def __init__(self, conn: ListeningConnection) -> None:
        self._conn = conn

    async def fetchval(self, *_: object) -> bool:
        await self._conn.execute("")
        return True


def connector_of(server: PostgresServer) -> Any:
    """Return what opens such connections in the place of `db.connections.Connector`."""

    async def connect(**_: Any) -> ListeningConnection:
        await current().turn()
        if not server.reachable:
            raise ConnectionRefusedError("Connect call failed")
        return ListeningConnection(server, current())

    return lambda *_, **__: connect
