"""Reading the file: its encoding and its form, with one sentence for each mistake in them."""

import os
import re
import tomllib
from pathlib import Path
from typing import Any, Final, NamedTuple

from ..errors import ConfigError
from .places import Place, line_of

EXAMPLE: Final = "twinstream.example.toml"
#: Sections that may stand several times, each with two brackets.
LISTS: Final = ("ranks", "achievements")
#: Characters of a line that an error shows.
LINE_CHARS_MAX: Final = 80

_AT: Final = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
_ONE_BRACKET: Final = re.compile(rf"\s*\[\s*({'|'.join(LISTS)})\s*\]")
#: Quotes as word processors and chats write them; TOML knows straight ones only.
_TYPED_QUOTES: Final = re.compile("[\u201c\u201d\u201e\u201f\u00ab\u00bb\u2018\u2019\u201a\u2033]")
_BYTE_ORDERS: Final = (b"\xff\xfe", b"\xfe\xff")


class Document(NamedTuple):
    """The file's text and its values."""

    path: Path
    text: str
    values: dict[str, Any]

    def told(self, place: Place, problem: str) -> str:
        """Begin a sentence about a value with the file and the line."""
        line = line_of(self.text, place)
        return f"{_at(self.path, line)}: {problem}"


def read(path: Path) -> Document:
    """Read the file.

    Raises:
        ConfigError: the file is missing, empty, no text in UTF-8, or no TOML; says what to do.
    """
    text = _text(path)
    try:
        values = tomllib.loads(text)
    except RecursionError:
        raise ConfigError(f"{path} cannot be read: its brackets are nested too deeply") from None
    except ValueError as error:
        raise ConfigError(_not_toml(path, text, str(error))) from None
    if not values:
        raise ConfigError(f"{path} says nothing: copy {EXAMPLE} to it, and fill it in")
    return Document(path, text, values)


def _text(path: Path) -> str:
    try:
        found = path.read_bytes()
    except FileNotFoundError:
        raise ConfigError(
            f"{path} does not exist: copy {EXAMPLE} to it and fill in"
            " your chat, server and roles, or name another file in TWINSTREAM_CONFIG"
        ) from None
    except PermissionError:
        raise ConfigError(
            f"{path} may not be read by user id {os.geteuid()}, as whom this process runs:"
            f" chmod a+r {path.name}"
        ) from None
    except (OSError, ValueError) as error:  # a path with a NUL is a ValueError
        raise ConfigError(f"{path} cannot be read: {_reason(error)}") from None
    if found.startswith(_BYTE_ORDERS):
        raise ConfigError(f"{path} is saved as UTF-16: save it as UTF-8 in your editor")
    try:
        text = found.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = found.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{_at(path, line)}: the file is not saved as UTF-8: save it as UTF-8 in your editor"
        ) from None
    return text.replace("\r\n", "\n")


def _reason(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)


def _not_toml(path: Path, text: str, said: str) -> str:
    """Say what a line holds that is not TOML, and what to write. Pure."""
    found = _AT.search(said)
    lines = text.splitlines()
    number = int(found[1]) if found and found[1] else len(lines)
    line = lines[number - 1].strip() if 0 < number <= len(lines) else ""
    shown = line if len(line) <= LINE_CHARS_MAX else f"{line[:LINE_CHARS_MAX]}..."
    return f"{_at(path, number)}: {_advice(line, _AT.sub('', said))}, in the line: {shown}"


def _advice(line: str, said: str) -> str:
    if quotes := _TYPED_QUOTES.search(line):
        return f'write straight quotes, "like this", not {quotes[0]}'
    if name := _ONE_BRACKET.match(line):
        return f"write [[{name[1]}]] with two brackets above each of the {name[1]}"
    if "digits" in said:
        return "the number is too long"
    return f"this cannot be read as TOML ({said[:1].lower()}{said[1:]}); {EXAMPLE} shows the form"


def _at(path: Path, line: int | None) -> str:
    return f"{path}, line {line}" if line else str(path)
