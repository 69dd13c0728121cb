"""Gateway sessions. They outlive their sockets, so that a client can resume after a reconnect."""

import json
import secrets
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sandbox.discord_api.world import Presence
from sandbox.faults import Fault, Faults, patched
from sandbox.rate_window import Window
from sandbox.transcript import Transcript

from .intents import Intent
from .sockets import CloseCode, GatewaySocket, Opcode

__all__ = ["PLATFORM", "Session", "Sessions", "break_off"]

PLATFORM = "discord"
EVENTS_KEPT = 1_000
SESSIONS_KEPT = 64


@dataclass(slots=True)
class Session:
    """A bot's client with its intents and shard, and the events sent to it, numbered from 1."""

    bot_id: int
    intents: Intent
    shard: tuple[int, int]
    large_threshold: int
    client: str = ""
    """The name that the program gives itself."""
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    sequence: int = 0
    connection: GatewaySocket | None = None
    presence: Presence | None = None
    all_members: Window | None = None
    """Limits how often this session may request all members of the guild."""
    _kept: deque[tuple[int, str]] = field(default_factory=lambda: deque(maxlen=EVENTS_KEPT))

    def sees_guild(self, guild_id: int) -> bool:
        """Whether the guild is on this session's shard; direct messages count as guild 0."""
        shard, shards = self.shard
        return (guild_id >> 22) % shards == shard

    def number(self, event: str, payload: Any) -> str:
        """Number an event, keep it for a resume, and return its frame."""
        self.sequence += 1
        frame = {"op": Opcode.DISPATCH, "t": event, "s": self.sequence, "d": payload}
        text = json.dumps(frame, ensure_ascii=False, separators=(",", ":"))
        self._kept.append((self.sequence, text))
        return text

    def can_resume_after(self, sequence: int) -> bool:
        """Whether every event above `sequence` is still kept."""
        oldest = self._kept[0][0] if self._kept else self.sequence + 1
        return oldest - 1 <= sequence <= self.sequence

    def resume(self, connection: GatewaySocket, *, after: int) -> None:
        """Attach a new socket, and send it the events that it missed."""
        self.connection = connection
        for number, text in self._kept:
            if number > after:
                connection.send_text(text)


class Sessions:
    """The newest 64 sessions, and the events sent to each."""

    def __init__(self, transcript: Transcript, faults: Faults) -> None:
        self._transcript = transcript
        self._faults = faults
        self._by_id: dict[str, Session] = {}

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._by_id.values()))

    def of(self, bot_id: int) -> list[Session]:
        """Return the sessions of one bot."""
        return [one for one in self._by_id.values() if one.bot_id == bot_id]

    def add(self, session: Session) -> None:
        """Keep a session. The oldest above SESSIONS_KEPT can no longer be resumed."""
        self._by_id[session.id] = session
        while len(self._by_id) > SESSIONS_KEPT:
            del self._by_id[next(iter(self._by_id))]

    def get(self, session_id: object) -> Session | None:
        """Return the session with this id, if it is still kept."""
        return self._by_id.get(session_id) if isinstance(session_id, str) else None

    def remove(self, session: Session) -> None:
        """Remove a session: it cannot be resumed and receives no more events."""
        self._by_id.pop(session.id, None)

    def clear(self) -> None:
        """Remove all sessions."""
        self._by_id.clear()

    def dispatch(self, session: Session, event: str, payload: Any) -> None:
        """Send a session an event, unless a fault is ordered for `gateway <EVENT>`.

        A dropped event is lost. If the fault breaks the socket before the event is sent (`before`,
        `hangup`), the next resume brings it. A garbled event is changed, or a `page` replaces its
        frame.
        """
        name = f"gateway {event}"
        fault = self._faults.take(PLATFORM, name)
        if fault is not None and fault.when == "dropped":
            return
        garbled = fault is not None and fault.when == "garbled"
        if fault is not None and garbled and fault.page is None:
            payload = patched(payload, fault.changes)
        frame = session.number(event, payload)
        if fault is not None and garbled and fault.page is not None:
            frame = fault.page
        if session.connection is None:
            return
        if fault is None or fault.when in ("after", "garbled"):
            session.connection.send_text(frame)
            self._transcript.record(PLATFORM, name, None, 0, payload)
        if fault is not None and not garbled:
            break_off(session.connection, fault)


def break_off(connection: GatewaySocket, fault: Fault) -> None:
    """End a connection as a fault's `code` says: op 7 or 9, or a close code. A hangup cuts it."""
    if fault.when == "hangup":
        connection.abort()
    elif fault.code == Opcode.RECONNECT:
        connection.send({"op": Opcode.RECONNECT, "d": None})
    elif fault.code == Opcode.INVALID_SESSION:
        connection.send({"op": Opcode.INVALID_SESSION, "d": False})
    else:
        connection.close(fault.code or CloseCode.UNKNOWN_ERROR)
