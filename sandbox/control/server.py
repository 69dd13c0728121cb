"""The control interface: JSON over HTTP, by which a test or demo acts for people and orders faults.

Ids are integers on Telegram and strings on Discord; requests may use either form. Every error is
`{"error": "sentence"}`, with a 4xx status for a mistake of the caller and 500 for one of the
sandbox.
"""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any, cast, get_args

import msgspec
import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from sandbox.discord_api import DiscordPlatform
from sandbox.errors import SandboxError
from sandbox.faults import Fault, Faults
from sandbox.page import PAGE_PATH, Feed, PageRoutes, check_browser, safe_file
from sandbox.page.browser_checks import is_loopback
from sandbox.telegram_api import TelegramPlatform
from sandbox.transcript import Call, Transcript

from .discord_routes import DiscordRoutes
from .request_bodies import (
    ControlRequest,
    FaultRequest,
    MemberChange,
    PlatformName,
    Route,
    number_of,
    request_from,
)
from .telegram_routes import TelegramRoutes

__all__ = ["Control"]

WAIT_SECONDS_MAX = 60.0
#: Messages of each chat that `/chats` shows, unless it is asked for another number.
LATEST_MESSAGES, LATEST_MESSAGES_MAX = 50, 2_000
SHUTDOWN_SECONDS = 0.5
#: The size of a request: a file of 10 MiB in Base64, and what is said about it.
REQUEST_BYTES_MAX = 16 * 1024 * 1024

log = structlog.get_logger("twinstream.sandbox")


