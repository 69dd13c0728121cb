"""The gateway protocol on one socket: the client's frames and the server's answers."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from aiohttp import WSCloseCode, WSMsgType, web

from sandbox.discord_api import payloads
from sandbox.discord_api.editing import WorldEditor
from sandbox.discord_api.payloads import Json
from sandbox.discord_api.rate_limits import DiscordLimits
from sandbox.discord_api.world import Presence, World
from sandbox.faults import Faults
from sandbox.rate_window import Window
from sandbox.transcript import Transcript

from .client_states import connect_bot, presence_from
from .guild_creation import guild_for
from .intents import ALL_INTENTS, PRIVILEGED_INTENTS, Intent, application_flags
from .member_requests import RequestRefused, chunks, read_request
from .sessions import PLATFORM, Session, Sessions, break_off
from .sockets import CloseCode, GatewaySocket, Opcode

__all__ = ["GatewayProtocol", "GatewaySettings"]

HEARTBEAT_INTERVAL_MS = 41_250
#: A client that sends nothing for this long has missed a heartbeat; its session times out.
SILENCE_MAX_S = 1.5 * HEARTBEAT_INTERVAL_MS / 1000
FRAME_BYTES_MAX = 4096
#: The part of a client's name that is kept.
CLIENT_LENGTH_MAX = 200
#: Close codes of a client after which Discord discards its session.
UNRESUMABLE_AFTER = frozenset({int(WSCloseCode.OK), int(WSCloseCode.GOING_AWAY)})
#: The parser and the handlers raise these for a frame of another shape than Discord describes.
MISSHAPEN = (ValueError, TypeError, KeyError, AttributeError, RecursionError)
NAMES = {
    Opcode.HEARTBEAT: "HEARTBEAT",
    Opcode.IDENTIFY: "IDENTIFY",
    Opcode.PRESENCE_UPDATE: "PRESENCE_UPDATE",
    Opcode.VOICE_STATE_UPDATE: "VOICE_STATE_UPDATE",
    Opcode.RESUME: "RESUME",
    Opcode.REQUEST_GUILD_MEMBERS: "REQUEST_GUILD_MEMBERS",
}


log = structlog.get_logger("twinstream.sandbox")


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """Shared by all sockets. `privileged` are the privileged intents granted to applications."""

    editor: Callable[[], WorldEditor]
    transcript: Transcript
    faults: Faults
    limits: DiscordLimits
    clock: Callable[[], float]
    privileged: Intent = PRIVILEGED_INTENTS

    def world(self) -> World:
        """Return the current world."""
        return self.editor().world


class GatewayProtocol:
    """Serves one socket from HELLO to its end. A client that breaks a rule gets a close code."""

    def __init__(
        self,
        settings: GatewaySettings,
        sessions: Sessions,
        connection: GatewaySocket,
        *,
        resume_url: str,
    ) -> None:
        self._settings = settings
        self._sessions = sessions
        self._connection = connection
        self._resume_url = resume_url
        self._session: Session | None = None
        self._frames = Window(*settings.limits.gateway_frames, settings.clock)
        self._answers: dict[int, Callable[[Any], None]] = {
            Opcode.HEARTBEAT: self._heartbeat,
            Opcode.IDENTIFY: self._identify,
            Opcode.PRESENCE_UPDATE: self._presence,
            Opcode.VOICE_STATE_UPDATE: self._voice,
            Opcode.RESUME: self._resume,
            Opcode.REQUEST_GUILD_MEMBERS: self._request_members,
        }

    async def serve(self, socket: web.WebSocketResponse, query: Mapping[str, str]) -> None:
        """Send HELLO, and answer frames until one side closes."""
        if query.get("v", "10") != "10" or query.get("encoding", "json") != "json":
            self._connection.close(CloseCode.INVALID_API_VERSION)
        else:
            self._say(Opcode.HELLO, {"heartbeat_interval": HEARTBEAT_INTERVAL_MS})
        client_code = 0
        try:
            while not socket.closed:
                message = await socket.receive(timeout=SILENCE_MAX_S)
                if message.type is WSMsgType.CLOSE:
                    client_code = message.data
                if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                    break
                self._take(message.data)
        except TimeoutError:
            self._connection.close(CloseCode.SESSION_TIMED_OUT)
        finally:
            self._detach(client_code)

    def _detach(self, client_code: int) -> None:
        """Detach the session. A session that its client closed properly cannot be resumed."""
        session = self._session
        if session is None or session.connection is not self._connection:
            return
        session.connection = None
        if not any(one.connection for one in self._sessions.of(session.bot_id)):
            self._show(session, None)
        if client_code in UNRESUMABLE_AFTER and not self._connection.closed_by_us:
            self._sessions.remove(session)

    def _say(self, opcode: int, data: Any) -> None:
        self._connection.send({"op": opcode, "d": data, "s": None, "t": None})

    def _close(self, code: int) -> None:
        self._connection.close(code)

    # Frames of the client

    def _take(self, data: Any) -> None:
        if self._frames.take():
            return self._close(CloseCode.RATE_LIMITED)
        if len(data) > FRAME_BYTES_MAX:
            return self._close(CloseCode.DECODE_ERROR)
        try:
            frame = json.loads(data)
            return self._answer(frame["op"], frame.get("d"))
        except MISSHAPEN:
            log.warning("frame.rejected", exc_info=True)
            return self._close(CloseCode.DECODE_ERROR)

    def _answer(self, opcode: Any, said: Any) -> None:
        answer = self._answers.get(opcode)
        if answer is None:
            return self._close(CloseCode.UNKNOWN_OPCODE)
        if opcode != Opcode.HEARTBEAT:
            name = f"gateway {NAMES[opcode]}"
            self._settings.transcript.record(PLATFORM, name, _without_token(said), 0, None)
            fault = self._settings.faults.take(PLATFORM, name)
            if fault is not None:
                return None if fault.when == "dropped" else break_off(self._connection, fault)
        return answer(said)

    def _heartbeat(self, said: Any) -> None:
        self._say(Opcode.HEARTBEAT_ACK, None)

    def _presence(self, said: Any) -> None:
        session = self._session
        if session is None:
            return self._close(CloseCode.NOT_AUTHENTICATED)
        presence = presence_from(said)
        if presence is None:
            return self._close(CloseCode.DECODE_ERROR)
        session.presence = None if presence.status in ("invisible", "offline") else presence
        return self._settings.editor().set_presence(session.bot_id, session.presence)

    def _voice(self, said: Any) -> None:
        """Connect the bot to a voice channel, move or disconnect it.

        A voice server follows, as on Discord, but without an address: the sandbox carries no sound.
        """
        session = self._session
        if session is None:
            return self._close(CloseCode.NOT_AUTHENTICATED)
        if connect_bot(said, self._settings.editor().as_seen_by(session.bot_id)):
            server = {"token": "", "guild_id": str(said["guild_id"]), "endpoint": None}
            self._sessions.dispatch(session, "VOICE_SERVER_UPDATE", server)
        return None

    def _identify(self, said: Json) -> None:
        if self._session is not None:
            return self._close(CloseCode.ALREADY_AUTHENTICATED)
        bot_id = self._bot_of(said)
        if bot_id is None:
            return self._close(CloseCode.AUTHENTICATION_FAILED)
        wanted = said.get("intents")
        if not isinstance(wanted, int) or wanted & ~int(ALL_INTENTS):
            return self._close(CloseCode.INVALID_INTENTS)
        intents = Intent(wanted)
        if intents & PRIVILEGED_INTENTS & ~self._settings.privileged:
            return self._close(CloseCode.DISALLOWED_INTENTS)
        shard, shards = said.get("shard") or (0, 1)
        if not 0 <= shard < shards:
            return self._close(CloseCode.INVALID_SHARD)
        presence = presence_from(said.get("presence") or {}) or Presence("online")
        large = int(said.get("large_threshold", 50))
        session = Session(
            bot_id,
            intents,
            (shard, shards),
            large,
            client=_client(said),
            connection=self._connection,
        )
        if presence.status not in ("invisible", "offline"):
            session.presence = presence
        self._session = session
        self._sessions.add(session)
        return self._ready(session)

    def _bot_of(self, said: Json) -> int | None:
        return self._settings.world().bot_with(said.get("token", "").removeprefix("Bot "))

    def _show(self, session: Session, presence: Presence | None) -> None:
        """Show the other bots that this one is there, or that it is gone (None)."""
        world = self._settings.world()
        if world.guild.presences.get(session.bot_id) != presence:
            editor = self._settings.editor()
            editor.set_presence(session.bot_id, presence, but=session.bot_id)

    def _ready(self, session: Session) -> None:
        world = self._settings.world().as_seen_by(session.bot_id)
        guild_id = str(world.guild.id)
        here = world.installed and session.sees_guild(world.guild.id)
        ready = {
            "v": 10,
            "user": payloads.own_user(world.users[world.bot_id]),
            "guilds": [{"id": guild_id, "unavailable": True}] if here else [],
            "session_id": session.id,
            "session_type": "normal",
            "resume_gateway_url": self._resume_url,
            "shard": list(session.shard),
            "application": {
                "id": str(world.bot_id),
                "flags": application_flags(self._settings.privileged),
            },
            "private_channels": [],
            "presences": [],
        }
        self._sessions.dispatch(session, "READY", ready)
        self._show(session, session.presence)
        if here and not world.guild.unavailable and Intent.GUILDS in session.intents:
            self._sessions.dispatch(session, "GUILD_CREATE", guild_for(session, world))

    def _resume(self, said: Json) -> None:
        if self._session is not None:
            return self._close(CloseCode.ALREADY_AUTHENTICATED)
        bot_id = self._bot_of(said)
        if bot_id is None:
            return self._close(CloseCode.AUTHENTICATION_FAILED)
        session, sequence = self._sessions.get(said.get("session_id")), said.get("seq")
        if session is None or session.bot_id != bot_id or sequence is None:
            return self._say(Opcode.INVALID_SESSION, False)
        if not session.can_resume_after(sequence):
            return self._say(Opcode.INVALID_SESSION, False)
        if session.connection is not None:
            session.connection.close(CloseCode.UNKNOWN_ERROR)
        self._session = session
        session.resume(self._connection, after=sequence)
        self._show(session, session.presence)
        return self._sessions.dispatch(session, "RESUMED", {})

    def _request_members(self, said: Json) -> None:
        session = self._session
        if session is None:
            return self._close(CloseCode.NOT_AUTHENTICATED)
        world = self._settings.world().as_seen_by(session.bot_id)
        try:
            request = read_request(said, world, session.intents)
        except RequestRefused:
            return self._close(CloseCode.DISALLOWED_INTENTS)
        if request is None:
            return None
        if request.all_members and (wait := self._wait_for_all_members(session)):
            meta = {"guild_id": str(world.guild.id), "nonce": request.nonce}
            limited = {
                "opcode": Opcode.REQUEST_GUILD_MEMBERS,
                "retry_after": wait,
                "meta": meta,
            }
            return self._sessions.dispatch(session, "RATE_LIMITED", limited)
        for chunk in chunks(request, world):
            self._sessions.dispatch(session, "GUILD_MEMBERS_CHUNK", chunk)
        return None

    def _wait_for_all_members(self, session: Session) -> float:
        """Return the seconds until the session may request all members again (once per 30 s)."""
        if session.all_members is None:
            session.all_members = Window(
                *self._settings.limits.member_requests, self._settings.clock
            )
        return session.all_members.take()


def _client(said: Json) -> str:
    """Return what a client calls itself. Older libraries write a `$` before the name."""
    properties = said.get("properties")
    if not isinstance(properties, dict):
        return ""
    return str(properties.get("browser", properties.get("$browser", "")))[:CLIENT_LENGTH_MAX]


def _without_token(said: Any) -> Any:
    if not isinstance(said, dict):
        return said
    return {name: value for name, value in said.items() if name != "token"}
