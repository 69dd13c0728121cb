"""aiogram's models as an oracle: what the local Telegram sends must be what they expect."""

from typing import Any

import aiogram.methods
from aiogram.methods.base import Response, TelegramMethod
from aiogram.types import TelegramObject

__all__ = ["answer_model", "foreign_fields", "method_model"]


def method_model(name: str) -> type[TelegramMethod[Any]]:
    """Return aiogram's class of a method, by its name on the wire."""
    found: type[TelegramMethod[Any]] = getattr(aiogram.methods, name[0].upper() + name[1:])
    assert found.__api_method__ == name
    return found


def answer_model(name: str) -> Any:
    """Return the model of the whole answer to a method."""
    return Response.__class_getitem__(method_model(name).__returning__)


def foreign_fields(value: object, path: str = "result") -> list[str]:
    """Return the fields that aiogram's models do not know: they take extra ones silently."""
    if isinstance(value, list):
        return [f for i, item in enumerate(value) for f in foreign_fields(item, f"{path}[{i}]")]
    if not isinstance(value, TelegramObject):
        return []
    extra = [f"{path}.{name}" for name in value.model_extra or {}]
    return extra + [f for name, item in value for f in foreign_fields(item, f"{path}.{name}")]
