"""Errors that keep a bot from serving."""


class BotError(Exception):
    """The root of the errors of this package."""


class Refused(BotError):
    """The bot cannot run with these settings, now or later. The sentence says what to correct."""


class Unready(BotError):
    """The platform cannot be reached or is not ready. A later attempt may succeed."""


class Stopped(BotError):
    """The process was asked to stop while it waited."""
