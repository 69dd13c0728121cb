"""Keyboards below messages and in place of a person's own: validation of their buttons."""

from typing import Any, Literal

import msgspec

from sandbox.telegram_api.errors import bad_request
from sandbox.telegram_api.parameters import Nested
from sandbox.telegram_api.world.state import JSON

from .links import LinkError, checked_link

__all__ = ["inline_only", "offers", "read_keyboard", "reply_buttons"]

CALLBACK_DATA_BYTES_MAX = 64
BUTTONS_MAX = 100
REPLY_BUTTONS_MAX = 300
COPY_TEXT_LENGTH_MAX = 256
PLACEHOLDER_LENGTH_MAX = 64
STYLES = frozenset({None, "danger", "success", "primary"})


class WebAppInfo(Nested):
    url: str


class CopyTextButton(Nested):
    text: str


class InlineKeyboardButton(Nested):
    text: str
    callback_data: str | None = None
    url: str | None = None
    web_app: WebAppInfo | None = None
    copy_text: CopyTextButton | None = None
    style: str | None = None
    icon_custom_emoji_id: str | None = None
    hide: Literal[False] = False  # telegraf sends it; Telegram ignores it, as every unknown field


class InlineKeyboardMarkup(Nested):
    inline_keyboard: list[list[InlineKeyboardButton]]


class KeyboardButton(Nested):
    text: str
    request_contact: bool = False
    request_location: bool = False
    web_app: WebAppInfo | None = None
    style: str | None = None
    icon_custom_emoji_id: str | None = None
    hide: Literal[False] = False


class ReplyKeyboardMarkup(Nested):
    keyboard: list[list[KeyboardButton | str]]
    is_persistent: bool = False
    resize_keyboard: bool = False
    one_time_keyboard: bool = False
    input_field_placeholder: str | None = None
    selective: bool = False


class ReplyKeyboardRemove(Nested):
    remove_keyboard: bool
    selective: bool = False


class ForceReply(Nested):
    force_reply: bool
    input_field_placeholder: str | None = None
    selective: bool = False


KINDS: dict[str, type[Nested]] = {
    "inline_keyboard": InlineKeyboardMarkup,
    "keyboard": ReplyKeyboardMarkup,
    "remove_keyboard": ReplyKeyboardRemove,
    "force_reply": ForceReply,
}


def read_keyboard(markup: JSON | None, *, private: bool) -> JSON | None:
    """Return the markup of a message, or None without buttons. Raises ApiError 400.

    `private` says whether it goes to a private chat, where alone some buttons are allowed.
    """
    if markup is None:
        return None
    kind = next((kind for key, kind in KINDS.items() if key in markup), None)
    if kind is None:
        raise bad_request("can't parse reply_markup: object expected as reply markup")
    try:
        read = msgspec.convert(markup, kind)
    except msgspec.ValidationError as error:
        raise bad_request(f"can't parse reply_markup: {error}") from error
    match read:
        case InlineKeyboardMarkup():
            return _inline(read, private=private)
        case ReplyKeyboardMarkup():
            _check_reply_keyboard(read, private=private)
        case ReplyKeyboardRemove() | ForceReply():
            if not next(iter(markup.values())):
                raise bad_request(f"can't parse reply_markup: {next(iter(markup))} must be true")
    _check_placeholder(getattr(read, "input_field_placeholder", None))
    built: JSON = msgspec.to_builtins(read)
    return built


def inline_only(markup: JSON | None, *, private: bool) -> JSON | None:
    """Return the inline keyboard for an edited message; it can have no other one."""
    if markup is not None and "inline_keyboard" not in markup:
        raise bad_request("inline keyboard expected")
    return read_keyboard(markup, private=private)


