"""Pages of snapshots: what one platform said of some of its members at one moment.

A page says of how many members it speaks, which place it has among the others, which community it
is of, and bears a checksum; so a page that is missing, cut short or somebody else's is known as
such, and nothing that is not there is ever taken for zero.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from .errors import MalformedPage
from .sources import Source

#: The longest page that is read. A page of 500 members has about 60,000 bytes.
PAGE_BYTES_MAX: Final = 1_048_576

Part = Literal["touched", "watched", "slice"]
SubjectName = Literal["books", "store", "roles", "tags"]
Value = int | str | None


class SnapshotRow(msgspec.Struct, frozen=True, array_like=True):
    """One member: what was seen on the platform beside what our record says is to be seen.

    `id` is what the page is ordered by: the member for books, the account for everything else.
    A field that only one side has is None on the other.
    """

    id: int
    member_id: int | None
    account_id: int | None
    is_there: bool
    """False when the platform has nothing of this member (yet), which is not zero."""
    seen: dict[str, Value]
    expected: dict[str, Value]
    in_flight: str = ""
    """In words, what is on its way to or from this member; both sides leave it out."""


class SnapshotPage(msgspec.Struct, frozen=True, kw_only=True, tag="snapshot.page"):
    """One page. The ids in it are above `after` and at most `upto`."""

    run: int
    platform: Source
    subject: SubjectName
    part: Part
    page: Annotated[int, Meta(ge=0)]
    after: int
    upto: int
    looked_at: Annotated[int, Meta(ge=0)]
    """How many members were looked at; of some there may be no row, because they are in flux."""
    is_last: bool
    """Nobody comes after it in its part."""
    count: Annotated[int, Meta(ge=0)]
    taken_at: Annotated[datetime, Meta(tz=True)]
    chat_id: int
    guild_id: int
    rows: tuple[SnapshotRow, ...]
    checksum: str = ""
    v: Annotated[int, Meta(ge=1, le=1)] = 1


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(SnapshotPage)


def seal(page: SnapshotPage) -> SnapshotPage:
    """Return the page with its checksum."""
    return msgspec.structs.replace(page, checksum=page_checksum(page))


def page_checksum(page: SnapshotPage) -> str:
    """Return the checksum that the page's content asks for, whatever it bears."""
    content = _encoder.encode(msgspec.structs.replace(page, checksum=""))
    return hashlib.sha256(content).hexdigest()[:32]


def encode_page(page: SnapshotPage) -> bytes:
    """Write a page as the wire carries it."""
    return _encoder.encode(page)


def decode_page(payload: bytes) -> SnapshotPage:
    """Read a page from the wire. Whether it is whole is the reader's to ask: `page_checksum`.

    Raises:
        MalformedPage: the payload is no page of this format.
    """
    if len(payload) > PAGE_BYTES_MAX:
        raise MalformedPage(f"the page has {len(payload)} bytes; expected at most {PAGE_BYTES_MAX}")
    try:
        return _decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedPage(f"this is no page of a snapshot: {error}") from error
