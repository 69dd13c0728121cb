"""Discord's rate limits: buckets per route and major parameter, the global limit, and the ban."""

import hashlib
from collections.abc import Callable, Mapping
from functools import cache
from typing import NamedTuple

from sandbox.rate_window import Rate, Window

__all__ = ["Buckets", "DiscordLimits", "RateDecision"]

MAJOR_PARAMETERS = ("channel_id", "guild_id", "webhook_id", "webhook_token")
IDLE_WINDOWS_MAX = 4_096


class DiscordLimits(NamedTuple):
    """The limits per kind of request.

    Discord publishes the global limit, the gateway's limits and the invalid-request ban. It does
    not publish the sizes of its buckets: these are assumptions, and clients must read the headers.
    """

    everything: Rate = Rate(50, 1.0)
    other: Rate = Rate(30, 10.0)
    role_writes: Rate = Rate(10, 10.0)
    member_edits: Rate = Rate(10, 10.0)
    role_creates: Rate = Rate(250, 172_800.0)
    messages: Rate = Rate(5, 5.0)
    message_edits: Rate = Rate(5, 5.0)
    reactions: Rate = Rate(1, 0.25)
    direct_channels: Rate = Rate(10, 10.0)
    command_syncs: Rate = Rate(5, 20.0)
    webhooks: Rate = Rate(30, 10.0)
    invalid_requests: Rate = Rate(10_000, 600.0)
    member_requests: Rate = Rate(1, 30.0)
    gateway_frames: Rate = Rate(120, 60.0)

    def scaled(self, factor: float) -> "DiscordLimits":
        """Return the same limits over windows `factor` times as long (0.1 is ten times faster)."""
        return DiscordLimits(*(rate.scaled(factor) for rate in self))


class RateDecision(NamedTuple):
    """Whether a request is granted (`retry_after` 0.0), and the rate-limit headers of its answer.

    `scope` is "user", "global" or "cloudflare" (no JSON, no Via: the ban for too many errors).
    """

    retry_after: float
    scope: str
    headers: Mapping[str, str]


class Buckets:
    """The state of every limit that the bots have used. The ban is for all: it is by address."""

    def __init__(
        self, limits: DiscordLimits, clock: Callable[[], float], wall_clock: Callable[[], float]
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._wall_clock = wall_clock
        self._everything: dict[int, Window] = {}
        self._invalid = Window(*limits.invalid_requests, clock)
        self._windows: dict[tuple[str, ...], Window] = {}

    def take(
        self,
        route: str,
        path: Mapping[str, str],
        *,
        bot_id: int = 0,
        rate: str = "other",
        counted: bool = True,
    ) -> RateDecision:
        """Count one request by a bot of a route ("PUT /guilds/{guild_id}/...").

        `rate` names the DiscordLimits field. Routes of one named rate share a bucket; each route of
        "other" has its own. `counted` requests count against the global limit.
        """
        if self._invalid.remaining == 0:
            return RateDecision(self._invalid.reset_after, "cloudflare", {})
        if counted and (wait := self._of_bot(bot_id).take()):
            return RateDecision(wait, "global", {"X-RateLimit-Global": "true"})
        name = route if rate == "other" else rate
        window = self._window(bot_id, name, path, getattr(self._limits, rate))
        wait = window.take()
        return RateDecision(wait, "user", self._headers(name, window))

    def count_invalid(self) -> None:
        """Count an answer 401, 403 or 429. After too many of them every request is refused."""
        self._invalid.take()

    def _of_bot(self, bot_id: int) -> Window:
        window = self._everything.get(bot_id)
        if window is None:
            window = self._everything[bot_id] = Window(*self._limits.everything, self._clock)
        return window

    def _window(self, bot_id: int, name: str, path: Mapping[str, str], rate: Rate) -> Window:
        key = (str(bot_id), name, *(path.get(major, "") for major in MAJOR_PARAMETERS))
        window = self._windows.get(key)
        if window is None:
            if len(self._windows) >= IDLE_WINDOWS_MAX:
                self._windows = {k: w for k, w in self._windows.items() if w.reset_after}
            window = self._windows[key] = Window(*rate, self._clock)
        return window

    def _headers(self, name: str, window: Window) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(window.limit),
            "X-RateLimit-Remaining": str(window.remaining),
            "X-RateLimit-Reset": f"{self._wall_clock() + window.reset_after:.3f}",
            "X-RateLimit-Reset-After": f"{window.reset_after:.3f}",
            "X-RateLimit-Bucket": _bucket(name),
        }


@cache
def _bucket(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:32]
