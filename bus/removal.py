"""Removal: finds the entries of a whole stream that carry a number, and deletes some of them."""

import re
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, Final

from .client import Client
from .entry import Entry, id_order, to_entry, to_id
from .errors import translated
from .keys import Subscription

#: Entries of one read: Redis serves no other client meanwhile.
_PAGE: Final = 1_000


def number(value: int) -> re.Pattern[bytes]:
    """Return the pattern of a number that is no part of a longer one. Pure."""
    return re.compile(rb"(?<![0-9])%d(?![0-9])" % value)


async def entries_with(
    redis: Client, stream: str, wanted: Sequence[re.Pattern[bytes]]
) -> AsyncIterator[list[Entry]]:
    """Go through a stream from its oldest entry, and yield page by page those that match.

    A stream that is missing has none.
    """
    place = "-"
    while True:
        with translated(stream=stream):
            page: Any = await redis.xrange(stream, place, "+", count=_PAGE)
        found = [
            to_entry(stream, entry_id, fields, 1)
            for entry_id, fields in page
            if _matches(wanted, fields.items())
        ]
        if found:
            yield found
        if len(page) < _PAGE:
            return
        place = "(" + to_id(page[-1][0])


async def finished(redis: Client, subscription: Subscription, ids: Sequence[str]) -> list[str]:
    """Return those entries that the group has acknowledged; all of them if there is no group."""
    stream, group = subscription
    with translated(stream=stream):
        groups: Any = await redis.xinfo_groups(stream)
        delivered = [
            to_id(one["last-delivered-id"]) for one in groups if to_id(one["name"]) == group
        ]
        if not delivered:
            return list(ids)
        return [
            one
            for one in ids
            if id_order(one) <= id_order(delivered[0])
            and not await redis.xpending_range(stream, group, one, one, 1)
        ]


async def delete(redis: Client, stream: str, ids: Sequence[str]) -> int:
    """Delete entries of a stream. Returns how many were there."""
    if not ids:
        return 0
    with translated(stream=stream):
        return int(await redis.xdel(stream, *ids))


def _matches(wanted: Sequence[re.Pattern[bytes]], fields: Iterable[tuple[bytes, bytes]]) -> bool:
    return any(one.search(part) for one in wanted for field in fields for part in field)
