"""The errors of the wire format. Decoding the same bytes again never helps."""

from __future__ import annotations


class SchemaError(ValueError):
    """A payload or a value does not fit this wire format.

    It is a ValueError as well, so that code that does not know this package can tell bad input from
    a broken system.
    """


class MalformedEvent(SchemaError):
    """The payload is not a JSON object, or a field is missing or breaks its rule.

    The message names the field, shows the given value and says which values are allowed. The
    sender has to be corrected.
    """

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        #: The field at fault, or None when the payload as a whole is.
        self.field = field


class UnknownEvent(SchemaError):
    """The event's `type` is none that this version knows: a typing error, or a newer sender."""

    def __init__(self, message: str, *, type: str) -> None:  # noqa: A002 - the wire's own word
        super().__init__(message)
        #: The unknown type, as it was given.
        self.type = type


class UnsupportedVersion(SchemaError):
    """The event's `v` is newer than this version knows. Upgrade, then replay the entry."""

    def __init__(self, message: str, *, v: int) -> None:
        super().__init__(message)
        #: The version that the event asks for.
        self.v = v


class MalformedPage(SchemaError):
    """The payload is no page of a snapshot. The pass that misses it stops."""