class Control:
    """The control interface's HTTP server, beside the servers of the platforms."""

    def __init__(
        self,
        telegram: TelegramPlatform,
        discord: DiscordPlatform,
        transcript: Transcript,
        faults: Faults,
    ) -> None:
        self._telegram = telegram
        self._discord = discord
        self._for_telegram = TelegramRoutes(telegram)
        self._for_discord = DiscordRoutes(discord)
        self._transcript = transcript
        self._faults = faults
        self._runner: web.AppRunner | None = None
        self._url = ""
        self._exposed = False
        self._feed = Feed(self._shown, transcript)
        self._page = PageRoutes(self._feed)

    @property
    def page_url(self) -> str:
        """The address of the page, with its token. Browsers send a fragment nowhere."""
        return f"{self._url}{PAGE_PATH}#token={self._page.token}"

    @property
    def page_token(self) -> str:
        """The token that requests of the page carry, for a page that passes them on."""
        return self._page.token

    @property
    def url(self) -> str:
        """Where the control interface listens, like "http://127.0.0.1:8090"."""
        return self._url

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen. Port 0 picks a free port, which `url` then names."""
        self._exposed = not is_loopback(host)
        app = web.Application(
            middlewares=[_errors_as_json, self._check_browser], client_max_size=REQUEST_BYTES_MAX
        )
        for route in self._actions():
            app.router.add_post(route.path, self._acting(route))
        for path, look in (
            ("/faults", self._list_faults),
            ("/world", self._world),
            ("/chats", self._chats),
            ("/transcript", self._read_transcript),
            ("/health", self._health),
        ):
            app.router.add_get(path, _answering(look))
        app.router.add_get("/telegram/files/{file_id}", self._telegram_file)
        app.router.add_get("/discord/files/{attachment_id}", self._discord_file)
        self._page.add_to(app)
        app.router.add_delete("/faults", _answering(self._clear_faults))
        self._runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS, handler_cancellation=True
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        self._url = f"http://{host}:{self._runner.addresses[0][1]}"
        log.info("control.started", url=self._url)

    async def stop(self) -> None:
        """Close the socket."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def _actions(self) -> list[Route[Any]]:
        return [
            *self._for_telegram.all(),
            *self._for_discord.all(),
            Route("/members", MemberChange, self._members),
            Route("/faults", FaultRequest, self._add_fault),
            Route("/reset", ControlRequest, self._reset),
        ]

    def _members(self, asked: MemberChange) -> dict[str, Any]:
        known = None if asked.user_id is None else number_of(asked.user_id)
        if known is None and asked.action != "join":
            raise SandboxError(f"the action {asked.action} needs user_id")
        if asked.platform == "telegram":
            return {"user_id": self._for_telegram.change_member(asked, known)}
        return {"user_id": str(self._for_discord.change_member(asked, known))}

    def _add_fault(self, asked: FaultRequest) -> dict[str, Any]:
        if (asked.method is None) == (asked.route is None):
            raise SandboxError('a fault names one `method` or `route`, "*" for any')
        name = cast("str", asked.method if asked.method is not None else asked.route)
        if asked.platform == "telegram" and not self._telegram.knows(name):
            raise SandboxError(f"the sandbox imitates no Telegram method {name!r}")
        if asked.platform == "discord" and not self._discord.knows(name):
            raise SandboxError(f"the sandbox imitates no Discord route {name!r}")
        if asked.status is None and asked.when in ("before", "after"):
            raise SandboxError("a fault before or after the call needs a `status`")
        fault = Fault(
            asked.platform,
            name,
            asked.status or 0,
            times=asked.times,
            retry_after=asked.retry_after,
            description=asked.description,
            code=asked.code,
            when=asked.when,
            changes=asked.changes,
            page=asked.page,
        )
        self._faults.add(fault)
        return asdict(fault)

    async def _list_faults(self, request: web.Request) -> Any:
        return {"faults": [asdict(fault) for fault in self._faults.pending()]}

    async def _clear_faults(self, request: web.Request) -> Any:
        self._faults.clear()
        return {"ok": True}

    async def _world(self, request: web.Request) -> Any:
        return {"telegram": self._telegram.world(), "discord": self._discord.world()}

    async def _chats(self, request: web.Request) -> Any:
        query = dict(request.query)
        asked = query.pop("messages", str(LATEST_MESSAGES))
        if query:
            raise SandboxError(f"the chats have no filter {', '.join(sorted(query))}")
        if not asked.isdecimal() or not 1 <= int(asked) <= LATEST_MESSAGES_MAX:
            raise SandboxError(f"`messages` is a number from 1 to {LATEST_MESSAGES_MAX}")
        return self._shown(int(asked)) | {"last": self._transcript.last}

    def _shown(self, latest: int) -> dict[str, Any]:
        return {
            "addresses": self._addresses(),
            "telegram": self._telegram.chats(latest),
            "discord": self._discord.chats(latest),
        }

    def _addresses(self) -> dict[str, str]:
        """Return the addresses by which a bot is pointed at this sandbox."""
        return {
            "telegram_api_base": self._telegram.api_base,
            "discord_api_base": self._discord.api_base,
            "discord_gateway_url": self._discord.gateway_url,
        }

    async def _telegram_file(self, request: web.Request) -> web.Response:
        return safe_file(self._for_telegram.file(request.match_info["file_id"]))

    async def _discord_file(self, request: web.Request) -> web.Response:
        return safe_file(self._discord.file(number_of(request.match_info["attachment_id"])))

    async def _read_transcript(self, request: web.Request) -> Any:
        query = dict(request.query)
        platform, name = query.pop("platform", None), query.pop("name", None)
        after, wait = query.pop("after", "0"), query.pop("wait", "0")
        if query:
            raise SandboxError(f"the transcript has no filter {', '.join(sorted(query))}")
        if platform is not None and platform not in get_args(PlatformName):
            raise SandboxError(f"there is no platform {platform!r}")
        try:
            newest_known, seconds = int(after), min(float(wait), WAIT_SECONDS_MAX)
        except ValueError as error:
            raise SandboxError("`after` is a call's number, `wait` is in seconds") from error

        def wanted(call: Call) -> bool:
            return platform in (None, call.platform) and name in (None, call.name)

        if seconds > 0:
            try:
                await self._transcript.wait_for(wanted, timeout=seconds, after=newest_known)
            except TimeoutError:
                log.debug("wait.expired", after=newest_known)
        calls = self._transcript.calls(platform=platform, name=name, after=newest_known)
        return {"calls": [asdict(call) for call in calls], "last": self._transcript.last}

    def _reset(self, _: ControlRequest) -> dict[str, Any]:
        self._telegram.reset()
        self._discord.reset()
        self._faults.clear()
        return {"ok": True}

    def _acting(self, route: Route[Any]) -> Handler:
        async def handler(request: web.Request) -> web.StreamResponse:
            asked = request_from(await request.read() or b"{}", route.body)
            done = route.act(asked)
            self._feed.poke()
            return _json(200, done)

        return handler

    @web.middleware
    async def _check_browser(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse what another page of the same browser sends."""
        refusal = check_browser(
            request.method,
            request.headers,
            token=self._page.token,
            exposed=self._exposed,
            public=PageRoutes.serves(request.path),
        )
        if refusal is not None:
            return _json(403, {"error": refusal})
        return await handler(request)

    async def _health(self, request: web.Request) -> Any:
        return {"ok": True, "calls": self._transcript.last}


def _answering(action: Callable[[web.Request], Awaitable[Any]]) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        return _json(200, await action(request))

    return handler


@web.middleware
async def _errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except SandboxError as error:
        return _json(400, {"error": str(error)})
    except web.HTTPRequestEntityTooLarge as error:
        return _json(error.status, {"error": error.text})
    except web.HTTPClientError as error:
        sentence = f"{request.method} {request.path} is not part of the control interface"
        return _json(error.status, {"error": sentence})
    except Exception as error:
        log.exception("request.failed", path=request.path)
        return _json(500, {"error": f"the sandbox stumbled at {error!r}"})


def _json(status: int, body: Any) -> web.Response:
    encoded = msgspec.json.encode(body)
    return web.Response(status=status, body=encoded, content_type="application/json")
