"""Telegram's refusals: for whom each holds, and when to look again."""

import contextlib
from collections.abc import Iterable, Iterator

from aiogram.exceptions import (
    AiogramError,
    TelegramBadRequest,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramRetryAfter,
    TelegramUnauthorizedError,
)

from config.telegram_answer_decoding import UnreadableAnswer
from consumers.display.port import CannotShow
from db import surfaces

#: The bot re-checks this often whether a member still is an administrator: Telegram may report no
#: demotion.
UNTAGGABLE_RETRY_S = 24 * 3_600.0
#: A refusal of one member lasts until an administrator acts, which takes minutes.
REFUSED_RETRY_S = 300.0
#: A refusal of everything lasts until an operator acts, who then wants to see that it helped.
MENDED_RETRY_S = 10.0
#: Troubles of Telegram's own, and of the network, mostly end within seconds.
TROUBLE_RETRY_S = 10.0

# Phrases in the messages of refusals, in lower case.
ABSENT = ("user not found", "member not found", "user_not_participant", "participant_id_invalid")
UNTAGGABLE = ("chat_creator_required",)
POWERLESS = ("not enough rights", "chat_admin_required", "chat not found", "need administrator")
GRANT_RIGHTS = (
    "open the group's administrators, make the bot one of them, and switch on the right"
    " Edit Member Tags"
)
WHY_UNTAGGABLE = (
    "is an administrator whom somebody else promoted, and Telegram lets the bot give those neither"
    " a tag nor a title"
)
WHY_TITLE_STAYS = "is an administrator whose title Telegram does not let the bot change"


def absent() -> CannotShow:
    """Say that a member is not in the group. Pure."""
    return CannotShow(
        "is not in the Telegram group", retry_s=REFUSED_RETRY_S, cause=surfaces.ABSENT
    )


def untaggable(why: str) -> CannotShow:
    """Say that the bot can give this administrator neither a tag nor a title. Pure."""
    return CannotShow(why, retry_s=UNTAGGABLE_RETRY_S, cause=surfaces.EXEMPT)


def obstacle(error: Exception) -> CannotShow:
    """Say for whom Telegram's refusal holds, and when to look again. Pure."""
    if isinstance(error, TelegramRetryAfter):
        return CannotShow("Telegram asks to wait", retry_s=float(error.retry_after), everyone=True)
    if isinstance(error, UnreadableAnswer) and error.was_done:
        # Nothing is known of this member until their status in the group, or aiogram, changes.
        return CannotShow(str(error), retry_s=REFUSED_RETRY_S, cause=surfaces.EXEMPT)
    if isinstance(error, TelegramUnauthorizedError):
        return CannotShow(
            "Telegram refuses TELEGRAM_TOKEN: was it revoked?",
            retry_s=MENDED_RETRY_S,
            everyone=True,
        )
    if isinstance(error, TelegramMigrateToChat):
        return CannotShow(
            "the Telegram group became a supergroup: set chat_id in twinstream.toml to"
            f" {error.migrate_to_chat_id}",
            retry_s=MENDED_RETRY_S,
            everyone=True,
        )
    if isinstance(error, TelegramBadRequest) and _says(error, ABSENT):
        return absent()
    if isinstance(error, TelegramBadRequest) and _says(error, UNTAGGABLE):
        return untaggable(WHY_UNTAGGABLE)
    if isinstance(error, TelegramForbiddenError) or (
        isinstance(error, TelegramBadRequest) and _says(error, POWERLESS)
    ):
        return CannotShow(
            f"Telegram forbids it ({error.message}): {GRANT_RIGHTS}, and check chat_id in"
            " twinstream.toml",
            retry_s=MENDED_RETRY_S,
            everyone=True,
        )
    if isinstance(error, TelegramBadRequest):
        return CannotShow(f"Telegram refuses it ({error.message})", retry_s=REFUSED_RETRY_S)
    return CannotShow(
        f"Telegram is in trouble ({type(error).__name__}: {error})",
        retry_s=TROUBLE_RETRY_S,
        everyone=True,
    )


def _says(error: TelegramBadRequest, phrases: Iterable[str]) -> bool:
    """Tell a cause by its wording: Telegram has no error codes."""
    return any(phrase in error.message.lower() for phrase in phrases)


@contextlib.contextmanager
def mapped_errors() -> Iterator[None]:
    """Raise CannotShow for every error of aiogram."""
    try:
        yield
    except (AiogramError, OSError) as error:
        raise obstacle(error) from error
