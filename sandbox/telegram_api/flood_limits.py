"""Telegram's flood limits. The numbers come from Telegram's bot FAQ; the burst is a guess."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.rate_window import Rate, Window

from .errors import flood

__all__ = ["FloodControl", "TelegramLimits"]

WINDOWS_MAX = 4_096
OVERALL, CHAT, GROUP = Rate(30, 1.0), Rate(3, 3.0), Rate(20, 60.0)
# Methods that change what people see. Reading, and answering pressed buttons, is not limited.
COUNTED_OVERALL = frozenset(
    {
        "banChatMember",
        "promoteChatMember",
        "restrictChatMember",
        "setChatAdministratorCustomTitle",
        "setChatMemberTag",
        "setMessageReaction",
        "unbanChatMember",
    }
)
# Each message counts: one that is sent, copied, forwarded or edited, and each item of an album.
SENDS = ("send", "copyMessage", "forwardMessage", "editMessage", "editEphemeral")
UNCOUNTED = frozenset({"sendChatAction"})


@dataclass(frozen=True, slots=True)
class TelegramLimits:
    """Calls in all, messages per chat (one a second, three in a burst), messages per group."""

    overall: Rate = OVERALL
    chat: Rate = CHAT
    group: Rate = GROUP

    def scaled(self, factor: float) -> "TelegramLimits":
        """Return the same limits over windows `factor` times as long."""
        return TelegramLimits(
            self.overall.scaled(factor), self.chat.scaled(factor), self.group.scaled(factor)
        )


class FloodControl:
    """Counts calls and refuses those above the limits with 429."""

    def __init__(self, limits: TelegramLimits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._windows: dict[tuple[str, Any], Window] = {}

    def reset(self) -> None:
        """Reset all counts."""
        self._windows.clear()

    def check(self, method: str, asked: dict[str, Any], *, bot_id: int) -> None:
        """Count one call of a bot. If a window is full, count nothing and raise ApiError 429."""
        per_chat = method.startswith(SENDS) and method not in UNCOUNTED
        if not per_chat and method not in COUNTED_OVERALL:
            return
        windows = [self._window("overall", bot_id, self._limits.overall)]
        chat_id = asked.get("chat_id")
        if per_chat:
            windows.append(self._window("chat", (bot_id, chat_id), self._limits.chat))
            if isinstance(chat_id, int) and chat_id < 0:
                windows.append(self._window("group", (bot_id, chat_id), self._limits.group))
        if wait := max(window.wait() for window in windows):
            raise flood(wait)
        for window in windows:
            for _ in range(_messages_in(asked)):
                window.take()

    def _window(self, kind: str, key: object, rate: Rate) -> Window:
        if (kind, key) not in self._windows:
            if len(self._windows) >= WINDOWS_MAX:
                self._windows = {k: w for k, w in self._windows.items() if w.reset_after}
            self._windows[kind, key] = Window(rate.limit, rate.per_seconds, self._clock)
        return self._windows[kind, key]


def _messages_in(asked: dict[str, Any]) -> int:
    """Return how many messages a call sends: the items of an album, or the copied ones."""
    several = asked.get("media", asked.get("message_ids"))
    return max(1, len(several)) if isinstance(several, list) else 1
