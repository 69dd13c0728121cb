"""The trace of a run: its steps, and a hash that shows whether two runs were the same."""

import hashlib
from collections import deque

LAST_STEPS = 60


class Trace:
    """Keeps the last steps, and the hash of all steps."""

    def __init__(self, *, keep: int | None = LAST_STEPS) -> None:
        self.last: deque[str] = deque(maxlen=keep)
        self.steps = 0
        self._hash = hashlib.sha256()

    def add(self, at_s: float, who: str, what: str) -> None:
        """Add a step."""
        line = f"{at_s:11.4f} {who:<12} {what}"
        self.steps += 1
        self.last.append(line)
        self._hash.update(line.encode())

    def digest(self) -> str:
        """Return the hash of every step so far."""
        return self._hash.hexdigest()
