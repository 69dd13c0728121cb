"""The control interface: JSON over HTTP, by which a test or demo acts for people and orders faults.

Ids are integers on Telegram and strings on Discord; requests may use either form. Every error is
`{"error": "sentence"}` with a 4xx status.
"""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any, cast, get_args

import msgspec
import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from .control_requests import (
    DiscordBlock,
    DiscordClick,
    DiscordEvent,
    DiscordPermissions,
    DiscordRole,
    DiscordSay,
    DiscordSlash,
    FaultRequest,
    MemberChange,
    PlatformName,
    TelegramBlock,
    TelegramBotStatus,
    TelegramClick,
    TelegramEdit,
    TelegramReact,
    TelegramSay,
    TelegramUpdate,
    number_of,
    request_from,
)
from .discord_api import DiscordPlatform
from .discord_api.rest import ROUTES
from .errors import SandboxError
from .faults import ANY, Fault, Faults
from .telegram_api import TelegramPlatform
from .transcript import Call, Transcript

__all__ = ["Control"]

WAIT_SECONDS_MAX = 60.0
SHUTDOWN_SECONDS = 0.5

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
        self._transcript = transcript
        self._faults = faults
        self._runner: web.AppRunner | None = None
        self._url = ""

    @property
    def url(self) -> str:
        """Where the control interface listens, like "http://127.0.0.1:8090"."""
        return self._url

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen. Port 0 picks a free port, which `url` then names."""
        app = web.Application(middlewares=[_errors_as_json])
        routes: list[tuple[str, str, Callable[[web.Request], Awaitable[Any]]]] = [
            ("POST", "/telegram/say", self._telegram_say),
            ("POST", "/telegram/edit", self._telegram_edit),
            ("POST", "/telegram/update", self._telegram_update),
            ("POST", "/telegram/click", self._telegram_click),
            ("POST", "/telegram/react", self._telegram_react),
            ("POST", "/telegram/bot", self._telegram_bot),
            ("POST", "/telegram/block", self._telegram_block),
            ("POST", "/discord/say", self._discord_say),
            ("POST", "/discord/slash", self._discord_slash),
            ("POST", "/discord/click", self._discord_click),
            ("POST", "/discord/event", self._discord_event),
            ("POST", "/discord/block", self._discord_block),
            ("POST", "/discord/roles", self._discord_roles),
            ("POST", "/discord/permissions", self._discord_permissions),
            ("POST", "/members", self._members),
            ("POST", "/faults", self._add_fault),
            ("GET", "/faults", self._list_faults),
            ("DELETE", "/faults", self._clear_faults),
            ("GET", "/world", self._world),
            ("GET", "/transcript", self._read_transcript),
            ("POST", "/reset", self._reset),
            ("GET", "/health", self._health),
        ]
        for method, path, action in routes:
            app.router.add_route(method, path, _answering(action))
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

    async def _telegram_say(self, request: web.Request) -> Any:
        asked = request_from(await request.read(), TelegramSay)
        chat_id, user_id = number_of(asked.chat_id), number_of(asked.user_id)
        message_id = self._telegram.say(
            chat_id, user_id, asked.text, reply_to=asked.reply_to, anonymous=asked.anonymous
        )
        return {"message_id": message_id}

    async def _telegram_edit(self, request: web.Request) -> Any:
        asked = request_from(await request.read(), TelegramEdit)
        chat_id, user_id = number_of(asked.chat_id), number_of(asked.user_id)
        self._telegram.edit(chat_id, asked.message_id, user_id, asked.text)
        return {"ok": True}

    async def _telegram_update(self, request: web.Request) -> Any:
        asked = request_from(await request.read(), TelegramUpdate)
        if (asked.update is None) == (asked.text is None):
            raise SandboxError("an update is given as `update` (JSON) or as `text`")
        if asked.text is not None:
            return {"update_id": self._telegram.send_text(asked.text)}
        return {"update_id": self._telegram.send_update(asked.update)}

    async def _telegram_click(self, request: web.Request) -> Any:
        asked = request_from(await request.read(), TelegramClick)
        chat_id, user_id = number_of(asked.chat_id), number_of(asked.user_id)
        query_id = self._telegram.click(chat_id, asked.message_id, user_id, asked.data)
        return {"callback_query_id": query_id}

    async def _telegram_react(self, request: web.Request) -> Any:
        asked = request_from(await request.read(), TelegramReact)
        chat_id, user_id = number_of(asked.chat_id), number_of(asked.user_id)
        self._telegram.react(chat_id, asked.message_id, user_id, asked.emoji)
        return {"ok": True}

    async def _telegram_bot(self, request: web.Request) -> Any:
        asked = request_from(await request.read(), TelegramBotStatus)
        self._telegram.people.set_bot(asked.status, asked.rights)
        return {"ok": True}

    async def _telegram_block(self, request: web.Request) -> Any:
        asked = request_from(await request.read(), TelegramBlock)
        self._telegram.people.block(number_of(asked.user_id), blocked=asked.blocked)
        return {"ok": True}

    async def _discord_say(self, request: web.Request) -> Any:
        asked = request_from(await request.read(), DiscordSay)
        channel_id, user_id = number_of(asked.channel_id), number_of(asked.user_id)
        return {"message_id": str(self._discord.say(channel_id, user_id, asked.text))}

    async def _discord_slash(self, request: web.Request) -> Any:
        asked = request_from(await request.read(), DiscordSlash)
        channel_id, user_id = number_of(asked.channel_id), number_of(asked.user_id)
        made = self._discord.slash(channel_id, user_id, asked.command, asked.options)
        return {"interaction_id": str(made)}

    async def _discord_click(self, request: web.Request) -> Any:
        asked = request_from(await request.read(), DiscordClick)
        channel_id, user_id = number_of(asked.channel_id), number_of(asked.user_id)
        message_id = number_of(asked.message_id)
        made = self._discord.click(channel_id, message_id, user_id, asked.custom_id, asked.values)
        return {"interaction_id": str(made)}

    async def _discord_event(self, request: web.Request) -> Any:
        asked = request_from(await request.read(), DiscordEvent)
        self._discord.gateway.dispatch(asked.event, asked.data)
        return {"ok": True}

    async def _discord_block(self, request: web.Request) -> Any:
        asked = request_from(await request.read(), DiscordBlock)
        owner = self._discord.administration
        owner.refuse_direct_messages(number_of(asked.user_id), refused=asked.blocked)
        return {"ok": True}

    async def _discord_roles(self, request: web.Request) -> Any:
        asked = request_from(await request.read(), DiscordRole)
        owner = self._discord.administration
        change = owner.give_role if asked.action == "give" else owner.take_role
        change(number_of(asked.user_id), number_of(asked.role_id))
        return {"ok": True}

    async def _discord_permissions(self, request: web.Request) -> Any:
        asked = request_from(await request.read(), DiscordPermissions)
        owner = self._discord.administration
        owner.set_permissions(number_of(asked.role_id), *asked.permissions)
        return {"ok": True}

    async def _members(self, request: web.Request) -> Any:
        asked = request_from(await request.read(), MemberChange)
        known = None if asked.user_id is None else number_of(asked.user_id)
        if known is None and asked.action != "join":
            raise SandboxError(f"the action {asked.action} needs user_id")
        if asked.platform == "telegram":
            return {"user_id": self._telegram_member(asked, known)}
        return {"user_id": str(self._discord_member(asked, known))}

    def _telegram_member(self, asked: MemberChange, known: int | None) -> int:
        people = self._telegram.people
        if known is None or asked.action == "join":
            return people.join(known, asked.name)
        match asked.action:
            case "leave":
                people.leave(known)
            case "promote":
                people.promote(known)
            case "demote":
                people.demote(known)
            case "tag":
                people.tag(known, asked.tag)
            case "pass_screening":
                raise SandboxError("Telegram has no membership screening")
        return known

    def _discord_member(self, asked: MemberChange, known: int | None) -> int:
        if known is None or asked.action == "join":
            return self._discord.join(known, asked.name, pending=asked.pending)
        match asked.action:
            case "leave":
                self._discord.leave(known)
            case "pass_screening":
                self._discord.pass_screening(known)
            case _:
                raise SandboxError(f"Discord has no action {asked.action}; see /discord/roles")
        return known

    async def _add_fault(self, request: web.Request) -> Any:
        asked = request_from(await request.read(), FaultRequest)
        if (asked.method is None) == (asked.route is None):
            raise SandboxError('a fault names one `method` or `route`, "*" for any')
        name = cast("str", asked.method if asked.method is not None else asked.route)
        if asked.platform == "telegram" and not self._telegram.knows(name):
            raise SandboxError(f"the sandbox imitates no Telegram method {name!r}")
        if asked.platform == "discord" and not _is_discord_name(name):
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

    async def _reset(self, request: web.Request) -> Any:
        self._telegram.reset()
        self._discord.reset()
        self._faults.clear()
        return {"ok": True}

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
    except web.HTTPClientError as error:
        sentence = f"{request.method} {request.path} is not part of the control interface"
        return _json(error.status, {"error": sentence})


def _is_discord_name(name: str) -> bool:
    return name == ANY or name.startswith("gateway ") or name in {route.name for route in ROUTES}


def _json(status: int, body: Any) -> web.Response:
    encoded = msgspec.json.encode(body)
    return web.Response(status=status, body=encoded, content_type="application/json")
