"""The section [earning.thanks]: reputation that members give each other."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Annotated, Final

import msgspec

from ..setting_error_texts import Problem

#: More words than any list needs. Each reply is compared with all of them.
WORDS_MAX: Final = 200
#: The largest amount of one thank; a larger one is a slip of the keyboard.
XP_MAX: Final = 1_000_000

ThankWord = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]

#: Words with which people thank in the languages of both bots and of their neighbours.
WORDS: Final = (
    *("thanks", "thank you", "thank u", "thx", "ty", "tysm", "+rep", "+", "++", "+1"),
    *("спасибо", "спс", "благодарю", "благодарствую", "респект", "плюс"),
    *("дякую", "дзякуй", "рахмет", "danke", "merci", "gracias", "obrigado", "obrigada"),
    *(
        "grazie",
        "dziękuję",
        "teşekkürler",
        "شكرا",
        "תודה",
        "ありがとう",
        "谢谢",
        "謝謝",
        "감사합니다",
    ),
)


class ThankSetting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Thanks by `/thanks`, and by a word in a reply."""

    enabled: bool = True
    words: tuple[ThankWord, ...] = WORDS
    """Words that thank the author of the message replied to. None: only the command thanks."""
    per_day_max: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 5
    """Thanks that one person gives in a day; each of them to another person."""
    xp: Annotated[int, msgspec.Meta(ge=0, le=XP_MAX)] = 5
    """XP for each thank that a person receives."""
    xp_per_day_max: Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)] = 50
    """XP that one person gets by thanks in a day."""
    quiet: bool = False
    """Whether a word is not answered, and the command answered to its sender alone."""


def thank_problems(thanks: ThankSetting) -> Iterator[Problem]:
    """Find words that no message can have, or that every message has. Pure."""
    if len(thanks.words) > WORDS_MAX:
        yield Problem(
            ("earning", "thanks", "words", WORDS_MAX),
            f"earning.thanks.words: at most {WORDS_MAX} are possible, found {len(thanks.words)}",
        )
    for index, word in enumerate(thanks.words):
        if not _can_be_seen(word):
            yield Problem(
                ("earning", "thanks", "words", index),
                f"earning.thanks.words: {word!r} has nothing that can be seen: leave it out",
            )
        elif re.fullmatch(r"\s*/.*", word, re.DOTALL):
            yield Problem(
                ("earning", "thanks", "words", index),
                f"earning.thanks.words: {word!r} is a command: the bots answer /thanks without it",
            )


def _can_be_seen(word: str) -> bool:
    return any(unicodedata.category(mark)[0] in "LNSP" for mark in word)
