r"""Fields: the rule of every field, written once.

Decoding, the builders, the JSON Schema and the texts of the errors all take the rules from here.
A pattern ends in \Z because $ would accept a trailing newline.
"""

from __future__ import annotations

import re
import reprlib
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, TypeVar, get_type_hints

import msgspec
from msgspec import Meta

from .errors import MalformedEvent
from .platforms import Source

#: The newest version of the wire format that this code reads, and the one that it writes.
VERSION: Final = 1

#: Largest amount that one event may add or take away.
DELTA_MAX: Final = 10**12
USER_ID_MAX: Final = 2**63 - 1
WORD_CHARS_MAX: Final = 64
ENTITY_ID_CHARS_MAX: Final = 128
#: Characters of a name that the builders send, and that the record keeps.
DISPLAY_NAME_CHARS_MAX: Final = 255
IDEMPOTENCY_KEY_CHARS_MAX: Final = 256

WORD_PATTERN: Final = r"[a-z][a-z0-9]*(?:_[a-z][a-z0-9]*)*"
ENTITY_ID_PATTERN: Final = r"[A-Za-z0-9_.:-]+"

_WORD: Final = Meta(
    pattern=rf"^{WORD_PATTERN}\Z",
    max_length=WORD_CHARS_MAX,
    description=f"words of a-z and 0-9 joined by _, each beginning with a letter, "
    f"at most {WORD_CHARS_MAX} characters",
)

Platform = Annotated[Source, Meta(description="telegram or discord")]
Reason = Annotated[str, _WORD]
Achievement = Annotated[str, _WORD]
UserId = Annotated[
    int,
    Meta(ge=1, le=USER_ID_MAX, description="the account's id on the source platform, 1 to 2**63-1"),
]
EntityId = Annotated[
    str,
    Meta(
        pattern=rf"^{ENTITY_ID_PATTERN}\Z",
        max_length=ENTITY_ID_CHARS_MAX,
        description=f"1 to {ENTITY_ID_CHARS_MAX} characters of A-Z a-z 0-9 _ . : -",
    ),
]
IdempotencyKey = Annotated[
    str,
    Meta(
        pattern=r"^[!-~]+\Z",
        max_length=IDEMPOTENCY_KEY_CHARS_MAX,
        description=f"1 to {IDEMPOTENCY_KEY_CHARS_MAX} printable ASCII characters without spaces",
    ),
]
OccurredAt = Annotated[
    datetime, Meta(tz=True, description="an RFC 3339 time with its offset, years 1 to 9999 in UTC")
]
Delta = Annotated[
    int,
    Meta(
        ge=-DELTA_MAX,
        le=DELTA_MAX,
        description="a whole number from -10**12 to 10**12, not 0",
        extra_json_schema={"not": {"const": 0}},
    ),
]
DisplayName = Annotated[
    Any,
    Meta(
        description="the name that the account has now; what is no text counts as none",
        extra_json_schema={"type": "string"},
    ),
]
Version = Annotated[int, Meta(ge=1, le=VERSION, description=f"the wire format, 1 to {VERSION}")]

_T = TypeVar("_T", bound=msgspec.Struct)

_FAULT_AT: Final = re.compile(r"at `\$\.(\w+)`\Z")
_FAULT_MISSING: Final = re.compile(r"missing required field `(\w+)`")

# Cuts the bad value in an error: enough is left to find it, and never a whole payload.
_shown: Final = reprlib.Repr()
_shown.maxstring = _shown.maxlong = _shown.maxother = 60


def conform(struct: type[_T], fields: Mapping[str, object]) -> _T:
    """Build `struct` from `fields`, and check every rule.

    Raises:
        MalformedEvent: a field is missing or breaks its rule.
    """
    try:
        return msgspec.convert(fields, struct)
    except msgspec.ValidationError as error:
        raise _explained(error, struct, fields) from error


def broken(field: str, value: object, allowed: str) -> MalformedEvent:
    """Return the error for a `field` whose value breaks its rule."""
    return MalformedEvent(f"{field} is {show(value)}; expected {allowed}", field=field)


def missing(field: str, allowed: str) -> MalformedEvent:
    """Return the error for a `field` that is missing."""
    return MalformedEvent(f"{field} is missing; expected {allowed}", field=field)


def show(value: object) -> str:
    """Write a value for an error: on one line, cut short, without unprintable characters."""
    if isinstance(value, int) and abs(value) > 10**40:
        # Python refuses to convert integers of more than 4300 digits to text.
        return f"an integer of {value.bit_length()} bits"
    return _shown.repr(value)


def _explained(
    error: msgspec.ValidationError, struct: type[msgspec.Struct], fields: Mapping[str, object]
) -> MalformedEvent:
    """Turn msgspec's report into an error with the field's own rule."""
    if isinstance(error.__cause__, MalformedEvent):
        return error.__cause__
    report = str(error)
    if found := _FAULT_MISSING.search(report):
        return missing(found[1], _allowed(struct, found[1]))
    if found := _FAULT_AT.search(report):
        return broken(found[1], fields.get(found[1]), _allowed(struct, found[1]))
    return MalformedEvent(report)


def _allowed(struct: type[msgspec.Struct], field: str) -> str:
    annotations: tuple[Any, ...] = getattr(
        get_type_hints(struct, include_extras=True).get(field), "__metadata__", ()
    )
    for annotation in annotations:
        if isinstance(annotation, Meta) and annotation.description:
            return annotation.description
    return "another value"
