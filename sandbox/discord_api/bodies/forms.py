"""Forms: the fields of a request's body with their types and limits, and Discord's refusals.

A form is data. Reading a value by it returns the value without null fields, or raises ApiError
50035, whose tree of errors names the field.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

from sandbox.discord_api.errors import ApiError, invalid_form, refuse_unknown_fields
from sandbox.discord_api.payloads import Json

__all__ = [
    "Anything",
    "Choice",
    "Flag",
    "Form",
    "Kind",
    "Many",
    "Mapped",
    "Number",
    "Snowflake",
    "Text",
    "Url",
    "Whole",
    "missing",
]

INT_MAX = 2**53
URL_LENGTH_MAX = 2048
WEB = ("http", "https")


class Kind(Protocol):
    """A type of value with its limits."""

    def read(self, value: Any, path: str) -> Any:
        """Return the value as Discord stores it. Raises ApiError 50035."""


@dataclass(frozen=True)
class Anything:
    """A value that is checked elsewhere."""

    def read(self, value: Any, path: str) -> Any:
        return value


@dataclass(frozen=True)
class Text:
    """A text of `low` to `high` characters."""

    low: int = 0
    high: int = 2**31

    def read(self, value: Any, path: str) -> str:
        if not isinstance(value, str):
            raise invalid_form(path, "STRING_TYPE_CONVERT", "Could not interpret it as string.")
        if value == "" and self.low:
            raise missing(path)
        if not self.low <= len(value) <= self.high:
            raise _bad_length(path, self.low, self.high)
        return value


@dataclass(frozen=True)
class Whole:
    """A whole number of `low` to `high`."""

    low: int = -INT_MAX
    high: int = INT_MAX

    def read(self, value: Any, path: str) -> int:
        if isinstance(value, str) and value.removeprefix("-").isdecimal():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise invalid_form(path, "NUMBER_TYPE_COERCE", f"Value {value!r} is not int.")
        if value < self.low:
            message = f"int value should be greater than or equal to {self.low}."
            raise invalid_form(path, "NUMBER_TYPE_MIN", message)
        if value > self.high:
            message = f"int value should be less than or equal to {self.high}."
            raise invalid_form(path, "NUMBER_TYPE_MAX", message)
        return value


@dataclass(frozen=True)
class Number:
    """A number, whole or not."""

    def read(self, value: Any, path: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise invalid_form(path, "NUMBER_TYPE_COERCE", f"Value {value!r} is not float.")
        if not -INT_MAX <= value <= INT_MAX:
            raise invalid_form(path, "NUMBER_TYPE_MAX", f"Value {value!r} is out of range.")
        return value


@dataclass(frozen=True)
class Flag:
    """True or false."""

    def read(self, value: Any, path: str) -> bool:
        if not isinstance(value, bool):
            raise invalid_form(path, "BOOLEAN_TYPE_CONVERT", "Must be either true or false.")
        return value


@dataclass(frozen=True)
class Choice:
    """One of a few values."""

    values: Collection[Any]

    def read(self, value: Any, path: str) -> Any:
        known = isinstance(value, int | str) and not isinstance(value, bool)
        if not known or value not in self.values:
            listed = ", ".join(map(str, sorted(self.values)))
            raise invalid_form(path, "BASE_TYPE_CHOICES", f"Value must be one of ({listed}).")
        return value


@dataclass(frozen=True)
class Snowflake:
    """An id; libraries send it as a number or as a string."""

    def read(self, value: Any, path: str) -> str:
        if isinstance(value, bool) or not str(value).isdecimal() or int(value) >= 2**63:
            raise invalid_form(path, "NUMBER_TYPE_COERCE", f"Value {value!r} is not snowflake.")
        return str(int(value))


@dataclass(frozen=True)
class Url:
    """A web address; `attachment://` names a file of the same message where `schemes` says so."""

    high: int = URL_LENGTH_MAX
    schemes: tuple[str, ...] = WEB

    def read(self, value: Any, path: str) -> str:
        text = Text(1, self.high).read(value, path)
        try:
            parts = urlsplit(text)
        except ValueError:
            parts = urlsplit("")
        if not parts.scheme:
            raise invalid_form(path, "URL_TYPE_INVALID_URL", "Not a well formed URL.")
        if parts.scheme not in self.schemes:
            message = f'Scheme "{parts.scheme}" is not one of {self.schemes}.'
            raise invalid_form(path, "URL_TYPE_INVALID_SCHEME", message)
        if not parts.netloc or any(mark.isspace() for mark in text):
            raise invalid_form(path, "URL_TYPE_INVALID_URL", "Not a well formed URL.")
        return text


@dataclass(frozen=True)
class Many:
    """A list of `low` to `high` values of one kind."""

    inner: Kind
    low: int = 0
    high: int = 2**31

    def read(self, value: Any, path: str) -> list[Any]:
        if not isinstance(value, list):
            raise invalid_form(path, "LIST_TYPE_CONVERT", "Only iterables may be used.")
        if not self.low <= len(value) <= self.high:
            raise _bad_length(path, self.low, self.high)
        return [self.inner.read(one, f"{path}.{index}") for index, one in enumerate(value)]


@dataclass(frozen=True)
class Mapped:
    """An object with any of the `names`, all of whose values are of one kind."""

    names: Collection[str]
    inner: Kind

    def read(self, value: Any, path: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise invalid_form(path, "DICT_TYPE_CONVERT", "Only dictionaries may be used.")
        for name in value:
            if name not in self.names:
                raise invalid_form(path, "ENUM_TYPE_COERCE", f"Value {name!r} is not valid.")
        return {name: self.inner.read(one, f"{path}.{name}") for name, one in value.items()}


@dataclass(frozen=True)
class Form:
    """An object with known fields. An unknown field is refused, and a null one left out."""

    fields: Mapping[str, Kind]
    required: Collection[str] = field(default=frozenset())
    what: str = "this object"

    def read(self, value: Any, path: str) -> Json:
        if not isinstance(value, dict):
            raise invalid_form(path, "MODEL_TYPE_CONVERT", "Only dictionaries may be used.")
        refuse_unknown_fields(value, self.fields, self.what)
        for name in self.required:
            if value.get(name) is None:
                raise missing(f"{path}.{name}")
        return {
            name: self.fields[name].read(one, f"{path}.{name}" if path else name)
            for name, one in value.items()
            if one is not None and name in self.fields
        }


def missing(path: str) -> ApiError:
    """Return the refusal of a body that lacks a required field."""
    return invalid_form(path, "BASE_TYPE_REQUIRED", "This field is required")


def _bad_length(path: str, low: int, high: int) -> ApiError:
    if low == 0:
        return invalid_form(path, "BASE_TYPE_MAX_LENGTH", f"Must be {high} or fewer in length.")
    message = f"Must be between {low} and {high} in length."
    return invalid_form(path, "BASE_TYPE_BAD_LENGTH", message)
