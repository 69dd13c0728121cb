"""Files that come with a request: their limits, and which of them a message has afterwards."""

import mimetypes
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.discord_api.errors import ApiError, invalid_form
from sandbox.discord_api.world import Attachment

from .forms import Anything, Flag, Form, Many, Number, Snowflake, Text

__all__ = ["FILE_SIZE_MAX", "REQUEST_SIZE_MAX", "Upload", "files_of"]

#: Bytes of a file in a guild without boosts.
FILE_SIZE_MAX = 10 * 1024 * 1024
FILES_MAX = 10
#: Bytes of a request: ten files of full size, and a margin for the JSON beside them.
REQUEST_SIZE_MAX = FILES_MAX * FILE_SIZE_MAX + 1024 * 1024
UNNAMED = re.compile(r"[\\/:*?\"<>|\s]+")
PNG, GIF = b"\x89PNG\r\n\x1a\n", b"GIF8"

ATTACHMENT = Form(
    {
        "id": Snowflake(),
        "filename": Text(1, 1024),
        "description": Text(0, 1024),
        "title": Text(0, 1024),
        "duration_secs": Number(),
        "waveform": Text(0, 400),
        "is_spoiler": Flag(),
    },
    {"id"},
    "an attachment",
)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file of a multipart request, with what its entry in `attachments` says of it."""

    filename: str
    content: bytes
    content_type: str = ""
    description: str | None = None
    title: str | None = None

    def attachment(self, attachment_id: int, channel_id: int) -> Attachment:
        """Return the attachment that this file becomes."""
        name = UNNAMED.sub("_", self.filename).strip("_") or "unknown"
        guessed = mimetypes.guess_type(name)[0]
        kind = self.content_type or guessed or "application/octet-stream"
        width, height = _dimensions(self.content)
        return Attachment(
            id=attachment_id,
            filename=name,
            size=len(self.content),
            content_type=kind,
            channel_id=channel_id,
            description=self.description,
            title=self.title,
            width=width,
            height=height,
        )


def files_of(
    listed: Any, uploads: Mapping[int, Upload], before: list[Attachment]
) -> list[Attachment | Upload]:
    """Return the files that a message has after a request.

    `listed` is the body's `attachments`: without it, the message keeps what it had `before`, and
    gets every upload; with it, the message has exactly the files that it names. Raises ApiError
    40005 (a file is too large) or 50035.
    """
    for upload in uploads.values():
        if len(upload.content) > FILE_SIZE_MAX:
            raise ApiError(413, 40005, "Request entity too large")
    if listed is None:
        files: list[Attachment | Upload] = [*before, *uploads.values()]
    else:
        known = {str(one.id): one for one in before}
        files = []
        for index, entry in enumerate(Many(Anything()).read(listed, "attachments")):
            files.append(_file(entry, f"attachments.{index}", uploads, known))
        unnamed = uploads.keys() - {int(entry["id"]) for entry in listed}
        files += [uploads[number] for number in sorted(unnamed)]
    if len(files) > FILES_MAX:
        message = f"Must be {FILES_MAX} or fewer in length."
        raise invalid_form("attachments", "BASE_TYPE_MAX_LENGTH", message)
    return files


def _file(
    given: Any,
    path: str,
    uploads: Mapping[int, Upload],
    known: Mapping[str, Attachment],
) -> Attachment | Upload:
    kept = known.get(str(given.get("id"))) if isinstance(given, dict) else None
    if kept is not None:
        # Libraries send the whole attachment back, of which Discord reads the id.
        return kept
    entry = ATTACHMENT.read(given, path)
    upload = uploads.get(int(entry["id"]))
    if upload is None:
        raise invalid_form(f"{path}.id", "ATTACHMENT_NOT_FOUND", f"There is no file {entry['id']}")
    spoiler = "SPOILER_" if entry.get("is_spoiler") else ""
    return Upload(
        spoiler + (entry.get("filename") or upload.filename),
        upload.content,
        upload.content_type,
        entry.get("description"),
        entry.get("title"),
    )


def _dimensions(content: bytes) -> tuple[int | None, int | None]:
    """Return the width and height of a PNG or GIF; no other format is read."""
    if content.startswith(PNG) and len(content) >= 24:
        width, height = struct.unpack(">II", content[16:24])
        return width, height
    if content.startswith(GIF) and len(content) >= 10:
        width, height = struct.unpack("<HH", content[6:10])
        return width, height
    return None, None
