"""MarkdownV2 and the older Markdown that bots send, parsed into text with entities."""

import re

from sandbox.telegram_api.errors import bad_request
from sandbox.telegram_api.world.state import JSON

from .found_entities import length_of, trimmed

__all__ = ["from_markdown", "from_markdown_v2"]

RESERVED = "_*[]()~`>#+-=|{}.!"
# Longer marks come first, since the shorter ones begin them.
MARKS = {
    "__": "underline",
    "||": "spoiler",
    "*": "bold",
    "_": "italic",
    "~": "strikethrough",
}
NAMES = {"*": "Bold", "_": "Italic", "__": "Underline", "~": "Strikethrough", "||": "Spoiler"}
OLD_MARKS = {"*": "bold", "_": "italic", "`": "code"}


def from_markdown_v2(source: str) -> tuple[str, list[JSON]]:
    """Return text and entities. Raises ApiError 400 "can't parse entities: ..."."""
    return trimmed(*_MarkdownV2(source).parsed())


class _MarkdownV2:
    """Reads the source from left to right; `_open` holds the marks that are not closed yet."""

    def __init__(self, source: str) -> None:
        self._source, self._at = source, 0
        self._text = ""
        self._entities: list[JSON] = []
        self._open: list[tuple[str, int, int]] = []
        self._quote: int | None = None

    def parsed(self) -> tuple[str, list[JSON]]:
        while self._at < len(self._source):
            self._step()
        self._end_quote()
        if self._open:
            mark, _, at = self._open[-1]
            name = NAMES.get(mark, "TextUrl")
            raise _unparsed(f"Can't find end of {name} entity at byte offset {self._bytes(at)}")
        return self._text, self._entities

    def _step(self) -> None:
        source, at = self._source, self._at
        character = source[at]
        if character == "\\" and source[at + 1 : at + 2] and ord(source[at + 1]) < 127:
            self._say(source[at + 1], 2)
        elif character == "`":
            self._code()
        elif character == "[" or source.startswith("![", at):
            size = 1 if character == "[" else 2
            self._open.append(("[", length_of(self._text), at))
            self._at += size
        elif character == "]" and self._open and self._open[-1][0] == "[":
            self._close_link()
        elif character == ">" and (at == 0 or source[at - 1] == "\n"):
            self._quote = length_of(self._text) if self._quote is None else self._quote
            self._at += 1
        elif mark := next((mark for mark in MARKS if source.startswith(mark, at)), None):
            self._toggle(mark)
        elif character in RESERVED:
            raise _unparsed(
                f"Character '{character}' is reserved and must be escaped with the preceding '\\'"
            )
        else:
            self._say(character, 1)
            if character == "\n" and not source.startswith(">", self._at):
                self._end_quote()

    def _say(self, text: str, size: int) -> None:
        self._text += text
        self._at += size

    def _toggle(self, mark: str) -> None:
        if self._open and self._open[-1][0] == mark:
            _, start, _ = self._open.pop()
            self._add(MARKS[mark], start)
        else:
            self._open.append((mark, length_of(self._text), self._at))
        self._at += len(mark)

    def _code(self) -> None:
        fence = "```" if self._source.startswith("```", self._at) else "`"
        begin = self._at + len(fence)
        end = begin
        while not self._source.startswith(fence, end):
            if end >= len(self._source):
                name = "Pre" if fence == "```" else "Code"
                at = self._bytes(self._at)
                raise _unparsed(f"Can't find end of {name} entity at byte offset {at}")
            end += 2 if self._source[end] == "\\" else 1
        inside, more = self._source[begin:end], {}
        if fence == "```" and (head := re.match(r"([\w+#-]*)\n", inside)):
            inside = inside[head.end() :]
            more = {"language": head.group(1)} if head.group(1) else {}
        start = length_of(self._text)
        self._text += re.sub(r"\\(.)", r"\1", inside)
        self._add("pre" if fence == "```" else "code", start, **more)
        self._at = end + len(fence)

    def _close_link(self) -> None:
        _, start, at = self._open.pop()
        self._at += 1
        if not self._source.startswith("(", self._at):
            return
        target = re.match(r"\(((?:\\.|[^\\)])*)\)", self._source[self._at :])
        if target is None:
            where = self._bytes(self._at)
            raise _unparsed(f"Can't find end of a URL at byte offset {where}")
        self._at += target.end()
        url = re.sub(r"\\(.)", r"\1", target.group(1))
        emoji = re.fullmatch(r"tg://emoji\?id=(\d+)", url)
        if self._source.startswith("![", at) and emoji:
            self._add("custom_emoji", start, custom_emoji_id=emoji.group(1))
        else:
            self._add("text_link", start, url=url)

    def _end_quote(self) -> None:
        if self._quote is not None:
            self._add("blockquote", self._quote)
            self._quote = None

    def _add(self, kind: str, start: int, **more: str) -> None:
        size = length_of(self._text) - start
        if size > 0:
            self._entities.append({"type": kind, "offset": start, "length": size, **more})

    def _bytes(self, at: int) -> int:
        return len(self._source[:at].encode())


def from_markdown(source: str) -> tuple[str, list[JSON]]:
    """Return text and entities of the older Markdown, in which nothing is nested."""
    text, entities, at = "", [], 0
    while at < len(source):
        rest = source[at:]
        if escaped := re.match(r"\\([_*`\[])", rest):
            text, at = text + escaped.group(1), at + 2
            continue
        found = (
            re.match(r"```(?:(\w+)\n)?(.*?)```", rest, re.DOTALL)
            or re.match(r"\[([^\]]*)\]\(([^)]*)\)", rest)
            or re.match(r"([*_`])([^*_`]*)\1", rest)
        )
        if found is None:
            if rest[0] in "*_`[":
                where = len(source[:at].encode())
                raise _unparsed(f"Can't find end of the entity starting at byte offset {where}")
            text, at = text + rest[0], at + 1
            continue
        words, entity = _old_entity(found)
        if words:
            entities.append(entity | {"offset": length_of(text), "length": length_of(words)})
        text, at = text + words, at + found.end()
    return trimmed(text, entities)


def _old_entity(found: re.Match[str]) -> tuple[str, JSON]:
    first, second = found.group(1), found.group(2)
    if found.group().startswith("```"):
        return second, {"type": "pre"} | ({"language": first} if first else {})
    if found.group().startswith("["):
        return first, {"type": "text_link", "url": second}
    return second, {"type": OLD_MARKS[first]}


def _unparsed(detail: str) -> Exception:
    return bad_request(f"can't parse entities: {detail}")
