"""Search: finds the entries of a stream that carry a text, among a bounded number of them."""

import re
from typing import Any, Final, NamedTuple

from .client import Client
from .entry import to_id
from .errors import GroupMissing, StreamMissing, translated
from .keys import Subscription

#: Entries that one search reads at most in one direction: from a moment on and back, or from the
#: newest one back.
SEARCHED_MAX: Final = 20_000
#: Entries of one read: Redis serves no other client meanwhile.
_PAGE: Final = 1_000


class Found(NamedTuple):
    """One entry that carries the text."""

    id: str
    fields: dict[str, str]


class Delivery(NamedTuple):
    """The consumer that has an entry, and has not acknowledged it."""

    consumer: str
    idle_ms: int
    deliveries: int


def whole(text: str) -> re.Pattern[bytes]:
    """Return the pattern of a text that is no part of a longer key or entry id. Pure."""
    # A line of JSON may have an escape such as \\n before it.
    begin = rb"(?:(?<![\w-])|(?<=\\[nrt]))"
    return re.compile(begin + re.escape(text.encode()) + rb"(?![\w-])")


async def find_entries(
    redis: Client, stream: str, text: str, *, around_ms: int | None = None
) -> list[Found]:
    """Return the entries that carry `text` as a whole in a field, oldest first.

    The search reads SEARCHED_MAX entries at most from `around_ms` on, and as many before it; or
    else the newest ones. A stream that is missing has none.
    """
    wanted = whole(text)
    if around_ms is None:
        return (await _search(redis, stream, wanted, "+", is_back=True))[::-1]
    place = f"{max(around_ms, 1)}-0"
    before = await _search(redis, stream, wanted, f"({place}", is_back=True)
    return before[::-1] + await _search(redis, stream, wanted, place, is_back=False)


async def _search(
    redis: Client, stream: str, wanted: re.Pattern[bytes], place: str, *, is_back: bool
) -> list[Found]:
    found: list[Found] = []
    for _ in range(SEARCHED_MAX // _PAGE):
        with translated(stream=stream):
            page: Any = (
                await redis.xrevrange(stream, place, "-", count=_PAGE)
                if is_back
                else await redis.xrange(stream, place, "+", count=_PAGE)
            )
        found += [
            Found(to_id(entry_id), {to_id(name): to_id(value) for name, value in fields.items()})
            for entry_id, fields in page
            if any(wanted.search(value) for value in fields.values())
        ]
        if len(page) < _PAGE:
            break
        place = "(" + to_id(page[-1][0])
    return found


async def find_delivery(
    redis: Client, subscription: Subscription, entry_id: str
) -> Delivery | None:
    """Return the consumer that has an entry; None if it was not delivered, or is acknowledged."""
    stream, group = subscription
    try:
        with translated(stream=stream, group=group):
            found: Any = await redis.xpending_range(stream, group, entry_id, entry_id, 1)
    except (GroupMissing, StreamMissing):
        return None
    for one in found:
        return Delivery(
            to_id(one["consumer"]), int(one["time_since_delivered"]), int(one["times_delivered"])
        )
    return None
