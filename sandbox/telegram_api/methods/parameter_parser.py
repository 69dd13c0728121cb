"""Parses the parameters of a request, and words errors as Telegram does."""

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar, get_args, get_type_hints

import msgspec

from sandbox.telegram_api.errors import ApiError, bad_request
from sandbox.telegram_api.parameters import Parameters
from sandbox.telegram_api.world.state import JSON
from sandbox.telegram_api.world.world import Upload

__all__ = ["STALE_QUERY", "read"]

P = TypeVar("P", bound=Parameters)

STALE_QUERY = "query is too old and response timeout expired or query ID is invalid"
INTEGER = re.compile(r"[+-]?\d{1,19}")
# Telegram's own messages for some parameters that are missing or invalid.
WORDING = {
    "chat_id": "chat_id is empty",
    "user_id": "invalid user_id specified",
    "text": "message text is empty",
    "message_id": "message identifier is not specified",
    "message_ids": "message identifiers are not specified",
    "action": "wrong parameter action in request",
    "callback_query_id": STALE_QUERY,
    "photo": "there is no photo in the request",
    "document": "there is no document in the request",
    "file_id": "file_id not specified",
}


def read(kind: type[P], raw: JSON, uploads: Mapping[str, Upload]) -> P:
    """Return the parameters of one call. Form values are strings; JSON bodies hold any type.

    A file is sent as the parameter that it is for, or under any name to which a parameter refers by
    attach://name. As for Telegram, an empty string counts as missing. Raises ApiError 400.
    """
    hints = _hints(kind)
    values: JSON = {}
    _check_uploads(hints, raw, uploads)
    given = raw | {name: f"attach://{name}" for name in uploads if name in hints}
    for name, value in given.items():
        if name not in hints:
            raise bad_request(f"the sandbox knows no parameter {name!r} of this method")
        if value not in ("", None):
            values[name] = _value(name, value, hints[name])
    for name in _required(kind):
        if name not in values:
            raise _missing(name)
    return kind(**values)


@cache
def _hints(kind: type[Parameters]) -> dict[str, Any]:
    return get_type_hints(kind)


@cache
def _required(kind: type[Parameters]) -> tuple[str, ...]:
    return tuple(field.name for field in msgspec.structs.fields(kind) if field.required)


def _check_uploads(hints: dict[str, Any], raw: JSON, uploads: Mapping[str, Upload]) -> None:
    for name in uploads:
        if name not in hints and not any(f"attach://{name}" in str(one) for one in raw.values()):
            raise bad_request(f"the sandbox knows no parameter {name!r} of this method")


def _value(name: str, value: Any, hint: Any) -> Any:
    kinds = _kinds(hint)
    try:
        if kinds == {int, str} and isinstance(value, str) and INTEGER.fullmatch(value):
            value = int(value)
        elif isinstance(value, str) and str not in kinds:
            value = json.loads(value)
        return msgspec.convert(value, hint)
    except (ValueError, msgspec.ValidationError) as error:
        if name in ("user_id", "chat_id"):
            raise bad_request(f"invalid {name} specified") from error
        raise bad_request(f"can't parse {name}: {error}") from error


@cache
def _kinds(hint: Any) -> frozenset[Any]:
    """Return the types of which a parameter takes one."""
    return frozenset(get_args(hint)) or frozenset({hint})


def _missing(name: str) -> ApiError:
    return bad_request(WORDING.get(name, f'parameter "{name}" is required'))
