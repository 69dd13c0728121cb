"""Errors raised while starting processes and servers on this machine."""


class LaunchError(Exception):
    """A process or server could not be started. The message says which, and what to do or read."""


class AlreadyRunning(LaunchError):
    """Another launcher has locked the folder."""