def _inline(markup: InlineKeyboardMarkup, *, private: bool) -> JSON | None:
    rows = [row for row in markup.inline_keyboard if row]
    if sum(map(len, rows)) > BUTTONS_MAX:
        raise bad_request("REPLY_MARKUP_TOO_LONG")
    keyboard = [[_checked(button, private=private) for button in row] for row in rows]
    return {"inline_keyboard": keyboard} if rows else None


def _checked(button: InlineKeyboardButton, *, private: bool) -> JSON:
    if not button.text.strip():
        raise bad_request("can't parse inline keyboard button: Text buttons must not be empty")
    _check_style(button.style)
    built: JSON = msgspec.to_builtins(button)
    actions = built.keys() & {"callback_data", "url", "web_app", "copy_text"}
    if len(actions) != 1:
        raise bad_request(
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"
        )
    if button.callback_data is not None:
        if not 1 <= len(button.callback_data.encode()) <= CALLBACK_DATA_BYTES_MAX:
            raise bad_request("BUTTON_DATA_INVALID")
    elif button.copy_text is not None:
        if not 1 <= len(button.copy_text.text) <= COPY_TEXT_LENGTH_MAX:
            raise bad_request("BUTTON_COPY_TEXT_INVALID")
    elif button.web_app is not None:
        built["web_app"] = _checked_web_app(button.web_app, "inline keyboard", private=private)
    else:
        built["url"] = _address(f"inline keyboard button URL '{button.url}'", button.url or "")
    return built


def _checked_web_app(app: WebAppInfo, place: str, *, private: bool) -> JSON:
    if not private:
        raise bad_request("BUTTON_TYPE_INVALID")
    subject = f"{place} button Web App URL '{app.url}'"
    url = _address(subject, app.url)
    if not url.startswith("https://"):
        raise bad_request(f"{subject} is invalid: Only HTTPS links are allowed")
    return {"url": url}


def _address(subject: str, url: str) -> str:
    try:
        return checked_link(url)
    except LinkError as error:
        raise bad_request(f"{subject} is invalid: {error}") from error


def _check_style(style: str | None) -> None:
    if style not in STYLES:
        raise bad_request("invalid button style specified")


def _check_reply_keyboard(markup: ReplyKeyboardMarkup, *, private: bool) -> None:
    buttons = [button for row in markup.keyboard for button in row]
    if not buttons:
        raise bad_request("can't parse reply_markup: keyboard must be non-empty")
    if len(buttons) > REPLY_BUTTONS_MAX:
        raise bad_request("REPLY_MARKUP_TOO_LONG")
    for button in buttons:
        if isinstance(button, str):
            button = KeyboardButton(text=button)  # noqa: PLW2901 - the short form of the same
        if not button.text.strip():
            raise bad_request("can't parse keyboard button: text must be non-empty")
        _check_style(button.style)
        if sum((button.request_contact, button.request_location, button.web_app is not None)) > 1:
            raise bad_request("can't parse keyboard button: it can have one action only")
        if not private and button.request_contact:
            raise bad_request("phone number can be requested in private chats only")
        if not private and button.request_location:
            raise bad_request("location can be requested in private chats only")
        if button.web_app is not None:
            _checked_web_app(button.web_app, "keyboard", private=private)


def _check_placeholder(placeholder: str | None) -> None:
    if placeholder is not None and not 1 <= len(placeholder) <= PLACEHOLDER_LENGTH_MAX:
        raise bad_request("can't parse reply_markup: input field placeholder is 1 to 64 characters")


def reply_buttons(keyboard: JSON) -> list[JSON]:
    """Return the buttons of a reply keyboard, one after another."""
    return [
        {"text": button} if isinstance(button, str) else button
        for row in keyboard.get("keyboard", [])
        for button in row
    ]


def offers(message: JSON, data: str) -> bool:
    """Tell whether a message has a button with this callback data."""
    rows: list[list[dict[str, Any]]] = message.get("reply_markup", {}).get("inline_keyboard", [])
    return any(button.get("callback_data") == data for row in rows for button in row)
