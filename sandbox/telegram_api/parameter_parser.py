"""Parses the parameters of a request, and words errors as Telegram does."""

import json
import re
from typing import Any, TypeVar, get_args, get_type_hints

import msgspec

from .errors import ApiError, bad_request
from .parameters import Parameters
from .state import JSON

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
}


def read(kind: type[P], raw: JSON) -> P:
    """Return the parameters of one call. Form values are strings; JSON bodies hold any type.

    As for Telegram, an empty string counts as missing. Raises ApiError 400.
    """
    hints = get_type_hints(kind)
    values: JSON = {}
    for name, value in raw.items():
        if name not in hints:
            raise bad_request(f"the sandbox knows no parameter {name!r} of this method")
        if value not in ("", None):
            values[name] = _value(name, value, hints[name])
    for field in msgspec.structs.fields(kind):
        if field.required and field.name not in values:
            raise _missing(field.name)
    return kind(**values)


def _value(name: str, value: Any, hint: Any) -> Any:
    kinds = set(get_args(hint)) or {hint}
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


def _missing(name: str) -> ApiError:
    return bad_request(WORDING.get(name, f'parameter "{name}" is required'))
