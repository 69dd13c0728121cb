"""The Telegram side of the sandbox: it serves the Bot API, and people act through it."""

import copy
import json
import time
from collections.abc import Callable
from typing import Any

import msgspec
import structlog
from aiohttp import web

from sandbox.errors import SandboxError, SeedError
from sandbox.faults import ANY, Fault, Faults, patched
from sandbox.seed_data import Seed, TelegramSeed
from sandbox.transcript import Transcript

from .errors import ApiError, bad_request
from .flood_limits import FloodControl, TelegramLimits
from .member_actions import MemberActions
from .methods import METHODS, TABLE
from .parameter_parser import read
from .parameters import GetUpdates, Parameters
from .state import JSON, State
from .updates import Polling
from .world import World

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

log = structlog.get_logger("twinstream.sandbox")


class TelegramPlatform:
    """A Bot API server for one bot, and the people in its chats.

    `say`, `edit`, `click`, `react`, `join` and `leave` are actions of a person; `people` has more.
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
        self._token = seed.token
        self._world = World(seed, now=wall_clock)
        self._polling = Polling(self._world)
        self._flood = FloodControl(limits or TelegramLimits(), clock)
        self._runner: web.AppRunner | None = None
        self._api_base = ""
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
        app = web.Application()
        app.router.add_route("*", "/bot{token}/{method}", self._serve)
        self._runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS, handler_cancellation=True
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        self._api_base = f"http://{host}:{self._runner.addresses[0][1]}"
        log.info("telegram.started", api_base=self._api_base)

    async def stop(self) -> None:
        """Answer the open poll and close the socket. The state stays."""
        if self._runner is not None:
            self._polling.wake()
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

    def messages(self, chat_id: int) -> list[JSON]:
        """Return the latest messages of a chat as JSON objects, oldest first."""
        return list(self._world.state.messages.get(chat_id, {}).values())

    def world(self) -> JSON:
        """Return the members with status and tag, and each chat's latest messages."""
        state = self._world.state
        group = state.groups[self._world.seed.group.id]
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
        return {
            "chat_id": group.id,
            "title": group.title,
            "members": members,
            "private_chats": [user.id for user in state.users.values() if user.opened],
            "allowed_updates": state.allowed_updates,
            "pending_updates": len(state.pending),
            "bot_polls": self._polling.is_open,
            "messages": [
                message
                for chat_id in state.messages
                for message in self.messages(chat_id)[-LATEST_MESSAGES:]
            ],
        }

    def dump(self) -> JSON:
        """Return the whole state as JSON, for `load`."""
        built: JSON = msgspec.to_builtins(self._world.state, str_keys=True, order="deterministic")
        return built

    def load(self, state: JSON) -> None:
        """Load a dumped state. Raises SeedError if it is invalid, or of another group or bot."""
        try:
            loaded = msgspec.convert(state, State, str_keys=True)
        except msgspec.ValidationError as error:
            raise SeedError(f"the saved Telegram state cannot be used: {error}") from error
        seed = self._world.seed
        if seed.group.id not in loaded.groups or seed.bot_id not in loaded.users:
            raise SeedError("the saved Telegram state is of another group or bot than the seed")
        self._world.state = loaded
        self._polling.wake()

    def reset(self) -> None:
        """Go back to the seed. Id counters go on, and the bot's menus and profile stay."""
        self._world.reset()
        self._flood.reset()
        self._polling.wake()

    async def _serve(self, request: web.Request) -> web.Response:
        name = request.match_info["method"]
        if request.match_info["token"] != self._token:
            return self._answer(name, None, *_refusal(ApiError(401, "Unauthorized")))
        kind = METHODS.get(name)
        if kind is None:
            unknown = ApiError(404, f"Not Found: the sandbox does not imitate {name!r}")
            return self._answer(name, None, *_refusal(unknown))
        fault = self._faults.take("telegram", name)
        if fault is not None and fault.when == "hangup":
            self._transcript.record("telegram", name, None, 0, "hung up by an ordered fault")
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        try:
            asked = await _raw(request)
        except ApiError as error:
            return self._answer(name, None, *_refusal(error))
        if fault is not None and fault.when == "before":
            return self._answer(name, asked, *_faulty(fault))
        status, body, asked = await self._execute(kind, name, asked, undo=_dropped(fault))
        if fault is not None and fault.when == "after":
            status, body = _faulty(fault)
        if fault is not None and fault.when == "garbled":
            return self._garbled(name, asked, status, body, fault)
        return self._answer(name, asked, status, body)

    async def _execute(
        self, kind: type[Parameters], name: str, asked: JSON, *, undo: bool
    ) -> tuple[int, JSON, JSON]:
        try:
            call = read(kind, asked)
            asked = {key: msgspec.to_builtins(getattr(call, key)) for key in asked}
            self._flood.check(name, asked.get("chat_id"))
            if isinstance(call, GetUpdates):
                result = [] if undo else await self._polling.get_updates(call)
            elif undo:
                before = copy.deepcopy(self._world.state)
                result = TABLE[kind](self._world, call)
                self._world.state = before
            else:
                result = TABLE[kind](self._world, call)
        except ApiError as error:
            return *_refusal(error), asked
        return 200, {"ok": True, "result": result}, asked

    def _answer(self, name: str, asked: JSON | None, status: int, body: JSON) -> web.Response:
        encoded = json.dumps(body, ensure_ascii=False).encode()
        if name == "getUpdates" and status == 200:
            encoded = self._updates(body["result"])
        else:
            # A decoded copy, because later calls change the objects that the body refers to.
            self._transcript.record("telegram", name, asked, status, json.loads(encoded))
        return web.Response(status=status, body=encoded, content_type="application/json")

    def _updates(self, updates: list[JSON]) -> bytes:
        """Return the body with these updates; those queued as text go out unchanged."""
        texts = []
        for update in updates:
            text = self._world.state.raw.get(update["update_id"])
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
        self._transcript.record("telegram", name, asked, status, json.loads(encoded))
        return web.Response(status=status, body=encoded, content_type="application/json")


async def _raw(request: web.Request) -> JSON:
    """Return the unparsed parameters: from the query, and a form or a JSON body."""
    raw: JSON = dict(request.query)
    if request.content_type == "application/json":
        try:
            body = await request.json()
        except ValueError as error:
            raise bad_request("can't parse JSON body of the request") from error
        if not isinstance(body, dict):
            raise bad_request("the JSON body of a request is an object")
        return raw | body
    form: dict[str, Any] = dict(await request.post())
    if files := [key for key, value in form.items() if not isinstance(value, str)]:
        raise bad_request(f"the sandbox takes no files, but got {', '.join(files)}")
    return raw | form


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
    return error.status, body
