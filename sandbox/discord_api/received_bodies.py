"""The body of a REST request: JSON, or a form with `payload_json` and `files[n]`."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.web_request import FileField

from .bodies.uploads import Upload
from .errors import ApiError, not_imitated

__all__ = ["Received", "receive"]

FILE = re.compile(r"files\[(\d+)\]")
PAYLOAD = "payload_json"


@dataclass(frozen=True, slots=True)
class Received:
    """The content of a request: JSON (None for an empty body), and files by their number."""

    body: Any = None
    uploads: Mapping[int, Upload] = field(default_factory=dict)

    def recorded(self) -> Any:
        """Return the body for the transcript, where files are named and not copied."""
        if not self.uploads:
            return self.body
        files = {str(number): one.filename for number, one in self.uploads.items()}
        return {PAYLOAD: self.body, "files": files}


async def receive(request: web.Request) -> Received:
    """Read the body of a request.

    Raises ApiError 40005 (too large), 50109 (no JSON), or a refusal of other kinds of bodies.
    """
    try:
        if request.content_type == "multipart/form-data":
            return await _form(request)
        raw = await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise ApiError(413, 40005, "Request entity too large") from error
    if not raw:
        return Received()
    if request.content_type != "application/json":
        raise not_imitated(f"bodies of type {request.content_type}")
    return Received(_json(raw))


async def _form(request: web.Request) -> Received:
    body: Any = None
    uploads: dict[int, Upload] = {}
    for name, value in (await request.post()).items():
        numbered = FILE.fullmatch(name)
        if name == PAYLOAD and isinstance(value, str):
            body = _json(value)
        elif numbered is not None and isinstance(value, FileField):
            content = value.file.read()
            uploads[int(numbered[1])] = Upload(value.filename, content, _content_type(value))
        else:
            raise not_imitated(f"the part {name!r} of a form")
    return Received(body, dict(sorted(uploads.items())))


def _content_type(value: FileField) -> str:
    """Return the type that the client named; the general one says nothing."""
    return "" if value.content_type == "application/octet-stream" else value.content_type


def _json(raw: bytes | str) -> Any:
    try:
        return json.loads(raw)
    except ValueError as error:
        raise ApiError(400, 50109, "The request body contains invalid JSON.") from error
