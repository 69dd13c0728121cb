"""Codes and tokens for linking, as people type, paste and post them.

`offers` gives them out and uses them. Postgres normalises a code itself
(`twinstream.normal_code`), so a bot in any language forgives the same slips.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Final

import asyncpg

from ..platforms import Platform
from .offers import storable
from .refusals import mapped_refusals

# The numbers are those of the functions (`twinstream.link_limits`, `twinstream.make_code`).
CODE_LENGTH: Final = 10
#: Seconds for which an offer can be opened, and then confirmed.
CODE_LIFETIME_S: Final = 600
#: Wrong codes after which an account is locked out until the window ends.
FAILURES_MAX: Final = 5
#: Seconds from the first wrong code until the count begins again.
FAILURES_WINDOW_S: Final = 900
ALPHABET: Final = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
#: The prefix of a deep link's payload, and the characters of a token: 16 bytes in base64url.
TOKEN_PREFIX: Final = "link"  # noqa: S105 - no secret
TOKEN_LENGTH: Final = 22

#: Strings of one message that are tried as codes, at most. A member has one code, so a message with
#: more such strings is noise.
CANDIDATES_MAX: Final = 64

# Letters that look like Latin ones on a screen, those of Cyrillic and Greek in both cases, and the
# full-width forms. `twinstream.normal_code` has the same.
_LOOK_ALIKES: Final = str.maketrans(
    "АВЕКМНОРСТУХЗЅЈІҮавекмнорстухзѕјіүΑΒΕΖΗΙΚΜΝΟΡΤΥΧαβεζηικμνορτυχ"
    "ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺ"
    "ａｂｃｄｅｆｇｈｉｊｋｌｍｎｏｐｑｒｓｔｕｖｗｘｙｚ０１２３４５６７８９"
    "abcdefghijklmnopqrstuvwxyz",
    "ABEKMHOPCTYX3SJIYABEKMHOPCTYX3SJIYABEZHIKMNOPTYXABEZHIKMNOPTYX"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
)
_COMMAND: Final = re.compile(r"^([^A-Za-z0-9]*link|/(при|с)вязать)(@[A-Za-z0-9_]*)?", re.IGNORECASE)
_TOKEN: Final = re.compile(rf"{TOKEN_PREFIX}-([A-Za-z0-9_-]{{{TOKEN_LENGTH}}})(?![A-Za-z0-9_-])")
_WORDS: Final = re.compile(rf"(?<![A-Z0-9])[{ALPHABET}]{{{CODE_LENGTH}}}(?![A-Z0-9])")
_RUNS: Final = re.compile(rf"(?=([{ALPHABET}]{{{CODE_LENGTH}}}))")
#: Digits in two places: each code has them, and prose has not, even around a number.
_DIGITS_APART: Final = re.compile(r"[2-9][A-Z]+[2-9]")


def typed_code(text: str) -> str | None:
    """Return the code that a text consists of, as it was given out; None if it is no code. Pure.

    Letters and digits count. Spaces, case, points, dashes, backticks, characters that cannot be
    seen, a leading /link or /привязать, and the alphabet of a letter that looks like a Latin one do
    not.
    """
    code = _squeezed(_COMMAND.sub("", text))
    is_code = len(code) == CODE_LENGTH and set(code) <= set(ALPHABET)
    return code if is_code else None


def typed_token(text: str) -> str | None:
    """Return the token of the deep link in a text, also of its payload alone. Pure."""
    found = _TOKEN.search(text)
    return found and found[1]


def proofs_in(*texts: str) -> list[str]:
    """Return the strings in these texts that may be codes or tokens, at most CANDIDATES_MAX. Pure.

    Tokens and whole words come first, then pieces of longer words, then pieces that are parted by
    what does not count. Strings that `twinstream.make_code` never gives out are none.
    """
    found: dict[str, None] = {}
    for hit in _hits(texts):
        found[hit] = None
        if len(found) >= CANDIDATES_MAX:
            break
    return list(found)


async def void_codes(
    conn: asyncpg.Connection, platform: Platform, proofs: Sequence[str]
) -> list[Platform]:
    """Void the live codes and tokens among `proofs`, and leave a notice for each owner.

    `platform` is the one on which others could read them. Somebody who opens an offer at the same
    time either comes first, and it is not voided, or finds it void. Returns the platforms where
    they were given out; one that was never given out, was used or has expired adds none.

    Raises:
        Contention: another transaction was in the way; try again.
        StorageUnavailable: Postgres is away.
    """
    with mapped_refusals():
        rows = await conn.fetch(
            "SELECT * FROM twinstream.void_codes($1, $2)",
            platform,
            [storable(proof) for proof in proofs],
        )
    return [given_out_on for (given_out_on,) in rows]


def _hits(texts: Sequence[str]) -> Iterator[str]:
    for text in texts:
        yield from (hit[1] for hit in _TOKEN.finditer(text))
    latin = [text.translate(_LOOK_ALIKES) for text in texts]
    words = (hit[0] for text in latin for hit in _WORDS.finditer(text))
    pieces = (hit[1] for text in latin for hit in _RUNS.finditer(text))
    parted = (hit[1] for text in texts for hit in _RUNS.finditer(_squeezed(text)))
    yield from filter(_DIGITS_APART.search, chain(words, pieces, parted))


def _squeezed(text: str) -> str:
    """Return the letters and digits of a text, of which those that look like Latin ones are."""
    latin = text.translate(_LOOK_ALIKES)
    return "".join(mark for mark in latin if unicodedata.category(mark)[0] in "LN")
