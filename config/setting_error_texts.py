"""The texts about unfit settings: msgspec's errors rewritten in the terms of the settings file."""

import difflib
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import inspect

_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.+)`")
_TYPE = re.compile(r"Expected `(.+?)`, got `(.+?)`")
_LENGTH = re.compile(r"Expected `str` of length ([<>])= (\d+)")
_BOUND = re.compile(r"Expected `(int|float)` ([<>]=?) ([-\d.]+)")
_PATTERN = re.compile(r"Expected `str` matching regex '(.+)'")
_CHOICE = re.compile(r"Invalid enum value (.+)", re.DOTALL)
#: msgspec's word for a key of a table whose keys are free.
_ANY_KEY = "[...]"
_INDEX = re.compile(r"(\w+)|\[(\d+)\]")

_KINDS: Final = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text in quotes",
    "bool": "true or false",
    "array": "a list",
    "object": "a section",
    "date": "a date",
    "datetime": "a time",
}
_LIMITS: Final = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than"}
#: Characters of a value that an error repeats.
VALUE_CHARS_MAX: Final = 40

#: The keys and indices that lead to a value, such as ("ranks", 0, "xp").
Place = tuple[str | int, ...]


class Problem(NamedTuple):
    """One unfit setting: where it stands, and a sentence that names it."""

    place: Place
    text: str


def explain(
    error: msgspec.ValidationError, settings: type[msgspec.Struct], given: Mapping[str, Any]
) -> Problem:
    """Say which setting is unfit, what it must be, what is given, and what was probably meant.

    An error of an unknown form keeps msgspec's own text.
    """
    what, _, where = str(error).rpartition(" - at `$")
    if not what:
        what, where = where, ""
    where = where.replace(_ANY_KEY, f".{_key_at_fault(where, settings, given)}")
    place = tuple(int(index) if index else name for name, index in _INDEX.findall(where))
    if found := _UNKNOWN.fullmatch(what):
        return Problem((*place, found[1]), _unknown(found[1], place, settings, given))
    if found := _MISSING.fullmatch(what):
        return Problem(place, _missing((*place, found[1]), settings, given))
    name, value = named(place, given), _at(place, given)
    if found := _CHOICE.fullmatch(what):
        return Problem(place, f"{name} must be {_choices_at(place, settings)}, not {shown(value)}")
    return Problem(place, f"{name} {_demand(what, place, value)}" if place else what)


def _key_at_fault(where: str, settings: type[msgspec.Struct], given: Mapping[str, Any]) -> str:
    """Return the free key whose value is unfit: msgspec does not say which it is."""
    table = where.partition(_ANY_KEY)[0].removeprefix(".")
    for key, value in given.get(table, {}).items():
        try:
            msgspec.convert({**given, table: {key: value}}, settings)
        except msgspec.ValidationError:
            return str(key)
    return ""


def named(place: Place, given: Mapping[str, Any]) -> str:
    """Name a setting as its operator knows it: rank 'Regular': xp, or else rank 2: xp. Pure."""
    if len(place) > 2 and isinstance(place[-1], int):
        return f"{named(place[:-1], given)}: item {place[-1] + 1}"
    if len(place) < 2 or not isinstance(place[1], int):
        return ".".join(map(str, place))
    (kind, index), rest = place[:2], place[2:]
    one = str(kind).removesuffix("s")
    name = _at((kind, index, "name"), given)
    if not isinstance(name, str) or not name.strip() or rest == ("name",):
        return ": ".join([f"{one} {place[1] + 1}", *map(str, rest)])
    return ": ".join([f"{one} {shown(name)}", *map(str, rest)])


def shown(value: Any) -> str:
    """Write a value that the operator gave, in one line. Pure."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping | list):
        return "a section" if isinstance(value, Mapping) else "a list"
    text = repr(value) if isinstance(value, str | int | float) else str(value)
    return text if len(text) <= VALUE_CHARS_MAX else f"{text[:VALUE_CHARS_MAX]}..."


def _at(place: Place, given: Any) -> Any:
    """Return the value at a place; None if there is none."""
    for key in place:
        try:
            given = given[key]
        except (KeyError, IndexError, TypeError):
            return None
    return given


def _demand(what: str, place: Place, value: Any) -> str:
    if found := _TYPE.fullmatch(what):
        return _other_kind(found[1], place, value)
    if found := _LENGTH.fullmatch(what):
        if found[1] == ">":
            return "must not be empty"
        return f"must have at most {found[2]} characters, not {len(value or '')}: {shown(value)}"
    if found := _BOUND.fullmatch(what):
        kind, sign, limit = found.groups()
        limit = limit.removesuffix(".0")
        return f"must be {_KINDS[kind]}, {_LIMITS[sign]} {limit}, not {shown(value)}"
    if found := _PATTERN.fullmatch(what):
        return f"must match {found[1]}, not {shown(value)}"
    return f"is unfit: {what}, not {shown(value)}"


def _other_kind(expected: str, place: Place, value: Any) -> str:
    kinds = [kind for kind in expected.split(" | ") if kind != "null"]
    wanted = f"must be {' or '.join(_KINDS.get(kind, kind) for kind in kinds)}"
    if kinds == ["array"] and isinstance(value, Mapping) and len(place) == 1:
        return f"{wanted}: write [[{place[0]}]] with two brackets"
    if not isinstance(value, str):
        return f"{wanted}, not {shown(value)}"
    is_number = {"int", "float"}.intersection(kinds) and _is_number(value)
    return f"{wanted}, not the text {shown(value)}" + (
        ": write it without quotes" if is_number or value in ("true", "false") else ""
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _unknown(
    name: str, place: Place, settings: type[msgspec.Struct], given: Mapping[str, Any]
) -> str:
    known = _settings_at(place, settings)
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(sorted(known))}"
    return f"{named((*place, shown(name).strip(chr(39))), given)} is not a setting; {hint}"


def _missing(place: Place, settings: type[msgspec.Struct], given: Mapping[str, Any]) -> str:
    here = _type_at(place, settings)
    if isinstance(here, inspect.StructType):
        return f"{named(place, given)} is missing: begin a section with [{place[-1]}]"
    if isinstance(here, inspect.VarTupleType):
        return f"{named(place, given)} is missing: begin at least one with [[{place[-1]}]]"
    return f"{named(place, given)} is missing"


def _settings_at(place: Place, settings: type[msgspec.Struct]) -> list[str]:
    """List the names that may stand at a place such as `telegram` or `ranks[0]`."""
    here = _type_at(place, settings)
    return (
        [field.encode_name for field in here.fields] if isinstance(here, inspect.StructType) else []
    )


def _choices_at(place: Place, settings: type[msgspec.Struct]) -> str:
    here = _type_at(place, settings)
    values = here.values if isinstance(here, inspect.LiteralType) else ()
    return " or ".join(repr(value) for value in values)


def _type_at(place: Place, settings: type[msgspec.Struct]) -> inspect.Type:
    here: inspect.Type = inspect.type_info(settings)
    for name in place:
        if isinstance(here, inspect.StructType):
            here = next(field.type for field in here.fields if field.encode_name == name)
        elif isinstance(here, inspect.VarTupleType):
            here = here.item_type
        elif isinstance(here, inspect.DictType):
            here = here.value_type
        if isinstance(here, inspect.UnionType):
            kinds = inspect.StructType | inspect.LiteralType
            here = next((one for one in here.types if isinstance(one, kinds)), here)
    return here
