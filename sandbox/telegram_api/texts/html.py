"""The HTML that bots send, parsed into text with entities."""

import html
import re
from collections.abc import Iterator

from sandbox.telegram_api.errors import bad_request
from sandbox.telegram_api.world.state import JSON

from .found_entities import length_of, trimmed

__all__ = ["from_html"]

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
LANGUAGE = "language-"


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
            size = length_of(text) - start
            if size > 0:
                entities.append(entity | {"offset": start, "length": size})
    if unclosed:
        raise _unparsed(f'Can\'t find end tag corresponding to start tag "{unclosed[-1][0]}"')
    return trimmed(text, _with_languages(entities))


def _with_languages(entities: list[JSON]) -> list[JSON]:
    """Give a block of code the language of the code that fills it; remove what is no entity."""
    languages = {
        (entity["offset"], entity["length"]): entity["language"]
        for entity in entities
        if entity["type"] == "none" and entity.get("language")
    }
    kept = [entity for entity in entities if entity["type"] != "none"]
    for entity in kept:
        language = languages.get((entity["offset"], entity["length"]))
        if entity["type"] == "pre" and language:
            entity["language"] = language
    return kept


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
        named = attributes.get("class", "")
        language = named.removeprefix(LANGUAGE) if named.startswith(LANGUAGE) else ""
        return {"type": "none", "language": language}
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


def _unparsed(detail: str) -> Exception:
    return bad_request(f"can't parse entities: {detail}")
