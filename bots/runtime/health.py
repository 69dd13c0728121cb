"""Whether a bot is connected to its platform; its heartbeat file reports the result."""

import contextlib
from collections.abc import Callable, Iterator


class Health:
    """Asks the connection that serves members now; without a connection the bot is not healthy.

    The bot is healthy while its event loop runs and its platform answers it, because then members
    get answers. Postgres and Redis do not count: while they are unavailable the bot still answers
    every command and says so, events wait, and a restart would not help. A bot that waits for
    Postgres before its first connection serves no member yet, so it is not healthy yet.
    """

    def __init__(self) -> None:
        self._is_connected: Callable[[], bool] | None = None

    @contextlib.contextmanager
    def reported_by(self, is_connected: Callable[[], bool]) -> Iterator[None]:
        """Ask `is_connected` during the block, which is the life of one connection."""
        self._is_connected = is_connected
        try:
            yield
        finally:
            self._is_connected = None

    def is_healthy(self) -> bool:
        """Tell whether the bot is connected to its platform now."""
        return self._is_connected is not None and self._is_connected()
