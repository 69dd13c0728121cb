"""The Telegram side of the sandbox: it serves the Bot API, and people act through it."""

import base64
import copy
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import structlog
from aiohttp import web
from msgspec.structs import replace

from sandbox.errors import SandboxError
from sandbox.faults import ANY, LOST, Fault, Faults, patched
from sandbox.seed_data import Seed, TelegramSeed
from sandbox.transcript import Transcript

from .chat_views import chat_views
from .errors import ApiError
from .flood_limits import FloodControl, TelegramLimits
from .methods.coverage import refusal_of
from .methods.parameter_parser import read
from .methods.table import METHODS, TABLE
from .methods.updates import GetUpdates, Polling
from .parameters import Parameters
from .people import MemberActions
from .requests import REQUEST_BYTES_MAX, bot_of, read_request
from .saved_state import state_from
from .server_versions import OtherVersion
from .world import JSON, World
from .world.world import Upload

__all__ = ["TelegramPlatform"]

SHUTDOWN_SECONDS = 0.5
LATEST_MESSAGES = 50
FAULT_WORDING = {
    401: "Unauthorized",
    403: "Forbidden: bot was blocked by the user",
    409: "Conflict: terminated by other getUpdates request",
    500: "Internal Server Error",
    502: "Bad Gateway",
}
# Telegram takes method names in any case.
NAMES = {name.lower(): name for name in METHODS}

log = structlog.get_logger("twinstream.sandbox")


