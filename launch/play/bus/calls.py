"""The calls of the sandbox's transcript that concern an account.

They are what its person asked a bot, and what our processes changed on a platform for it. Other
calls, such as what the bots read at their start, are left out.
"""

from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

import aiohttp
import msgspec

from bus import Source

__all__ = ["CallSeen", "Calls"]

#: Calls that are remembered, and characters of each in its raw form.
CALLS_KEPT, RAW_CHARACTERS_MAX = 500, 20_000
#: Seconds for which the sandbox waits for news before it answers that there are none.
WAIT_S = 5
#: The bytes of an answer beyond which the calls in it are passed over.
ANSWER_BYTES_MAX = 8 * 1024 * 1024
#: The updates and events by which a platform tells a bot what a person did.
ASKED = frozenset(
    {
        *("message", "callback_query", "message_reaction"),
        *("gateway INTERACTION_CREATE", "gateway MESSAGE_CREATE", "gateway MESSAGE_REACTION_ADD"),
    }
)
#: Digits of an account's number.
DIGITS_MAX = 20
#: A number that no call has: it asks for the newest number alone.
NO_CALL = 2**53


class CallSeen(NamedTuple):
    """An exchange that concerns one account; status 0 is what a platform pushed to a bot."""

    number: int
    at: float
    platform: Source
    name: str
    status: int
    account_id: int
    raw: str

    @property
    def is_pushed(self) -> bool:
        """Whether the platform told the bot of something."""
        return self.status == 0


class Calls:
    """Follows the transcript of the sandbox at `url`."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url
        self._last: int | None = None
        self._kept: deque[CallSeen] = deque(maxlen=CALLS_KEPT)

    def find(self, number: int) -> CallSeen | None:
        """Return a call by its number, while it is remembered."""
        return next((call for call in self._kept if call.number == number), None)

    def newest_first(self) -> Iterator[CallSeen]:
        """Return the calls that are remembered."""
        return reversed(self._kept)

    async def read(self) -> bool:
        """Wait for calls, and remember those that concern an account. True if there were any."""
        if self._last is None:
            self._last = (await self._ask(after=NO_CALL))["last"]
        answer = await self._ask(after=self._last, wait=WAIT_S)
        if answer["last"] < self._last:
            # Another sandbox, which numbers its calls from 1 again.
            self._kept.clear()
        self._last = answer["last"]
        found = [call for one in answer["calls"] if (call := seen(one)) is not None]
        self._kept.extend(found)
        return bool(found)

    async def _ask(self, **query: int) -> dict[str, Any]:
        timeout = aiohttp.ClientTimeout(total=WAIT_S + 5)
        url = f"{self._url}/transcript"
        async with self._session.get(url, params=query, timeout=timeout) as response:
            content = await response.content.read(ANSWER_BYTES_MAX)
            while not response.content.at_eof() and len(content) < ANSWER_BYTES_MAX:
                content += await response.content.read(ANSWER_BYTES_MAX - len(content))
        if len(content) >= ANSWER_BYTES_MAX:
            return {"calls": [], "last": (await self._ask(after=NO_CALL))["last"]}
        answer: dict[str, Any] = msgspec.json.decode(content)
        return answer


def seen(call: dict[str, Any]) -> CallSeen | None:
    """Return a call of the transcript as the panel remembers it; None if it concerns no account.

    Reads are left out, unless they failed. Pure.
    """
    platform, name, status = call["platform"], call["name"], call["status"]
    if status == 0:
        account_id = _asking(name, call["response"])
    elif name.startswith(("get", "GET ")) and status < 400:
        return None
    elif platform == "telegram":
        account_id = _number(_inside(call["request"], "user_id"))
    else:
        account_id = _number(_inside(call["request"], "path", "user_id"))
    if account_id is None:
        return None
    raw = msgspec.json.format(msgspec.json.encode(call)).decode()
    return CallSeen(
        call["number"], call["at"], platform, name, status, account_id, raw[:RAW_CHARACTERS_MAX]
    )


def _asking(name: str, pushed: Any) -> int | None:
    """Return whose deed was pushed to a bot. Updates may have any shape."""
    if name == "update":
        kind = next((one for one in ASKED if _inside(pushed, one) is not None), None)
        told = _inside(pushed, kind)
        return _number(_inside(told, "from", "id")) or _number(_inside(told, "user", "id"))
    if name not in ASKED:
        return None
    places = (("member", "user", "id"), ("author", "id"), ("user", "id"), ("user_id",))
    found = (_number(_inside(pushed, *place)) for place in places)
    return next((one for one in found if one is not None), None)


def _inside(value: Any, *names: str | None) -> Any:
    """Return what an object has under nested names, or None."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _number(told: Any) -> int | None:
    """Return an account's number, which platforms write as one or as text."""
    if isinstance(told, str) and told.isascii() and told.isdecimal() and len(told) <= DIGITS_MAX:
        return int(told)
    return told if isinstance(told, int) and not isinstance(told, bool) else None
