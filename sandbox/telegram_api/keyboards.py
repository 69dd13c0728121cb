"""Inline keyboards: validation of their buttons."""

from urllib.parse import urlsplit

import msgspec

from .errors import bad_request
from .parameters import InlineKeyboardButton, InlineKeyboardMarkup
from .state import JSON

__all__ = ["checked_keyboard", "offers"]

CALLBACK_DATA_BYTES_MAX = 64
BUTTONS_MAX = 100
SCHEMES = frozenset({"http", "https", "tg"})


def checked_keyboard(markup: InlineKeyboardMarkup | None) -> JSON | None:
    """Return the keyboard of a message, or None without buttons. Raises ApiError 400."""
    if markup is None:
        return None
    rows = [row for row in markup.inline_keyboard if row]
    if sum(map(len, rows)) > BUTTONS_MAX:
        raise bad_request("REPLY_MARKUP_TOO_LONG")
    for row in rows:
        for button in row:
            _check(button)
    return {"inline_keyboard": [msgspec.to_builtins(row) for row in rows]} if rows else None


def _check(button: InlineKeyboardButton) -> None:
    if not button.text.strip():
        raise bad_request("can't parse inline keyboard button: Text buttons must not be empty")
    if (button.callback_data is None) == (button.url is None):
        raise bad_request(
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"
        )
    if button.callback_data is not None:
        if not 1 <= len(button.callback_data.encode()) <= CALLBACK_DATA_BYTES_MAX:
            raise bad_request("BUTTON_DATA_INVALID")
    elif urlsplit(button.url or "").scheme not in SCHEMES:
        raise bad_request(
            f"inline keyboard button URL '{button.url}' is invalid: Unsupported URL protocol"
        )


def offers(message: JSON, data: str) -> bool:
    """Tell whether a message has a button with this callback data."""
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return any(button.get("callback_data") == data for row in rows for button in row)
