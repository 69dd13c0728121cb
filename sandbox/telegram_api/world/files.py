"""Uploaded files: their ids, the size of pictures, and the object that a message has of each."""

import base64
import hashlib
import mimetypes
import struct
from typing import TYPE_CHECKING

from sandbox.telegram_api.errors import bad_request

from .state import JSON, State, StoredFile

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["KINDS", "described", "image_size", "shown", "store"]

#: Bytes of all files together; above it the oldest are forgotten.
FILES_BYTES_MAX = 64 * 2**20
#: Telegram refuses photos that are longer than this in both sides together.
PHOTO_SIDES_MAX = 10_000
PHOTO_RATIO_MAX = 20
# The kinds of media: the beginning of a file id, the folder of the file, a usual file's ending.
KINDS = {
    "photo": ("AgACAgIAAxk", "photos", ".jpg"),
    "document": ("BQACAgIAAxk", "documents", ""),
    "video": ("BAACAgIAAxk", "videos", ".mp4"),
    "audio": ("CQACAgIAAxk", "music", ".mp3"),
    "voice": ("AwACAgIAAxk", "voice", ".oga"),
    "animation": ("CgACAgIAAxk", "animations", ".mp4"),
    "video_note": ("DQACAgIAAxk", "video_notes", ".mp4"),
    "sticker": ("CAACAgIAAxk", "stickers", ".webp"),
}
# The numbers that an object of each kind must have; 0 where nothing tells them.
NUMBERS = {
    "video": ("width", "height", "duration"),
    "audio": ("duration",),
    "voice": ("duration",),
    "animation": ("width", "height", "duration"),
    "video_note": ("length", "duration"),
}
NAMED = frozenset({"document", "video", "audio", "animation"})
UNTYPED = frozenset({"photo", "video_note", "sticker"})
STICKER = {"type": "regular", "width": 512, "height": 512, "is_animated": False, "is_video": False}


def store(
    state: State,
    kind: str,
    data: bytes,
    *,
    name: str,
    mime_type: str = "",
    meta: JSON | None = None,
) -> StoredFile:
    """Keep a file, and return it with its ids. Refuses a photo that Telegram cannot show."""
    if not data:
        raise bad_request("file must be non-empty")
    found = dict(meta or {})
    if kind == "photo":
        found |= _photo_size(data)
    state.file_number += 1
    prefix, folder, ending = KINDS[kind]
    digest = hashlib.sha256(kind.encode() + data).digest()
    unique_id = base64.urlsafe_b64encode(digest[:11]).decode().rstrip("=")
    number = state.file_number.to_bytes(6, "big")
    file_id = prefix + base64.urlsafe_b64encode(number + digest[:12]).decode()
    suffix = ending or (f".{name.rpartition('.')[2]}" if "." in name else "")
    file = StoredFile(
        file_id,
        unique_id,
        kind,
        f"{folder}/file_{state.file_number}{suffix}",
        data,
        name or None,
        mimetypes.guess_type(name)[0] or mime_type or "application/octet-stream",
        found,
    )
    state.files[file_id] = file
    total = sum(len(kept.data) for kept in state.files.values())
    while total > FILES_BYTES_MAX and len(state.files) > 1:
        total -= len(state.files.pop(next(iter(state.files))).data)
    return file


def shown(file: StoredFile) -> JSON | list[JSON]:
    """Return what a message has of a file: a list of PhotoSize, or the object of its kind.

    A photo has one size, that of the upload, because the sandbox does not scale pictures.
    """
    return [described(file)] if file.kind == "photo" else described(file)


def described(file: StoredFile) -> JSON:
    """Return the object of the file's kind: PhotoSize, Document, Video and so on."""
    found: JSON = {
        "file_id": file.file_id,
        "file_unique_id": file.unique_id,
        "file_size": len(file.data),
    }
    found |= dict.fromkeys(NUMBERS.get(file.kind, ()), 0)
    if file.kind == "sticker":
        found |= STICKER
    if file.kind in NAMED and file.name:
        found["file_name"] = file.name
    if file.kind not in UNTYPED:
        found["mime_type"] = file.mime_type
    return found | file.meta


def _photo_size(data: bytes) -> JSON:
    size = image_size(data)
    if size is None:
        raise bad_request("IMAGE_PROCESS_FAILED")
    width, height = size
    if not width or not height:
        raise bad_request("PHOTO_INVALID_DIMENSIONS")
    ratio = max(width, height) / min(width, height)
    if width + height > PHOTO_SIDES_MAX or ratio > PHOTO_RATIO_MAX:
        raise bad_request("PHOTO_INVALID_DIMENSIONS")
    return {"width": width, "height": height}


def image_size(data: bytes) -> tuple[int, int] | None:
    """Return width and height of a PNG, JPEG, GIF or WebP picture, or None for anything else."""
    try:
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            return _pair(struct.unpack(">II", data[16:24]))
        if data[:6] in (b"GIF87a", b"GIF89a"):
            return _pair(struct.unpack("<HH", data[6:10]))
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _webp_size(data)
        if data.startswith(b"\xff\xd8"):
            return _jpeg_size(data)
    except (struct.error, IndexError):
        return None
    return None


def _pair(found: tuple[int, ...]) -> tuple[int, int]:
    return found[0], found[1]


def _webp_size(data: bytes) -> tuple[int, int] | None:
    match data[12:16]:
        case b"VP8X":
            sides = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
            return _pair(tuple(sides))
        case b"VP8L":
            bits = int.from_bytes(data[21:25], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            wide, high = _pair(struct.unpack("<HH", data[26:30]))
            return wide & 0x3FFF, high & 0x3FFF
        case _:
            return None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    for marker, start in _jpeg_segments(data):
        # The frame headers; C4, C8 and CC are tables.
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            high, wide = _pair(struct.unpack(">HH", data[start + 3 : start + 7]))
            return wide, high
    return None


def _jpeg_segments(data: bytes) -> "Iterator[tuple[int, int]]":
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            return
        marker = data[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        yield marker, at + 2
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
