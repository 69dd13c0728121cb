"""Whether a bot is connected to its platform, which is what its heartbeat file tells."""

import contextlib
from collections.abc import Callable, Iterator


class Pulse:
    """Asks the connection to the platform that serves members now; without one, it is not felt.

    The bot is healthy while its event loop turns and its platform answers it: then members get
    answers. Postgres and Redis do not count. While they are away the bot still answers every
    command and says so, events wait, and a restart would mend nothing. A bot that waits for
    Postgres before its first connection serves no member yet, so it is not healthy yet.
    """

    def __init__(self) -> None:
        self._is_connected: Callable[[], bool] | None = None

    @contextlib.contextmanager
    def taken_from(self, is_connected: Callable[[], bool]) -> Iterator[None]:
        """Ask `is_connected` during the block, which is the life of one connection."""
        self._is_connected = is_connected
        try:
            yield
        finally:
            self._is_connected = None

    def is_felt(self) -> bool:
        """Tell whether the bot is connected to its platform now."""
        return self._is_connected is not None and self._is_connected()
