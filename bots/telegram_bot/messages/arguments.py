"""Reading a command's argument from a message: its text, or the message that it replies to."""

from collections.abc import Sequence

from aiogram.enums import MessageEntityType
from aiogram.types import Message, MessageEntity

from bots.features.command import (
    Flag,
    MemberParameter,
    NumberParameter,
    Parameter,
    Target,
    TextParameter,
    Unclear,
)

from .authors import Author, author_of

#: Digits of a number that a member may write: no range of a command needs more.
NUMBER_DIGITS_MAX = 9
#: Digits of an account id: any 18 digits fit into a bigint, and Telegram's ids have at most 16.
ACCOUNT_ID_DIGITS_MAX = 18


def argument_of(
    message: Message, text: str, parameter: Parameter | None
) -> int | str | Target | Unclear | None:
    """Return the argument of a command with this text after its name; None for none. Pure."""
    match parameter:
        case None:
            return None
        case TextParameter():
            return text or None
        case NumberParameter():
            return _number(text.strip())
        case MemberParameter():
            return _target(message, text.strip())


def without_flag(text: str, flag: Flag | None) -> tuple[str, bool]:
    """Return the text after a command's name without the words of the flag, and whether it had one.

    Pure.
    """
    if flag is None:
        return text, False
    words = text.split()
    kept = [word for word in words if word.lower() not in flag.words]
    return (text, False) if len(kept) == len(words) else (" ".join(kept), True)


def _number(text: str) -> int | Unclear | None:
    if not text:
        return None
    return int(text) if _is_number(text, NUMBER_DIGITS_MAX) else Unclear.ARGUMENT


def _target(message: Message, text: str) -> Target | Unclear | None:
    """Return the account that the text names, or the author of the message replied to.

    A reply to a bot names nobody: members answer the bot's messages to go on talking with it. In a
    topic of a forum every message "replies" to the one that opened the topic. A name that begins
    with @ names no account: Telegram tells a bot whose it is only where the person has none.
    """
    if text and (mentioned := _mentioned(message.entities or ())):
        return mentioned
    if text:
        is_account_id = _is_number(text, ACCOUNT_ID_DIGITS_MAX)
        return Target(int(text)) if is_account_id else Unclear.ARGUMENT
    return replied_to(message)


def _mentioned(entities: Sequence[MessageEntity]) -> Target | None:
    for one in entities:
        if one.type == MessageEntityType.TEXT_MENTION and one.user is not None:
            return Target(one.user.id, one.user.full_name, one.user.is_bot)
    return None


def replies_to_nameless(message: Message) -> bool:
    """Tell whether a message replies to one in the name of a group or a channel."""
    quoted = message.reply_to_message
    if quoted is None or _opens_topic(quoted, message):
        return False
    return author_of(quoted) in (Author.ANONYMOUS_ADMIN, Author.CHANNEL)


def replied_to(message: Message) -> Target | None:
    """Return the member whose message this one replies to; None if it replies to no member's."""
    quoted = message.reply_to_message
    if quoted is None or _opens_topic(quoted, message) or author_of(quoted) is not Author.MEMBER:
        return None
    assert quoted.from_user is not None
    return Target(quoted.from_user.id, quoted.from_user.full_name)


def _opens_topic(quoted: Message, message: Message) -> bool:
    is_first = bool(message.is_topic_message) and quoted.message_id == message.message_thread_id
    return is_first or quoted.forum_topic_created is not None


def _is_number(text: str, digits_max: int) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= digits_max
