"""Pages of snapshots: the state of some members on one platform at one moment.

A page states how many members it covers, its place among the others and its community, and has a
checksum. So a reader recognizes a page that is missing, cut short or of another community, and
never takes a missing value for zero.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from .errors import MalformedPage
from .platforms import Source

#: The longest page that is read. A page of 500 members has about 60,000 bytes.
PAGE_BYTES_MAX: Final = 1_048_576

Part = Literal["touched", "watched", "slice"]
SubjectName = Literal["books", "store", "roles", "tags"]
Value = int | str | None


class SnapshotRow(msgspec.Struct, frozen=True, array_like=True):
    """One member: the values observed on the platform beside the values that Postgres expects.

    Pages are ordered by `id`: the member's for books, the account's for all other subjects. A field
    that only one side has is None on the other.
    """

    id: int
    member_id: int | None
    account_id: int | None
    is_there: bool
    """False when the platform has no value of this member (yet), which is not zero."""
    seen: dict[str, Value]
    expected: dict[str, Value]
    in_flight: str = ""
    """The changes on their way to or from this member, in words; both sides leave them out."""


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
    """How many members were read; those with a change on its way have no row."""
    is_last: bool
    """No page comes after it in its part."""
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
    """Return the checksum of the page's content, which need not be the one on the page."""
    content = _encoder.encode(msgspec.structs.replace(page, checksum=""))
    return hashlib.sha256(content).hexdigest()[:32]


def encode_page(page: SnapshotPage) -> bytes:
    """Write a page as the wire carries it."""
    return _encoder.encode(page)


def decode_page(payload: bytes) -> SnapshotPage:
    """Read a page from the wire. The reader checks with `page_checksum` whether it is whole.

    Raises:
        MalformedPage: the payload is no page of this format.
    """
    if len(payload) > PAGE_BYTES_MAX:
        raise MalformedPage(f"the page has {len(payload)} bytes; expected at most {PAGE_BYTES_MAX}")
    try:
        return _decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedPage(f"this is no page of a snapshot: {error}") from error
