"""The gateway: its sockets, and which sessions receive an event."""

import asyncio
from typing import Any

from aiohttp import web

from sandbox.discord_api.payloads import Json

from .guild_creation import guild_for
from .intents import Intent, seen_with
from .protocol import GatewayProtocol, GatewaySettings
from .sessions import PLATFORM, Sessions
from .sockets import CloseCode, GatewaySocket, Opcode

__all__ = ["CONNECT", "Gateway"]

CONNECT = "gateway connect"
CLOSING_HANDSHAKE_MAX_S = 1.0


class Gateway:
    """Serves sockets, and sends every session the events that its intents cover.

    `url` is set once the platform listens. A fault ordered for "gateway connect" refuses the
    upgrade with its status (before), cuts the connection (hangup), closes before HELLO (after) or
    sends no HELLO (dropped).
    """

    def __init__(self, settings: GatewaySettings) -> None:
        self.url = ""
        self._settings = settings
        self._sessions = Sessions(settings.transcript, settings.faults)
        self._connections: set[GatewaySocket] = set()

    @property
    def connected(self) -> int:
        """The number of open sockets."""
        return len(self._connections)

    def clients(self, bot_id: int) -> list[Json]:
        """Return the connected programs of a bot: what each calls itself, and its shard."""
        return [
            {"client": session.client, "shard": list(session.shard)}
            for session in self._sessions.of(bot_id)
            if session.connection is not None
        ]

    def emit(self, event: str, payload: Json, *, to: int, direct: bool = False) -> None:
        """Send an event to the sessions of one bot. One outside the guild goes to shard 0."""
        guild_id = 0 if direct else self._settings.world().guild.id
        for session in self._sessions.of(to):
            if not session.sees_guild(guild_id):
                continue
            seen = seen_with(session.intents, event, payload, direct=direct, bot_id=to)
            if seen is not None:
                self._sessions.dispatch(session, event, seen)

    def show_guild(self, bot_id: int, *, joined: bool) -> None:
        """Send a bot's sessions the guild, which has become available or which it has `joined`.

        Only of a guild that was there before, Discord says that it is available.
        """
        world = self._settings.world().as_seen_by(bot_id)
        for session in self._sessions.of(bot_id):
            if Intent.GUILDS in session.intents and session.sees_guild(world.guild.id):
                shown = guild_for(session, world)
                if joined:
                    del shown["unavailable"]
                self._sessions.dispatch(session, "GUILD_CREATE", shown)

    def dispatch(self, event: str, data: Any) -> None:
        """Send every session an event of any name and shape, regardless of intents."""
        for session in self._sessions:
            self._sessions.dispatch(session, event, data)

    def disconnect(self, code: int | None = None) -> None:
        """Close every socket with `code`, or cut them if it is None. Sessions can be resumed."""
        for connection in list(self._connections):
            if code is None:
                connection.abort()
            else:
                connection.close(code)

    def ask_to_reconnect(self) -> None:
        """Send every client op 7, which asks it to reconnect and resume."""
        for connection in self._connections:
            connection.send({"op": Opcode.RECONNECT, "d": None})

    def invalidate(self, *, resumable: bool = False) -> None:
        """Send every client op 9. Unless `resumable`, their sessions are removed."""
        if not resumable:
            self._sessions.clear()
        for connection in self._connections:
            connection.send({"op": Opcode.INVALID_SESSION, "d": resumable})

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Serve one socket, from the upgrade until it closes."""
        fault = self._settings.faults.take(PLATFORM, CONNECT)
        status = fault.status if fault is not None else 101
        self._settings.transcript.record(PLATFORM, CONNECT, dict(request.query), status, None)
        if fault is not None and fault.when == "hangup" and request.transport is not None:
            request.transport.abort()
        if fault is not None and fault.when in ("before", "hangup"):
            return web.Response(status=fault.status, text=fault.description or "")
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        if fault is not None and fault.when == "after":
            await socket.close(code=fault.code or CloseCode.UNKNOWN_ERROR)
        elif fault is not None:
            await socket.receive()
        else:
            await self._run_protocol(request, socket)
        return socket

    async def _run_protocol(self, request: web.Request, socket: web.WebSocketResponse) -> None:
        # A client that asks for zstd gets text frames, which every client reads.
        compress = request.query.get("compress") == "zlib-stream"
        connection = GatewaySocket(socket, request, compress=compress)
        self._connections.add(connection)
        writer = asyncio.create_task(connection.write())
        try:
            protocol = GatewayProtocol(
                self._settings, self._sessions, connection, resume_url=self.url
            )
            await protocol.serve(socket, request.query)
        finally:
            self._connections.discard(connection)
            if connection.closed_by_us:
                await asyncio.wait([writer], timeout=CLOSING_HANDSHAKE_MAX_S)
            writer.cancel()
            await asyncio.wait([writer])
