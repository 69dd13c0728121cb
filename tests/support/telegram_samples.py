"""Samples of what Telegram sends, made from aiogram's own types; and decoding them.

`python -m tests.support.telegram_samples MODE VARIANTS` decodes samples of each update and answer
in a process of its own, after importing aiogram in the mode `quick` or `ordinary`, and prints
digests of the results as one JSON object.
"""

import contextlib
import hashlib
import json
import sys
import types
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final, Literal, Union, get_args, get_origin

#: How deep optional fields are filled in. Deeper ones only if they are required.
DEPTH_MAX: Final = 2
#: Levels of required fields: a type that needs itself ends nowhere.
NESTED_MAX: Final = 12
#: An answer that cannot be decoded, so that errors are compared as well.
NONSENSE: Final = {"ok": True, "result": {"update_id": "nonsense", "message": {"chat": 7}}}


class NoSample(Exception):
    """No value of this type can be made."""


def sample_of(kind: Any, variant: int, depth: int = 0) -> Any:
    """Make a JSON value of one of aiogram's types, with this variant of each union."""
    if depth > NESTED_MAX:
        raise NoSample
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _one_of(arguments, variant, depth)
    if origin is Literal:
        return getattr(arguments[0], "value", arguments[0])
    if origin is list:
        return [sample_of(arguments[0], variant, depth + 1)]
    if origin is dict:
        return {}
    if origin is not None:  # Annotated
        return sample_of(arguments[0], variant, depth)
    plain: dict[Any, Any] = {
        bool: True,
        int: 7,
        float: 0.5,
        str: "text",
        Any: "any",
        datetime: 1_764_385_960,
        timedelta: 60,
    }
    if kind in plain:
        return plain[kind]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return next(iter(kind)).value
    if isinstance(kind, type) and hasattr(kind, "model_fields"):
        return _object(kind, variant, depth)
    raise NoSample


def _one_of(kinds: tuple[Any, ...], variant: int, depth: int) -> Any:
    kinds = tuple(kind for kind in kinds if kind is not type(None))
    first = variant % len(kinds)
    for kind in (*kinds[first:], *kinds[:first]):
        with contextlib.suppress(NoSample):
            return sample_of(kind, variant, depth)
    raise NoSample


def _object(kind: Any, variant: int, depth: int) -> dict[str, Any]:
    kind.model_rebuild()
    made = {}
    for name, field in kind.model_fields.items():
        if not field.is_required() and depth >= DEPTH_MAX:
            if get_origin(field.annotation) is Literal:
                made[name] = sample_of(field.annotation, variant, depth + 1)
            continue
        try:
            made[field.alias or name] = sample_of(field.annotation, variant, depth + 1)
        except NoSample:
            if field.is_required():
                raise
    return made


def described(value: Any) -> Any:
    """Return the types and values of everything that was decoded."""
    if hasattr(value, "model_fields_set"):
        fields = {**dict(value), **(value.model_extra or {})}
        return [type(value).__qualname__, {name: described(one) for name, one in fields.items()},
                sorted(value.model_fields_set)]  # fmt: skip
    if isinstance(value, list | tuple):
        return [described(one) for one in value]
    if isinstance(value, dict):
        return {str(name): described(one) for name, one in value.items()}
    return f"{type(value).__name__} {value}"


def answer_kinds() -> dict[str, Any]:
    """Return what each method of the Bot API answers, each type once, by its name."""
    import aiogram.methods as methods

    kinds: dict[str, tuple[str, Any]] = {}
    for name in sorted(methods.__all__):
        returning = getattr(getattr(methods, name), "__returning__", None)
        if returning is not None and not isinstance(returning, property):
            kinds.setdefault(str(returning), (name, returning))
    return dict(kinds.values())


def decoded(variants: int) -> dict[str, str]:
    """Decode so many samples of each update and each answer; return a digest of each result.

    Each sample of a kind has another variant of every union.
    """
    from aiogram.methods import Response
    from aiogram.types import Update
    from pydantic import ValidationError

    response: Any = Response
    found: dict[str, str] = {}
    Update.model_rebuild()
    for variant in range(variants):
        for name, field in Update.model_fields.items():
            if name != "update_id":
                update = {"update_id": 1, name: sample_of(field.annotation, variant)}
                found[f"{name} {variant}"] = _digest(response[list[Update]], [update])
        for name, kind in answer_kinds().items():
            found[f"{name} {variant}"] = _digest(response[kind], sample_of(kind, variant))
    try:
        response[list[Update]].model_validate(NONSENSE)
    except ValidationError as error:
        found["nonsense"] = json.dumps(error.errors(include_url=False))
    return found


def _digest(kind: Any, result: Any) -> str:
    decoded = kind.model_validate({"ok": True, "result": result})
    told = [described(decoded), decoded.model_dump(warnings=False)]
    return hashlib.sha256(json.dumps(told, default=str).encode()).hexdigest()


def main() -> None:
    """Import aiogram in the mode that is asked for, decode, and print."""
    from config import telegram_library

    if sys.argv[1] == "quick" and not telegram_library.load():
        raise SystemExit("aiogram was not imported the quick way")
    sys.stdout.write(json.dumps(decoded(int(sys.argv[2]))))


if __name__ == "__main__":
    main()
