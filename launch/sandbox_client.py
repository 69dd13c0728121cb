"""A client for the sandbox's control interface: acts for its people, for the demo and the tests."""

import asyncio
import json
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, NamedTuple, Self

import aiohttp

from .errors import LaunchError

ANSWER_TIMEOUT_S = 30.0
#: Seconds for which one request waits in the sandbox for a new call.
LONG_POLL_S = 1.0


class Call(NamedTuple):
    """One line of the sandbox's transcript: a request to a platform, and its answer."""

    number: int
    at: float
    platform: str
    name: str
    request: Any
    status: int
    response: Any
    reason: str | None = None

    def asks(self, **fields: object) -> bool:
        """Tell whether the request has these values; 7 and "7" count as equal."""
        return isinstance(self.request, Mapping) and all(
            str(self.request.get(name)) == str(value) for name, value in fields.items()
        )


class SandboxClient:
    """A session with the control interface. Use it in an `async with` block."""

    def __init__(self, control_url: str) -> None:
        self._url = control_url
        self._session: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def post(self, path: str, **body: object) -> dict[str, Any]:
        """Send an action, such as `post("/telegram/say", chat_id=..., user_id=..., text=...)`.

        Raises:
            LaunchError: the sandbox refused the action; the message is the sandbox's.
        """
        async with self._session.post(self._url + path, json=body) as response:
            return await _answer(path, response)

    async def get(self, path: str, **query: str | int) -> dict[str, Any]:
        """Read something, such as `get("/world")`."""
        async with self._session.get(self._url + path, params=query) as response:
            return await _answer(path, response)

    async def newest(self) -> int:
        """Return the number of the newest call, for `wait_for(after=...)`."""
        answer = await self.get("/transcript", after=2**53)
        newest: int = answer["last"]
        return newest

    async def calls(self, *, after: int = 0) -> list[Call]:
        """Return the calls after a number, oldest first."""
        answer = await self.get("/transcript", after=after)
        return [_call(one) for one in answer["calls"]]

    async def wait_for(
        self,
        what: str,
        matches: Callable[[Call], bool],
        *,
        after: int = 0,
        timeout_s: float = ANSWER_TIMEOUT_S,
    ) -> Call:
        """Wait until a call matches, and return the first that does.

        Raises:
            LaunchError: no call matched in time; `what` names it in the message.
        """
        try:
            async with asyncio.timeout(timeout_s):
                return await self._first_match(matches, after)
        except TimeoutError as error:
            raise LaunchError(f"{what} did not happen within {timeout_s:.0f} s") from error

    async def _first_match(self, matches: Callable[[Call], bool], after: int) -> Call:
        while True:
            answer = await self.get("/transcript", after=after, wait=int(LONG_POLL_S))
            for call in map(_call, answer["calls"]):
                if matches(call):
                    return call
                after = call.number


def _call(one: Mapping[str, Any]) -> Call:
    return Call(*(one[name] for name in Call._fields))


async def _answer(path: str, response: aiohttp.ClientResponse) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = await response.json()
    except (aiohttp.ContentTypeError, json.JSONDecodeError) as error:
        raise LaunchError(
            f"the sandbox did not answer {path} with JSON: {response.status}"
        ) from error
    if response.status >= 400:
        raise LaunchError(f"the sandbox refused {path}: {answer.get('error', answer)}")
    return answer
