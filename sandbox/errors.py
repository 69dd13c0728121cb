"""What the sandbox itself refuses, as opposed to the errors the imitated platforms answer."""

__all__ = ["SandboxError", "SeedError"]


class SandboxError(Exception):
    """The sandbox cannot do what it was asked; the message says why in one sentence.

    Raised for impossible requests (a person who is not there clicks a button that never was), which
    are mistakes of whoever drives the sandbox. The control interface answers them with 400.
    """


class SeedError(SandboxError):
    """The seed or the saved state does not have the expected shape. Compare it with seed.json."""
