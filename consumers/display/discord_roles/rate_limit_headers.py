"""The headers of Discord's answers that tell its rate limits.

discord.py does not hand them out. aiohttp's tracing, an option of discord.py's client, does.
"""

import re
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Final, NamedTuple

import aiohttp

from consumers.display.call_pacing import RateLimit

_MEMBER: Final = r"/guilds/\d+/members/\d+"
ROLE_WRITES: Final = re.compile(rf"(PUT|DELETE) .*{_MEMBER}/roles/\d+")
MEMBER_LOOKS: Final = re.compile(rf"GET .*{_MEMBER}")


class Allowance(NamedTuple):
    """How many calls a bucket holds and has left, and in how many seconds it is full again."""

    limit: int
    remaining: int
    reset_after_s: float


class DiscordLimits:
    """Makes rate limits follow Discord's answers. Give `trace` to the client as `http_trace`."""

    def __init__(self) -> None:
        self.trace = aiohttp.TraceConfig()
        self.trace.on_request_end.append(self._read)
        self._followers: list[tuple[re.Pattern[str], RateLimit]] = []

    def lead(self, calls: re.Pattern[str], limit: RateLimit) -> None:
        """Let a limit follow the answers to such calls: `ROLE_WRITES` or `MEMBER_LOOKS`."""
        self._followers.append((calls, limit))

    async def _read(
        self,
        _session: aiohttp.ClientSession,
        _context: SimpleNamespace,
        params: aiohttp.TraceRequestEndParams,
    ) -> None:
        said = allowance(params.response.headers)
        if said is None:
            return
        call = f"{params.method} {params.url.path}"
        for calls, limit in self._followers:
            if calls.fullmatch(call):
                limit.observe(said.limit, said.remaining, said.reset_after_s)


def allowance(headers: Mapping[str, str]) -> Allowance | None:
    """Read the headers of one answer; None if they are missing or make no sense. Pure."""
    try:
        return Allowance(
            int(headers["X-RateLimit-Limit"]),
            int(headers["X-RateLimit-Remaining"]),
            float(headers["X-RateLimit-Reset-After"]),
        )
    except (KeyError, ValueError):
        return None
