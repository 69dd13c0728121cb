"""Buttons under an answer, the same on both platforms, and what a pressed one carries.

A button that acts carries its action, the account that may press it, and a value of the room's, in
Telegram's `callback_data` and in Discord's `custom_id`. No process remembers a button, so it works
after a restart, too.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

#: Bytes of UTF-8 that an action and its value may have together. Telegram's `callback_data` holds
#: 64; two separators and the account take up to 15 of them.
DATA_BYTES_MAX: Final = 49
#: Characters of a label: Discord takes 80, and a phone shows fewer than half of them.
LABEL_CHARS_MAX: Final = 80
#: Characters that a copy button may hold: Telegram's limit.
COPIED_CHARS_MAX: Final = 256
_SEPARATOR: Final = ":"
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
#: Digits of the largest account id in base 36.
_ACCOUNT_DIGITS_MAX: Final = 13


@dataclass(frozen=True, slots=True)
class PressButton:
    """A button that acts: the `Press` with this action gets the value.

    Only the account that the message was for may press it.
    """

    label: str
    action: str
    value: str = ""

    def __post_init__(self) -> None:
        _check_label(self.label)
        if not self.action or _SEPARATOR in self.action:
            raise ValueError(f"an action is a word without {_SEPARATOR!r}, not {self.action!r}")
        size = len(f"{self.action}{self.value}".encode())
        if size > DATA_BYTES_MAX:
            raise ValueError(
                f"the action {self.action!r} and its value have {size} bytes, and a button holds"
                f" {DATA_BYTES_MAX}"
            )


@dataclass(frozen=True, slots=True)
class LinkButton:
    """A button that opens an address."""

    label: str
    url: str

    def __post_init__(self) -> None:
        _check_label(self.label)


@dataclass(frozen=True, slots=True)
class CopyButton:
    """A button that copies a text. Discord has none, so it shows the text as a block to copy."""

    label: str
    text: str

    def __post_init__(self) -> None:
        _check_label(self.label)
        if not 1 <= len(self.text) <= COPIED_CHARS_MAX:
            raise ValueError(f"a copy button holds 1 to {COPIED_CHARS_MAX} characters")


Button = PressButton | LinkButton | CopyButton
Rows = tuple[tuple[Button, ...], ...]


class PressedData(NamedTuple):
    """The contents of a button that acts, as the platform hands them back."""

    action: str
    account_id: int
    """The account that the message was for."""
    value: str


def data_of(button: PressButton, account_id: int) -> str:
    """Return what a platform stores in the button of a message for this account. Pure."""
    return _SEPARATOR.join((button.action, base36(account_id), button.value))


def data_in(rows: Rows, account_id: int) -> Iterator[str]:
    """Yield what a platform stores in each button that acts. Pure."""
    for row in rows:
        yield from (data_of(one, account_id) for one in row if isinstance(one, PressButton))


def read_data(data: str | None) -> PressedData | None:
    """Return the contents of a pressed button; None if it is none of this release's. Pure."""
    action, _, rest = (data or "").partition(_SEPARATOR)
    account, separator, value = rest.partition(_SEPARATOR)
    is_number = 0 < len(account) <= _ACCOUNT_DIGITS_MAX and set(account) <= set(_DIGITS)
    if not action or not separator or not is_number:
        return None
    return PressedData(action, int(account, 36), value)


def _check_label(label: str) -> None:
    if not 1 <= len(label) <= LABEL_CHARS_MAX:
        raise ValueError(f"a button's label has 1 to {LABEL_CHARS_MAX} characters, not {label!r}")


def base36(number: int) -> str:
    """Return a number that is not negative, in digits and small letters. Pure."""
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits or "0"
