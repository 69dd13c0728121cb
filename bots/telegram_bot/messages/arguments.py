"""Reading a command's argument from a message: its text, or the message that it replies to."""

from collections.abc import Sequence
from typing import Final

from aiogram.enums import MessageEntityType
from aiogram.types import Message, MessageEntity, User

from bots.features.command import (
    Flag,
    Form,
    FormParameter,
    MemberParameter,
    NumberParameter,
    Parameter,
    Target,
    TargetKind,
    TextParameter,
    Unclear,
)
from bots.telegram_bot.group.membership import Membership, Standing

from .authors import Author, author_of

#: Digits of a number that a member may write: no range of a command needs more.
NUMBER_DIGITS_MAX = 9
#: Digits of an account id: any 18 digits fit into a bigint, and Telegram's ids have at most 16.
ACCOUNT_ID_DIGITS_MAX = 18

#: The places in the group, as rooms know them. A muted member is one.
_KINDS: Final = {
    Standing.INSIDE: TargetKind.MEMBER,
    Standing.MUTED: TargetKind.MEMBER,
    Standing.OUTSIDE: TargetKind.OUTSIDE,
    Standing.UNKNOWN: TargetKind.UNKNOWN,
}


def argument_of(
    message: Message, text: str, parameter: Parameter | None
) -> int | str | Target | Unclear | None:
    """Return the argument of a command with this text after its name; None for none. Pure."""
    match parameter:
        case None | FormParameter():
            return None  # an administrator's form is read once the asker is known to be one
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


async def form_of(message: Message, text: str, membership: Membership) -> Form:
    """Read the member and the other words of a form. Telegram is asked about the member."""
    assert message.bot is not None
    named, words = _named_account(message, text)
    if named is None:
        return Form(None, TargetKind.UNKNOWN, {}, words)
    if isinstance(named, User) and named.is_bot:
        return Form(Target(named.id, named.full_name), TargetKind.BOT, {}, words)
    account_id = named.id if isinstance(named, User) else named.account_id
    standing, user = await membership.look_up(message.bot, account_id)
    if user is None:
        name = named.full_name if isinstance(named, User) else None
        return Form(Target(account_id, name), _KINDS[standing], {}, words)
    kind = TargetKind.BOT if user.is_bot else _KINDS[standing]
    return Form(Target(account_id, user.full_name), kind, {}, words)


def _named_account(message: Message, text: str) -> tuple[User | Target | None, str]:
    """Return the account that a form names, and the words after it. Pure.

    A mention of a person without a user name carries the person; a number is looked up; else the
    message that the command replies to decides. Telegram does not tell bots who an @name is.
    """
    words = text.split(maxsplit=1)
    for entity in message.entities or ():
        if entity.type == MessageEntityType.TEXT_MENTION and entity.user is not None:
            mention = entity.extract_from(message.text or "")
            if text.startswith(mention):
                return entity.user, text.removeprefix(mention).strip()
    quoted = message.reply_to_message
    if quoted is not None and not _opens_topic(quoted, message) and quoted.from_user is not None:
        return quoted.from_user, text  # may be a bot, which gets nothing
    if words and _is_number(words[0].removeprefix("#"), ACCOUNT_ID_DIGITS_MAX):
        return Target(int(words[0].removeprefix("#"))), "".join(words[1:])
    return None, text


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
