"""Virtual time: an event loop whose clock jumps to the next timer when nothing can run."""

import asyncio
import selectors
from typing import Any

#: The beginning of virtual time, in milliseconds since 1970: 2026-01-01 12:00 UTC.
EPOCH_MS = 1_767_268_800_000


class Stuck(Exception):
    """Every task waits, and no timer would wake any of them: a deadlock."""


class _JumpingSelector(selectors.DefaultSelector):
    """Never waits: adds the timeout to the virtual clock instead."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if ready := super().select(0):
            return ready
        if timeout is None:
            raise Stuck("nothing can run, and no timer is set")
        self.now_s += max(timeout, 0.0)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time. It must not wait for sockets, or its clock would jump."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Return the virtual seconds since the loop was created."""
        return self._jumping.now_s

    def now_ms(self) -> int:
        """Return the time of a server's clock, in milliseconds since 1970."""
        return EPOCH_MS + int(self._jumping.now_s * 1_000)
