"""Servers of another version than the sandbox: older ones lack fields, newer ones have more."""

from dataclasses import dataclass, field
from typing import Any

from sandbox.errors import SandboxError

from .errors import ApiError

__all__ = ["OBJECTS", "OtherVersion"]

# The field by which objects of each kind are known.
OBJECTS = {
    "update": "update_id",
    "message": "message_id",
    "user": "is_bot",
    "chat": "type",
    "chat_member": "status",
}


@dataclass(frozen=True, slots=True)
class OtherVersion:
    """How a server differs. `without` are fields that it does not know, wherever they stand.

    `missing_methods` are refused with 404. `extra` are fields by kind of object ("update",
    "message", "user", "chat", "chat_member"), which each such object has instead of its own.
    """

    without: frozenset[str] = frozenset()
    missing_methods: frozenset[str] = frozenset()
    extra: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if unknown := self.extra.keys() - OBJECTS.keys():
            raise SandboxError(f"extra fields are for {', '.join(OBJECTS)}, not {min(unknown)!r}")

    def check(self, method: str) -> None:
        """Refuse a method that this server does not know."""
        if method in self.missing_methods:
            raise ApiError(404, "Not Found: method not found")

    def spoken(self, value: Any) -> Any:
        """Return a JSON value as this server writes it."""
        if not self.without and not self.extra:
            return value
        if isinstance(value, list):
            return [self.spoken(item) for item in value]
        if not isinstance(value, dict):
            return value
        found = {key: self.spoken(item) for key, item in value.items() if key not in self.without}
        for kind, fields in self.extra.items():
            if OBJECTS[kind] in value:
                found |= fields
        return found
