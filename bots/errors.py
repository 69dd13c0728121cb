"""What can keep a bot from serving."""


class BotError(Exception):
    """The root of the errors of this package."""


class Refused(BotError):
    """The bot cannot run with these settings, now and every time. The sentence says what to do."""


class Unready(BotError):
    """The platform could not be reached or is not ready. Trying again later may help."""


class Stopped(BotError):
    """The process was asked to stop while it waited for something."""