class TelegramPlatform:
    """A Bot API server, and the people in its chats.

    `say`, `edit`, `click`, `react`, `join` and `leave` are actions of a person; `people` has more.
    `version` says how the server differs from one of Bot API 10.3.
    `clock` times the flood limits (seconds); `wall_clock` dates messages and ends bans (Unix time).
    Belongs to one event loop. A stop and a second start simulate an outage.
    """

    def __init__(
        self,
        seed: Seed | TelegramSeed,
        transcript: Transcript,
        faults: Faults,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        limits: TelegramLimits | None = None,
    ) -> None:
        if isinstance(seed, Seed):
            seed = seed.telegram
        self._transcript = transcript
        self._faults = faults
        self._world = World(seed, now=wall_clock)
        self._clock = clock
        self._polls: dict[int, Polling] = {}
        self._world.shared.on_update = self._wake
        self._flood = FloodControl(limits or TelegramLimits(), clock)
        self._runner: web.AppRunner | None = None
        self._api_base = ""
        self.version = OtherVersion()
        self.people = MemberActions(self._world)
        self.say = self.people.say
        self.edit = self.people.edit
        self.click = self.people.click
        self.react = self.people.react
        self.join = self.people.join
        self.leave = self.people.leave

    @property
    def api_base(self) -> str:
        """Like "http://127.0.0.1:8081", as aiogram's TelegramAPIServer.from_base takes it."""
        if not self._api_base:
            raise SandboxError("the Telegram side has not been started yet")
        return self._api_base

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen. Port 0 picks a free port, which `api_base` then names."""
        app = web.Application(client_max_size=REQUEST_BYTES_MAX)
        app.router.add_route("*", "/bot{token}/{method}", self._serve)
        app.router.add_get("/file/bot{token}/{path:.+}", self._serve_file)
        self._runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS, handler_cancellation=True
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        self._api_base = f"http://{host}:{self._runner.addresses[0][1]}"
        log.info("telegram.started", api_base=self._api_base)

    async def stop(self) -> None:
        """Answer the open polls and close the socket. The state stays."""
        if self._runner is not None:
            self._wake_all()
            await self._runner.cleanup()
            self._runner = None

    def knows(self, method: str) -> bool:
        """Tell whether faults can be ordered for `method`: an imitated method, or "*"."""
        return method == ANY or method in METHODS

    def send_update(self, update: Any) -> int:
        """Queue an update of any shape; an object without `update_id` gets one. Returns the id.

        It is sent even if the bot did not ask for its kind, and is confirmed by its id.
        """
        text = json.dumps(update, ensure_ascii=False)
        if isinstance(update, dict) and "update_id" not in update:
            text = '{"update_id": $update_id' + (", " if update else "") + text[1:]
        return self.send_text(text)

    def send_text(self, text: str) -> int:
        """Queue an update as text, which need not be JSON; `$update_id` in it stands for its id."""
        return self._world.emit_text(text)

    def messages(self, chat_id: int, *, bot_id: int | None = None) -> list[JSON]:
        """Return the latest messages of a chat as JSON objects, oldest first.

        A private chat is one with the seed's bot, unless `bot_id` names another one.
        """
        world = self._world if bot_id is None else self._world.of(bot_id)
        owner = world.state if chat_id in world.state.messages else world.own
        return list(owner.messages.get(chat_id, {}).values())

    def file(self, file_id: str) -> bytes:
        """Return the bytes of a file that a bot or a person sent. Raises SandboxError."""
        found = self._world.state.files.get(file_id)
        if found is None:
            raise SandboxError(f"there is no file {file_id!r}")
        return found.data

    def world(self) -> JSON:
        """Return the members with status and tag, and each chat's latest messages."""
        state, own = self._world.state, self._world.own
        group = self._world.the_group
        members = [
            {
                "user_id": member.user_id,
                "name": state.users[member.user_id].first_name,
                "username": state.users[member.user_id].username,
                "language_code": state.users[member.user_id].language_code,
                "status": self._world.member(group, member.user_id).status,
                "tag": member.tag,
                "custom_title": member.custom_title,
            }
            for member in group.members.values()
        ]
        chats = [*state.messages, *own.messages]
        poll = self._polls.get(self._world.bot_id)
        return {
            "chat_id": group.id,
            "title": group.title,
            "members": members,
            "topics": msgspec.to_builtins(list(group.topics.values())) if group.is_forum else [],
            "join_requests": list(group.join_requests),
            "channels": [
                {"chat_id": chat.id, "title": chat.title}
                for chat in state.groups.values()
                if chat.kind == "channel"
            ],
            "bots": [
                {"bot_id": bot_id, "username": state.users[bot_id].username, "token": bot.token}
                for bot_id, bot in state.bots.items()
            ],
            "private_chats": sorted(own.opened),
            "allowed_updates": own.allowed_updates,
            "pending_updates": len(own.pending),
            "bot_polls": poll is not None and poll.is_open,
            "messages": [
                message
                for chat_id in chats
                for message in self.messages(chat_id)[-LATEST_MESSAGES:]
            ],
        }

    def chats(self, latest: int) -> JSON:
        """Return each chat with its `latest` messages as JSON, as a page shows them to people."""
        shown = chat_views(self._world, latest)
        for bot in shown["bots"]:
            bot.update(self._poll_of(bot["bot_id"]).client())
        return shown

    def dump(self, *, contents: bool = True) -> JSON:
        """Return the whole state as JSON, for `load`; without `contents`, each file is empty."""
        state = self._world.state
        if not contents:
            empty = {key: replace(file, data=b"") for key, file in state.files.items()}
            state = replace(state, files=empty)
        built: JSON = msgspec.to_builtins(state, str_keys=True, order="deterministic")
        return built

    def contents(self) -> dict[str, bytes]:
        """Return the bytes of all files by id. They never change."""
        return {key: file.data for key, file in self._world.state.files.items()}

    @staticmethod
    def fill(state: JSON, contents: Mapping[str, bytes]) -> None:
        """Put the bytes of files into a dump without them. Any thread may do this."""
        for key, data in contents.items():
            state["files"][key]["data"] = base64.b64encode(data).decode()

    def load(self, state: JSON) -> None:
        """Load a dumped state. Raises SeedError if it is invalid, or of another group or bot."""
        self._world.state = state_from(state, self._world.seed)
        self._wake_all()

    def reset(self) -> None:
        """Go back to the seed. Id counters go on, and the bot's menus and profile stay."""
        self._world.reset()
        self._flood.reset()
        self.version = OtherVersion()
        self._wake_all()
        self._polls = {self._world.bot_id: self._poll_of(self._world.bot_id)}

    def _poll_of(self, bot_id: int) -> Polling:
        if bot_id not in self._polls:
            self._polls[bot_id] = Polling(self._world.of(bot_id), self._clock)
        return self._polls[bot_id]

    def _wake(self, bot_id: int) -> None:
        if bot_id in self._polls:
            self._polls[bot_id].wake()

    def _wake_all(self) -> None:
        for poll in self._polls.values():
            poll.wake()

    async def _serve(self, request: web.Request) -> web.Response:
        asked_name = request.match_info["method"]
        name = NAMES.get(asked_name.lower(), asked_name)
        try:
            bot_id = bot_of(self._world.state, request.match_info["token"])
            if name not in METHODS:
                raise refusal_of(name)
            self.version.check(name)
        except ApiError as error:
            return self._answer(name, None, *_refusal(error))
        fault = self._faults.take("telegram", name)
        if fault is not None and fault.when == "hangup":
            self._transcript.record("telegram", name, None, 0, "hung up by an ordered fault")
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        try:
            asked, uploads = await read_request(request)
        except ApiError as error:
            return self._answer(name, None, *_refusal(error))
        if fault is not None and fault.when == "before":
            return self._answer(name, asked, *_faulty(fault))
        world = self._world.of(bot_id, uploads)
        client = request.headers.get("User-Agent", "")
        status, body, asked = await self._execute(world, name, asked, client, undo=_dropped(fault))
        if fault is not None and fault.when == "lost":
            self._transcript.record("telegram", name, asked, 0, LOST)
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        if fault is not None and fault.when == "after":
            status, body = _faulty(fault)
        if fault is not None and fault.when == "garbled":
            return self._garbled(name, asked, status, body, fault)
        return self._answer(name, asked, status, body, bot_id)

    async def _execute(
        self, world: World, name: str, asked: JSON, client: str, *, undo: bool
    ) -> tuple[int, JSON, JSON]:
        kind: type[Parameters] = METHODS[name]
        uploads: Mapping[str, Upload] = world.uploads
        try:
            call = read(kind, asked, uploads)
            named = {*asked, *(upload for upload in uploads if hasattr(call, upload))}
            asked = {key: msgspec.to_builtins(getattr(call, key)) for key in named}
            self._flood.check(name, asked, bot_id=world.bot_id)
            if isinstance(call, GetUpdates):
                poll = self._poll_of(world.bot_id)
                result = [] if undo else await poll.get_updates(call, client)
            elif undo:
                before = copy.deepcopy(world.state)
                result = TABLE[kind](world, call)
                world.state = before
            else:
                result = TABLE[kind](world, call)
        except ApiError as error:
            return *_refusal(error), asked
        return 200, {"ok": True, "result": result}, asked

    async def _serve_file(self, request: web.Request) -> web.Response:
        """Answer with a file, by the path that getFile told."""
        try:
            bot_of(self._world.state, request.match_info["token"])
        except ApiError as error:
            return self._answer("file", None, *_refusal(error))
        path = request.match_info["path"]
        for file in self._world.state.files.values():
            if file.path == path:
                self._transcript.record("telegram", "file", {"path": path}, 200, len(file.data))
                return web.Response(body=file.data, content_type="application/octet-stream")
        return self._answer("file", {"path": path}, *_refusal(ApiError(404, "Not Found")))

    def _answer(
        self, name: str, asked: JSON | None, status: int, body: JSON, bot_id: int | None = None
    ) -> web.Response:
        encoded = json.dumps(self.version.spoken(body), ensure_ascii=False).encode()
        if name == "getUpdates" and status == 200 and bot_id is not None:
            encoded = self._updates(body["result"], bot_id)
        else:
            # A decoded copy, because later calls change the objects that the body refers to.
            self._transcript.record("telegram", name, asked, status, msgspec.json.decode(encoded))
        return web.Response(status=status, body=encoded, content_type="application/json")

    def _updates(self, updates: list[JSON], bot_id: int) -> bytes:
        """Return the body with these updates; those queued as text go out unchanged."""
        texts = []
        raw = self._world.of(bot_id).own.raw
        for update in updates:
            text = raw.get(update["update_id"])
            update = self.version.spoken(update)  # noqa: PLW2901 - in this server's words
            self._transcript.record("telegram", "update", None, 0, update if text is None else text)
            texts.append(json.dumps(update, ensure_ascii=False) if text is None else text)
        return f'{{"ok": true, "result": [{", ".join(texts)}]}}'.encode()

    def _garbled(
        self, name: str, asked: JSON | None, status: int, body: JSON, fault: Fault
    ) -> web.Response:
        """Answer in a shape that clients do not know, or with another page."""
        status = fault.status or status
        if fault.page is not None:
            self._transcript.record("telegram", name, asked, status, fault.page)
            return web.Response(status=status, text=fault.page, content_type="text/html")
        encoded = json.dumps(patched(body, fault.changes), ensure_ascii=False).encode()
        self._transcript.record("telegram", name, asked, status, msgspec.json.decode(encoded))
        return web.Response(status=status, body=encoded, content_type="application/json")


def _dropped(fault: Fault | None) -> bool:
    return fault is not None and fault.when == "dropped"


def _faulty(fault: Fault) -> tuple[int, JSON]:
    wait = fault.retry_after
    if fault.status == 429:
        wait = 1.0 if wait is None else wait
        error = ApiError(429, "", retry_after=wait)
        wording = f"Too Many Requests: retry after {error.retry_after}"
    else:
        wording = FAULT_WORDING.get(fault.status, "Bad Request: ordered fault")
    return _refusal(ApiError(fault.status, fault.description or wording, retry_after=wait))


def _refusal(error: ApiError) -> tuple[int, JSON]:
    body: JSON = {"ok": False, "error_code": error.status, "description": error.description}
    if error.retry_after is not None:
        body["parameters"] = {"retry_after": error.retry_after}
    if error.migrate_to_chat_id is not None:
        body["parameters"] = {"migrate_to_chat_id": error.migrate_to_chat_id}
    return error.status, body
