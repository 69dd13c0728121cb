"""HTTP requests of bots: their parameters and files, and which bot sends them."""

import re
from typing import Any

from aiohttp import web

from .errors import ApiError, bad_request
from .world.state import JSON, State
from .world.world import Upload

__all__ = ["REQUEST_BYTES_MAX", "bot_of", "read_request"]

#: Bytes of a whole request: a file of 50 MB and some parameters.
REQUEST_BYTES_MAX = 52 * 2**20
TOKEN = re.compile(r"\d+:[\w-]+", re.ASCII)


def bot_of(state: State, token: str) -> int:
    """Return the id of the bot with this token. Raises ApiError 404 or 401, as Telegram does."""
    if not TOKEN.fullmatch(token):
        raise ApiError(404, "Not Found")
    bot_id = int(token.partition(":")[0])
    if bot_id not in state.bots or state.bots[bot_id].token != token:
        raise ApiError(401, "Unauthorized")
    return bot_id


async def read_request(request: web.Request) -> tuple[JSON, dict[str, Upload]]:
    """Return the unparsed parameters and the files: from the query, and a form or a JSON body."""
    raw, uploads = await _read_all(request)
    if str(raw.get("method", "")).lower() == request.match_info["method"].lower():
        # telegraf repeats the name of the method in a form.
        del raw["method"]
    return raw, uploads


async def _read_all(request: web.Request) -> tuple[JSON, dict[str, Upload]]:
    raw: JSON = dict(request.query)
    try:
        if request.content_type == "application/json":
            return raw | await _read_json(request), {}
        form = await request.post()
    except web.HTTPRequestEntityTooLarge as error:
        raise ApiError(413, "Request Entity Too Large") from error
    uploads = {}
    for key, value in form.items():
        if isinstance(value, web.FileField):
            uploads[key] = Upload(value.filename, value.content_type, value.file.read())
        elif isinstance(value, bytes | bytearray):
            uploads[key] = Upload("", "application/octet-stream", bytes(value))
        else:
            raw[key] = value
    return raw, uploads


async def _read_json(request: web.Request) -> JSON:
    try:
        body: Any = await request.json()
    except ValueError as error:
        raise bad_request("can't parse JSON body of the request") from error
    if not isinstance(body, dict):
        raise bad_request("the JSON body of a request is an object")
    return body
