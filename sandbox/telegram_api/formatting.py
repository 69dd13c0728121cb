"""Text with entities: parses the HTML that bots send, and finds entities in plain text."""

import html
import re
from collections.abc import Iterator

from .errors import bad_request
from .state import JSON

__all__ = ["found_in", "from_html", "length_of"]

SIMPLE_TAGS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "code": "code",
    "pre": "pre",
}
TOKEN = re.compile(r"<(/?)([^\s<>/]*)([^<>]*)>|<|&(?:lt|gt|amp|quot|#\d+|#x[0-9a-fA-F]+);|[^<&]+|&")
ATTRIBUTE = re.compile(r"""([\w-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?""")
WORD_START = r"(?<![\w/@#])"
COMMAND = re.compile(WORD_START + r"/[A-Za-z0-9_]{1,32}(?:@[A-Za-z0-9_]{3,32})?(?!\w)")
MENTION = re.compile(WORD_START + r"@[A-Za-z0-9_]{4,32}(?!\w)")
HASHTAG = re.compile(WORD_START + r"#\w{1,128}")
URL = re.compile(WORD_START + r"https?://[^\s<>]+")


def length_of(text: str) -> int:
    """Return the length in UTF-16 code units, the unit of Telegram's offsets."""
    return len(text.encode("utf-16-le")) // 2


def found_in(text: str) -> list[JSON]:
    """Return the entities that Telegram finds in plain text, in order."""
    kinds = {"bot_command": COMMAND, "mention": MENTION, "hashtag": HASHTAG, "url": URL}
    hits = [(kind, hit) for kind, rule in kinds.items() for hit in rule.finditer(text)]
    return [
        _entity(kind, length_of(text[: hit.start()]), length_of(hit.group()))
        for kind, hit in sorted(hits, key=lambda found: found[1].start())
    ]


def from_html(source: str) -> tuple[str, list[JSON]]:
    """Return the text, without surrounding whitespace, and the entities of Telegram's HTML.

    Raises ApiError 400 "can't parse entities: ..." where Telegram does.
    """
    text, entities = "", []
    unclosed: list[tuple[str, int, JSON]] = []
    for token, offset in _tokens(source):
        if not token.group().startswith("<"):
            text += html.unescape(token.group())
        elif token.group() == "<":
            raise _unopened(source[token.end() :], offset)
        elif not token.group(1):
            opened = _opened(token, offset, [name for name, _, _ in unclosed])
            unclosed.append((token.group(2).lower(), length_of(text), opened))
        else:
            start, entity = _closed(token, offset, unclosed)
            if length_of(text) > start:
                size = length_of(text) - start
                entities.append(entity | {"offset": start, "length": size})
    if unclosed:
        raise _unparsed(f'Can\'t find end tag corresponding to start tag "{unclosed[-1][0]}"')
    return _trimmed(text, [entity for entity in entities if entity["type"] != "none"])


def _tokens(source: str) -> Iterator[tuple[re.Match[str], int]]:
    for token in TOKEN.finditer(source):
        yield token, len(source[: token.start()].encode())


def _unopened(rest: str, offset: int) -> Exception:
    name = re.split(r"[\s<>]", rest, maxsplit=1)[0].lower()
    if name == rest.lower() or name in SIMPLE_TAGS:
        return _unparsed(f"Unclosed start tag at byte offset {offset}")
    return _unparsed(f'Unsupported start tag "{name}" at byte offset {offset}')


def _opened(token: re.Match[str], offset: int, around: list[str]) -> JSON:
    name = token.group(2).lower()
    attributes = {
        key.lower(): html.unescape(double or single or bare)
        for key, double, single, bare in ATTRIBUTE.findall(token.group(3))
    }
    if name == "code" and around[-1:] == ["pre"]:
        return {"type": "none"}
    if name in SIMPLE_TAGS:
        return {"type": SIMPLE_TAGS[name]}
    if name == "a":
        url = attributes.get("href", "")
        return {"type": "text_link", "url": url} if url else {"type": "none"}
    if name == "span" and attributes.get("class") == "tg-spoiler":
        return {"type": "spoiler"}
    if name == "span":
        raise _unparsed(f'Tag "span" must have class "tg-spoiler" at byte offset {offset}')
    if name == "blockquote":
        return {"type": "expandable_blockquote" if "expandable" in attributes else "blockquote"}
    if name == "tg-emoji" and attributes.get("emoji-id", "").isdecimal():
        return {"type": "custom_emoji", "custom_emoji_id": attributes["emoji-id"]}
    raise _unparsed(f'Unsupported start tag "{name}" at byte offset {offset}')


def _closed(
    token: re.Match[str], offset: int, unclosed: list[tuple[str, int, JSON]]
) -> tuple[int, JSON]:
    name = token.group(2).lower()
    if not unclosed:
        raise _unparsed(f"Unexpected end tag at byte offset {offset}")
    expected, start, entity = unclosed.pop()
    if name not in ("", expected):
        raise _unparsed(
            f"Unmatched end tag at byte offset {offset}, "
            f'expected "</{expected}>", found "</{name}>"'
        )
    return start, entity


def _trimmed(text: str, entities: list[JSON]) -> tuple[str, list[JSON]]:
    kept = text.strip()
    cut, size = length_of(text) - length_of(text.lstrip()), length_of(kept)
    moved = []
    for entity in sorted(entities, key=lambda found: (found["offset"], -found["length"])):
        start = max(0, entity["offset"] - cut)
        end = min(size, entity["offset"] - cut + entity["length"])
        if end > start:
            moved.append(entity | {"offset": start, "length": end - start})
    return kept, moved


def _entity(kind: str, offset: int, length: int) -> JSON:
    return {"type": kind, "offset": offset, "length": length}


def _unparsed(detail: str) -> Exception:
    return bad_request(f"can't parse entities: {detail}")
