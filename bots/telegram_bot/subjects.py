"""Whom a member asks about: the sender of the message they reply to, or the account they name."""

import enum

from aiogram.types import Message

from bots.commands import Subject

from .senders import Sender, sender_of

_ACCOUNT_ID_DIGITS_MAX = 18


class Unclear(enum.Enum):
    """Why it cannot be told whom somebody asks about."""

    WHOM = "whom"


def whom(message: Message, argument: str) -> Subject | Unclear | None:
    """Return whom /why asks about; None for the asker themselves. Pure.

    A reply to a bot is none to a member: people answer its messages to go on talking with it.
    """
    argument = argument.strip()
    if argument:
        is_number = argument.isascii() and argument.isdecimal()
        if not is_number or len(argument) > _ACCOUNT_ID_DIGITS_MAX:
            return Unclear.WHOM
        return Subject(int(argument))
    quoted = message.reply_to_message
    if quoted is None or sender_of(quoted) is not Sender.MEMBER:
        return None
    assert quoted.from_user is not None
    return Subject(quoted.from_user.id, quoted.from_user.full_name)
