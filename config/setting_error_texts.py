"""The texts about unfit settings: msgspec's errors rewritten in the terms of the settings file."""

import difflib
import re

import msgspec
from msgspec import inspect

_UNKNOWN = re.compile(r"Object contains unknown field `(.+?)`")
_MISSING = re.compile(r"Object missing required field `(.+?)`")
_TYPE = re.compile(r"Expected `(.+?)`, got `(.+?)`")
_LENGTH = re.compile(r"Expected `str` of length ([<>])= (\d+)")
_BOUND = re.compile(r"Expected `(.+?)` ([<>])=? ([\d.]+)")
_CHOICE = re.compile(r"Invalid enum value (.+)")

_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text in quotes",
    "bool": "true or false",
    "array": "a list",
    "object": "a section",
    "date": "a date",
    "datetime": "a time",
}
_LIMITS = {">": "at least", "<": "at most"}


def explain(error: msgspec.ValidationError, settings: type[msgspec.Struct]) -> str:
    """Say which setting is unfit, what it must be, and which one was probably meant.

    An error of an unknown form keeps msgspec's own text.
    """
    what, _, where = str(error).partition(" - at `$")
    path = where.rstrip("`").lstrip(".")
    if found := _UNKNOWN.fullmatch(what):
        return _unknown(found[1], path, settings)
    if found := _MISSING.fullmatch(what):
        return f"{_join(path, found[1])} is missing"
    if found := _CHOICE.fullmatch(what):
        return f"{path} must be {_choices_at(path, settings)}, not {found[1]}"
    return f"{path} {_demand(what)}" if path else what


def _demand(what: str) -> str:
    if found := _TYPE.fullmatch(what):
        wanted = [_KINDS.get(kind, kind) for kind in found[1].split(" | ") if kind != "null"]
        return f"must be {' or '.join(wanted)}, not {_KINDS.get(found[2], found[2])}"
    if found := _LENGTH.fullmatch(what):
        return f"must have {_LIMITS[found[1]]} {found[2]} characters"
    if found := _BOUND.fullmatch(what):
        return f"must be {_KINDS.get(found[1], found[1])}, {_LIMITS[found[2]]} {found[3]}"
    return f"is unfit: {what}"


def _unknown(name: str, path: str, settings: type[msgspec.Struct]) -> str:
    known = _settings_at(path, settings)
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(sorted(known))}"
    return f"{_join(path, name)} is not a setting; {hint}"


def _settings_at(path: str, settings: type[msgspec.Struct]) -> list[str]:
    """List the names that may stand at a place such as `telegram` or `ranks[0]`."""
    here = _type_at(path, settings)
    return (
        [field.encode_name for field in here.fields] if isinstance(here, inspect.StructType) else []
    )


def _choices_at(path: str, settings: type[msgspec.Struct]) -> str:
    here = _type_at(path, settings)
    values = here.values if isinstance(here, inspect.LiteralType) else ()
    return " or ".join(repr(value) for value in values)


def _type_at(path: str, settings: type[msgspec.Struct]) -> inspect.Type:
    here: inspect.Type = inspect.type_info(settings)
    for name in re.findall(r"\w+", path):
        if isinstance(here, inspect.StructType):
            here = next(field.type for field in here.fields if field.encode_name == name)
        elif isinstance(here, inspect.VarTupleType):
            here = here.item_type
        if isinstance(here, inspect.UnionType):
            here = next(one for one in here.types if isinstance(one, inspect.StructType))
    return here


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
