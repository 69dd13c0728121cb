"""Whether a bot is connected to its platform, for its heartbeat file, and what troubles it."""

import contextlib
from collections.abc import Callable, Iterator


class Health:
    """Asks the connection that serves members now; without a connection the bot is not healthy.

    The bot is healthy while its event loop runs and its platform answers it, because then members
    get answers. Postgres and Redis do not count: while they are unavailable the bot still answers
    every command and says so, events wait, and a restart would not help. A bot that waits for
    Postgres before its first connection serves no member yet, so it is not healthy yet.

    A bot that was removed from its group or server is healthy, because no restart brings it back:
    that is its trouble, which the operator's screen and an alert tell.
    """

    def __init__(self) -> None:
        self._is_connected: Callable[[], bool] | None = None
        self._trouble: Callable[[], str | None] | None = None

    @contextlib.contextmanager
    def reported_by(
        self, is_connected: Callable[[], bool], trouble: Callable[[], str | None] | None = None
    ) -> Iterator[None]:
        """Ask `is_connected` and `trouble` during the block, the life of one connection.

        `trouble` says what keeps the bot from serving members, and its remedy, where it knows.
        """
        self._is_connected, self._trouble = is_connected, trouble
        try:
            yield
        finally:
            self._is_connected = self._trouble = None

    def is_healthy(self) -> bool:
        """Tell whether the bot is connected to its platform now."""
        return self._is_connected is not None and self._is_connected()

    def trouble(self) -> str | None:
        """Say what keeps the bot from serving members; None if nothing is known to."""
        return None if self._trouble is None else self._trouble()
