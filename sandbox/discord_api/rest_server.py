"""The REST server: checks tokens, faults, rate limits and field names around the routes."""

import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import structlog
from aiohttp import web

from sandbox.faults import LOST, Fault, Faults, patched
from sandbox.transcript import Transcript

from .editing import WorldEditor
from .errors import ApiError, invalid_form, not_imitated, refuse_unknown_fields, unauthorized
from .gateway.intents import Intent
from .gateway.sessions import PLATFORM
from .interactions import Interactions
from .payloads import Json
from .rate_limits import Buckets, RateDecision
from .received_bodies import Received, receive
from .rest import ROUTES, Reply, Request, Route

__all__ = ["API_PATH", "FILES_PATH", "ApiState", "RestServer"]

API_PATH, FILES_PATH = "/api/v10", "/attachments"
REASON_LENGTH_MAX = 512
# Clients treat a 429 without this header as a ban by Cloudflare, and do not retry.
VIA = {"Via": "1.1 google"}
INVALID_STATUSES = frozenset({401, 403, 429})
DEFAULT_CODES = {400: 50035, 403: 50013, 404: 10007}

log = structlog.get_logger("twinstream.sandbox")


@dataclass(slots=True)
class ApiState:
    """The state that the API works on; replaced as a whole on reset."""

    editor: WorldEditor
    interactions: Interactions
    buckets: Buckets


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer: JSON (None for an empty body), or text if `text` is set."""

    status: int
    body: Any
    headers: Mapping[str, str]
    text: str | None = None

    def response(self) -> web.Response:
        headers = dict(self.headers)
        if self.text is not None:
            return web.Response(
                status=self.status, text=self.text, headers=headers, content_type="text/html"
            )
        if self.body is None:
            return web.Response(status=self.status, headers=headers)
        # Exactly "application/json": clients read a body of any other content type as text.
        body = json.dumps(self.body, ensure_ascii=False).encode()
        return web.Response(
            status=self.status, body=body, headers=headers, content_type="application/json"
        )


class RestServer:
    """Answers REST calls. `gateway_url` is set once the platform listens.

    A fault ordered for a route happens before everything else. The `description` of a 429 may name
    its scope: "user" (the default), "shared", "global", or "cloudflare" (no JSON and no Via).
    """

    def __init__(
        self,
        state: Callable[[], ApiState],
        transcript: Transcript,
        faults: Faults,
        privileged: Intent,
    ) -> None:
        self.gateway_url = ""
        self._privileged = privileged
        self._state = state
        self._transcript = transcript
        self._faults = faults

    def add_to(self, application: web.Application) -> None:
        """Register every route, and a refusal for all others."""
        for route in ROUTES:
            application.router.add_route(
                route.method, API_PATH + route.template, self._handler_of(route)
            )
        application.router.add_get(FILES_PATH + "/{channel}/{attachment}/{name}", self._file)
        application.router.add_get("/avatars/{user}/{name}", self._avatar)
        application.router.add_route("*", "/{path:.*}", self._refuse_unknown)

    async def _file(self, request: web.Request) -> web.Response:
        """Serve an uploaded file; its address needs no token."""
        world, asked = self._state().editor.world, tuple(request.match_info.values())
        for one in world.attachments.values():
            if asked == (str(one.channel_id), str(one.id), one.filename):
                headers = {"Content-Type": one.content_type, "X-Content-Type-Options": "nosniff"}
                return web.Response(body=world.files[one.id], headers=headers)
        return web.Response(status=404, text="This content is no longer available.")

    async def _avatar(self, request: web.Request) -> web.Response:
        """Serve a person's picture, as Discord's CDN does."""
        world, asked = self._state().editor.world, request.match_info
        user = world.users.get(int(asked["user"])) if asked["user"].isdigit() else None
        if user is None or user.avatar is None or not asked["name"].startswith(f"{user.avatar}."):
            return web.Response(status=404)
        self._transcript.record(PLATFORM, "avatar", {"user_id": user.id}, 200, None)
        return web.Response(body=world.files.get(user.avatar_file, b""), content_type="image/png")

    def _handler_of(self, route: Route) -> Callable[[web.Request], Any]:
        async def handle(request: web.Request) -> web.Response:
            return await self._handle(route, request)

        return handle

    async def _refuse_unknown(self, request: web.Request) -> web.Response:
        name = f"{request.method} {request.path.removeprefix(API_PATH)}"
        answer = _refusal(not_imitated(f"the route {name}"))
        log.warning("route.refused", route=name)
        self._transcript.record(PLATFORM, name, {}, answer.status, answer.body)
        return answer.response()

    async def _handle(self, route: Route, request: web.Request) -> web.Response:
        try:
            received: Received | ApiError = await receive(request)
        except ApiError as error:
            received = error
        fault = self._faults.take(PLATFORM, route.name)
        reason = _reason(request)
        answer = self._answer(route, request, received, reason, fault)
        body = received.recorded() if isinstance(received, Received) else None
        asked = {"path": dict(request.match_info), "query": dict(request.query), "body": body}
        status, told = answer.status, answer.body
        if fault is not None and fault.when == "lost":
            status, told = 0, LOST
        self._transcript.record(PLATFORM, route.name, asked, status, told, reason=reason)
        if fault is not None and fault.when in ("hangup", "lost") and request.transport is not None:
            request.transport.abort()
        return answer.response()

    def _answer(
        self,
        route: Route,
        request: web.Request,
        received: Received | ApiError,
        reason: str | None,
        fault: Fault | None,
    ) -> _Answer:
        """Return the answer to a request, whose body could be read or must be refused."""
        state, headers = self._state(), VIA
        try:
            if fault is not None and fault.when in ("before", "hangup"):
                return _suffered(fault, headers)
            if isinstance(received, ApiError):
                raise received
            bot_id = _bot_of(route, request, state)
            verdict = state.buckets.take(
                route.name,
                request.match_info,
                bot_id=bot_id,
                rate=route.rate,
                counted=route.authorized,
            )
            headers = VIA | dict(verdict.headers)
            if verdict.retry_after:
                state.buckets.count_invalid()
                return _limited(verdict, headers)
            _check_names(route, request.query, received, reason)
            if fault is not None and fault.when == "dropped":
                state = _rehearsal(state)
            result = route.handler(self._request(state, bot_id, request, received, reason))
        except ApiError as error:
            if error.status in INVALID_STATUSES:
                state.buckets.count_invalid()
            return _refusal(error, headers)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            log.warning("body.rejected", route=route.name, exc_info=True)
            wrong = ApiError(400, 50035, f"Invalid Form Body: the sandbox stumbled at {error!r}")
            return _refusal(wrong, headers)
        if fault is not None and fault.when == "after":
            return _suffered(fault, headers)
        answer = _accepted(result, headers)
        if fault is not None and fault.when == "garbled":
            return _garbled(answer, fault)
        return answer

    def _request(
        self,
        state: ApiState,
        bot_id: int,
        request: web.Request,
        received: Received,
        reason: str | None,
    ) -> Request:
        return Request(
            editor=state.editor.as_seen_by(bot_id),
            interactions=state.interactions,
            gateway_url=self.gateway_url,
            privileged=self._privileged,
            path=request.match_info,
            query=request.query,
            body={} if received.body is None else received.body,
            uploads=received.uploads,
            reason=reason,
        )


def _bot_of(route: Route, request: web.Request, state: ApiState) -> int:
    """Return the bot that sends the request: that of its token, or of the interaction's token.

    Refuses a token of no bot with 401. An unknown token of an interaction is for its route to
    refuse.
    """
    world = state.editor.world
    if not route.authorized:
        path = request.match_info
        token = path.get("interaction_token") or path.get("webhook_token") or ""
        return state.interactions.bot_of(token) or world.bot_id
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    bot_id = world.bot_with(token) if scheme == "Bot" else None
    if bot_id is None:
        raise unauthorized()
    return bot_id


def _rehearsal(state: ApiState) -> ApiState:
    """Return a copy of the state, for a call that is answered with success but has no effect."""

    def silence(event: str, payload: Json, *, to: int, direct: bool = False) -> None:
        """Send no event for a call without effect."""

    editor = WorldEditor(deepcopy(state.editor.world), silence)
    return ApiState(editor, state.interactions.copy(), state.buckets)


def _reason(request: web.Request) -> str | None:
    given = request.headers.get("X-Audit-Log-Reason")
    return None if given is None else unquote(given)


def _check_names(
    route: Route, query: Mapping[str, str], received: Received, reason: str | None
) -> None:
    """Refuse fields that the route does not know: ignoring one would be a silent success."""
    for name in query:
        if name not in route.query:
            raise not_imitated(f"the query parameter {name!r} of {route.name}")
    if received.uploads and not route.takes_files:
        raise not_imitated(f"files with {route.name}")
    if isinstance(received.body, dict):
        refuse_unknown_fields(received.body, route.fields, route.name)
    if reason is not None and not 1 <= len(reason) <= REASON_LENGTH_MAX:
        raise invalid_form(
            "X-Audit-Log-Reason",
            "BASE_TYPE_BAD_LENGTH",
            f"Must be between 1 and {REASON_LENGTH_MAX} in length.",
        )


def _accepted(result: Any, headers: Mapping[str, str]) -> _Answer:
    if isinstance(result, Reply):
        return _Answer(result.status, result.body, headers)
    return _Answer(204 if result is None else 200, result, headers)


def _refusal(error: ApiError, headers: Mapping[str, str] = VIA) -> _Answer:
    return _Answer(error.status, error.body(), headers)


def _garbled(answer: _Answer, fault: Fault) -> _Answer:
    """Return the answer in a shape that clients do not know, or another page in its place."""
    status = fault.status or answer.status
    if fault.page is not None:
        return _Answer(200 if status == 204 else status, None, answer.headers, text=fault.page)
    body = patched(answer.body, fault.changes)
    return _Answer(200 if status == 204 else status, body, answer.headers)


def _suffered(fault: Fault, headers: Mapping[str, str]) -> _Answer:
    """Return the answer of a fault."""
    if fault.status == 429:
        scopes = ("user", "shared", "global", "cloudflare")
        scope = fault.description if fault.description in scopes else "user"
        return _limited(RateDecision(fault.retry_after or 1.0, scope or "user", {}), headers)
    code = DEFAULT_CODES.get(fault.status, 0) if fault.code is None else fault.code
    message = fault.description or f"{fault.status}: ordered by a fault of the sandbox"
    return _Answer(fault.status, {"message": message, "code": code}, headers)


def _limited(verdict: RateDecision, headers: Mapping[str, str]) -> _Answer:
    """Return a 429. Clients read the seconds to wait from the body, not from the header."""
    wait = {"Retry-After": str(max(1, round(verdict.retry_after)))}
    if verdict.scope == "cloudflare":
        return _Answer(429, None, wait, text="error code: 1015")
    body = {
        "message": "You are being rate limited.",
        "retry_after": round(verdict.retry_after, 3),
        "global": verdict.scope == "global",
        "code": 0,
    }
    extra = {"X-RateLimit-Scope": verdict.scope}
    if verdict.scope == "global":
        extra["X-RateLimit-Global"] = "true"
    return _Answer(429, body, {**headers, **wait, **extra})
