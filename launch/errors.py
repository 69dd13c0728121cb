"""What can go wrong while starting things on this machine."""


class LaunchError(Exception):
    """Something could not be started; the sentence says what, and where to look or what to do."""


class AlreadyRunning(LaunchError):
    """Another launcher holds the folder."""
