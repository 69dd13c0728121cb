"""One gateway socket: sends frames in order, compressed if the client asked for it."""

import asyncio
import json
import zlib
from contextlib import suppress
from dataclasses import dataclass

from aiohttp import web

from sandbox.discord_api.payloads import Json

__all__ = ["CloseCode", "GatewaySocket", "Opcode"]


class Opcode:
    """Gateway opcodes of API v10."""

    DISPATCH = 0
    HEARTBEAT = 1
    IDENTIFY = 2
    PRESENCE_UPDATE = 3
    VOICE_STATE_UPDATE = 4
    RESUME = 6
    RECONNECT = 7
    REQUEST_GUILD_MEMBERS = 8
    INVALID_SESSION = 9
    HELLO = 10
    HEARTBEAT_ACK = 11


class CloseCode:
    """The close codes of the gateway."""

    UNKNOWN_ERROR = 4000
    UNKNOWN_OPCODE = 4001
    DECODE_ERROR = 4002
    NOT_AUTHENTICATED = 4003
    AUTHENTICATION_FAILED = 4004
    ALREADY_AUTHENTICATED = 4005
    RATE_LIMITED = 4008
    SESSION_TIMED_OUT = 4009
    INVALID_SHARD = 4010
    INVALID_API_VERSION = 4012
    INVALID_INTENTS = 4013
    DISALLOWED_INTENTS = 4014


@dataclass(frozen=True, slots=True)
class _Close:
    code: int


class GatewaySocket:
    """A socket with an outbox: `send` never blocks, and frames keep their order.

    With `compress` all frames go through one zlib context, flushed after each, as in the real
    "zlib-stream". A client that asks for zstd gets text frames, which every client reads.
    """

    def __init__(
        self, socket: web.WebSocketResponse, request: web.Request, *, compress: bool
    ) -> None:
        self.closed_by_us = False
        self._socket = socket
        self._request = request
        self._outbox: asyncio.Queue[str | _Close] = asyncio.Queue()
        self._deflate = zlib.compressobj() if compress else None

    def send(self, frame: Json) -> None:
        """Queue a frame."""
        self.send_text(json.dumps(frame, ensure_ascii=False, separators=(",", ":")))

    def send_text(self, text: str) -> None:
        """Queue a frame that is already encoded."""
        self._outbox.put_nowait(text)

    def close(self, code: int) -> None:
        """Close the socket with this code, after everything that is queued."""
        self.closed_by_us = True
        self._outbox.put_nowait(_Close(code))

    def abort(self) -> None:
        """Cut the socket without a closing handshake; queued frames are lost."""
        self.closed_by_us = True
        if self._request.transport is not None:
            self._request.transport.abort()
        self._outbox.put_nowait(_Close(CloseCode.UNKNOWN_ERROR))

    async def write(self) -> None:
        """Send queued frames until the socket closes."""
        with suppress(ConnectionError):
            while not self._socket.closed:
                item = await self._outbox.get()
                if isinstance(item, _Close):
                    await self._socket.close(code=item.code)
                elif self._deflate is None:
                    await self._socket.send_str(item)
                else:
                    data = self._deflate.compress(item.encode())
                    await self._socket.send_bytes(data + self._deflate.flush(zlib.Z_SYNC_FLUSH))
