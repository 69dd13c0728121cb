"""Errors that keep a bot from serving."""


class BotError(Exception):
    """The root of the errors of this package."""


class Refused(BotError):
    """The bot cannot run with these settings, now or later. The sentence says what to correct."""


class Unready(BotError):
    """The platform cannot be reached or is not ready. An attempt after `wait_s` s may succeed."""

    def __init__(self, why: str, *, wait_s: float = 0.0) -> None:
        super().__init__(why)
        self.wait_s = wait_s


class Stopped(BotError):
    """The process was asked to stop while it waited."""
