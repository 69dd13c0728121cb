"""Errors of the sandbox itself, as opposed to the errors that the imitated platforms answer."""

__all__ = ["SandboxError", "SeedError"]


class SandboxError(Exception):
    """The sandbox cannot do what it was asked; the message says why in one sentence.

    Raised for impossible requests, such as a click on a button that does not exist. They are
    mistakes of the caller who drives the sandbox. The control interface answers them with 400.
    """


class SeedError(SandboxError):
    """The seed or the saved state does not have the expected shape. Compare it with seed.json."""
