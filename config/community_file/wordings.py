"""Wordings: texts that an operator writes for announcements, with {placeholders} in them."""

import string
import unicodedata
from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

#: Characters of a shown wording: ten of them and their markup fit into the 2,000 of a message on
#: Discord only if they are short, and a single one always has to.
SHOWN_CHARS_MAX: Final = 500
#: The words that may stand in braces, and how many characters the value of each has at most: names
#: are cut to 32, titles are limited by this file, and an amount has 19 digits with separators.
PLACEHOLDERS: Final = {
    "name": 32,
    "rank": 64,
    "level": 7,
    "xp": 25,
    "achievement": 64,
    "community": 64,
}


class Part(NamedTuple):
    """A piece of a wording: the words, then the placeholder behind them; None at the end."""

    words: str
    placeholder: str | None


def parts_of(wording: str) -> tuple[Part, ...]:
    """Return the pieces of a wording in which `wording_problem` finds nothing. Pure."""
    return tuple(
        Part(words, placeholder) for words, placeholder, _, _ in string.Formatter().parse(wording)
    )


def wording_problem(wording: str, allowed: Collection[str]) -> str | None:
    """Say what is wrong with a wording, and what to write. None if nothing is. Pure."""
    return next(_problems(wording, allowed), None)


def _problems(wording: str, allowed: Collection[str]) -> Iterator[str]:
    if not wording.strip():
        yield "is blank: write a text, or leave the key out for our own words"
        return
    unfit = [mark for mark in wording if unicodedata.category(mark) in ("Cc", "Cs", "Zl", "Zp")]
    if unfit:
        yield f"has {unfit[0]!a}: write it in one line, without such characters"
        return
    listed = ", ".join(f"{{{name}}}" for name in sorted(allowed))
    try:
        pieces = list(string.Formatter().parse(wording))
    except ValueError:
        yield f"has a brace without its other one: write {{{{ or }}}} for it; there are {listed}"
        return
    shown = 0
    for words, name, form, conversion in pieces:
        shown += len(words)
        if name is None:
            continue
        if name not in allowed or form or conversion:
            written = name + (f"!{conversion}" if conversion else "") + (f":{form}" if form else "")
            yield f"has {{{written}}}, which is no placeholder here: there are {listed}"
            return
        shown += PLACEHOLDERS[name]
    if shown > SHOWN_CHARS_MAX:
        yield (
            f"would show up to {shown} characters with everything filled in: at most"
            f" {SHOWN_CHARS_MAX} fit into a message with others"
        )
