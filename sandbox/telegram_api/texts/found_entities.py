"""Entities: those that Telegram finds in plain text, and how given ones are joined with them."""

import re

from sandbox.telegram_api.errors import bad_request
from sandbox.telegram_api.world.state import JSON

__all__ = ["checked", "entity", "found_in", "joined", "length_of", "merged", "trimmed"]

WORD_START = r"(?<![\w/@#])"
COMMAND = re.compile(r"(?<![\w/<>])/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?(?![\w/<>])")
MENTION = re.compile(WORD_START + r"@[A-Za-z0-9_]{4,32}(?!\w)")
HASHTAG = re.compile(WORD_START + r"#(?=\w*[^\W\d])\w{1,128}")
CASHTAG = re.compile(r"(?<![\w$])\$[A-Z]{1,8}(?!\w)")
EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}(?!\w)")
# Telegram knows every top-level domain; these are the ones that people write.
DOMAINS = (
    "com|org|net|edu|gov|int|info|io|me|gg|ru|dev|app|eu|de|uk|fr|cc|tv|xyz|su|by|ua|kz|ai|ly|рф"
)
URL = re.compile(
    rf"(?<![\w/@#.])(?:https?://[^\s<>/?#]+\.[^\s<>/?#]+|(?:[\w-]+\.)+(?:{DOMAINS})(?![\w-]|\.\w))"
    r"(?::\d{1,5})?(?:[/?#][^\s<>]*)?",
    re.IGNORECASE,
)
ENDING = re.compile(r"[.,:;!?'\")\]…]+$")
GIVEN = frozenset(
    {
        "bold",
        "italic",
        "underline",
        "strikethrough",
        "spoiler",
        "blockquote",
        "expandable_blockquote",
        "code",
        "pre",
        "text_link",
        "text_mention",
        "custom_emoji",
    }
)
# Telegram looks for these itself, and ignores those that a bot gives.
FOUND = frozenset(
    {"mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number", "bank_card"}
)
# These go together with any other but code, and touching ones of a kind are one.
PLAIN = frozenset({"bold", "italic", "underline", "strikethrough", "spoiler", "blockquote"})
CODE = frozenset({"code", "pre"})
# No other entity begins inside these.
CLOSED = frozenset({"code", "pre", "text_link", "text_mention", "custom_emoji"})


def length_of(text: str) -> int:
    """Return the length in UTF-16 code units, the unit of Telegram's offsets."""
    return len(text.encode("utf-16-le")) // 2


def entity(kind: str, offset: int, length: int) -> JSON:
    """MessageEntity."""
    return {"type": kind, "offset": offset, "length": length}


def found_in(text: str) -> list[JSON]:
    """Return the entities that Telegram finds in plain text, in order; none overlaps another."""
    kinds = {
        "url": URL,
        "email": EMAIL,
        "bot_command": COMMAND,
        "mention": MENTION,
        "hashtag": HASHTAG,
        "cashtag": CASHTAG,
    }
    hits: list[tuple[int, int, str]] = []
    for kind, rule in kinds.items():
        for hit in rule.finditer(text):
            end = hit.end()
            if kind == "url":
                end -= len(text[hit.start() : end]) - len(ENDING.sub("", hit.group()))
            if all(end <= start or hit.start() >= stop for start, stop, _ in hits):
                hits.append((hit.start(), end, kind))
    return [
        entity(kind, length_of(text[:start]), length_of(text[start:end]))
        for start, end, kind in sorted(hits)
    ]


def merged(text: str, given: list[JSON]) -> list[JSON]:
    """Return the given entities with those found in the text; none is found in code and links."""
    closed = [one for one in given if one["type"] in CLOSED]
    found = [one for one in found_in(text) if not _touches(one, closed)]
    return sorted([*given, *found], key=lambda one: (one["offset"], -one["length"]))


def checked(text: str, given: list[JSON]) -> list[JSON]:
    """Return the entities that a bot may give. Raises ApiError 400 for others."""
    size = length_of(text)
    for one in given:
        if one["type"] not in GIVEN | FOUND:
            raise bad_request("can't parse MessageEntity: unsupported type specified")
        if one["offset"] < 0 or one["length"] < 1 or one["offset"] + one["length"] > size:
            raise bad_request("entity beyond the end of the text")
        if one["type"] == "text_link" and not one.get("url"):
            raise bad_request("can't parse MessageEntity: Can't find field \"url\"")
        if one["type"] == "text_mention" and not isinstance(one.get("user", {}).get("id"), int):
            raise bad_request("can't parse MessageEntity: Can't find field \"user\"")
    return [one for one in given if one["type"] in GIVEN]


def joined(entities: list[JSON]) -> list[JSON]:
    """Return the entities as Telegram keeps them: joined by kind, and none in or around code."""
    code = [one for one in entities if one["type"] in CODE]
    kept = [one for one in entities if one["type"] not in PLAIN | CODE and not _touches(one, code)]
    outside: list[JSON] = []
    for kind in sorted(PLAIN):
        places: set[int] = set()
        for one in entities:
            if one["type"] == kind:
                places.update(range(one["offset"], one["offset"] + one["length"]))
        for one in code:
            places.difference_update(range(one["offset"], one["offset"] + one["length"]))
        outside += _runs(kind, sorted(places))
    return sorted([*code, *kept, *outside], key=lambda one: (one["offset"], -one["length"]))


def _touches(one: JSON, others: list[JSON]) -> bool:
    return any(
        one["offset"] < other["offset"] + other["length"]
        and other["offset"] < one["offset"] + one["length"]
        for other in others
    )


def _runs(kind: str, places: list[int]) -> list[JSON]:
    """Return an entity for each run of neighbouring places."""
    runs: list[JSON] = []
    for place in places:
        if runs and runs[-1]["offset"] + runs[-1]["length"] == place:
            runs[-1]["length"] += 1
        else:
            runs.append(entity(kind, place, 1))
    return runs


def trimmed(text: str, entities: list[JSON]) -> tuple[str, list[JSON]]:
    """Return the text without surrounding whitespace, and the entities moved along."""
    kept = text.strip()
    cut, size = length_of(text) - length_of(text.lstrip()), length_of(kept)
    moved = []
    for one in sorted(entities, key=lambda found: (found["offset"], -found["length"])):
        start = max(0, one["offset"] - cut)
        end = min(size, one["offset"] - cut + one["length"])
        if end > start:
            moved.append(one | {"offset": start, "length": end - start})
    return kept, moved
