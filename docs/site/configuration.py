"""`make configuration`: write docs/configuration.md in both languages from the settings.

Names, types, limits and defaults come from config/, meanings from setting_texts.toml.
"""

import re
import sys
import tomllib
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
from msgspec import inspect

from config import Community, Settings
from config.settings import LOG_FORMATS, LOG_LEVELS
from docs.site.pages import DOCS, ROOT, RUSSIAN, TOOLS

PAGES = {"en": DOCS / "configuration.md", "ru": RUSSIAN / "configuration.md"}
TEXTS: dict[str, Any] = tomllib.loads((TOOLS / "setting_texts.toml").read_text(encoding="utf-8"))
#: Choices that config/ checks by itself, after the types.
CHOICES = {"TWINSTREAM_LOG_LEVEL": LOG_LEVELS, "TWINSTREAM_LOG_FORMAT": LOG_FORMATS}
#: A larger limit is there to stop slips of the keyboard, and tells the reader nothing.
LIMIT_SHOWN_MAX = 100_000
_NUMBERS = (inspect.IntType, inspect.FloatType)

WORDS: dict[str, dict[str, str]] = TEXTS["words"]


class Setting(NamedTuple):
    """A setting as a row of the page shows it."""

    name: str
    type: inspect.Type
    #: `msgspec.NODEFAULT` where it must be set.
    default: Any


def page(language: str) -> str:
    """Return the page in a language."""
    words = WORDS[language]
    lines = [f"# {words['title']}", "", words["intro"], "", words["generated"], ""]
    lines += [f"## {words['environment']}", "", *_head(words, "variable")]
    lines += [_row(one, TEXTS["environment"], language) for one in variables()]
    files = ", ".join(f"`{name}`" for name in Settings.file_variables())
    lines += ["", words["files"].format(files)]
    lines += ["", f"## {words['compose']}", "", *_head(words, "variable"), *_compose(language)]
    lines += ["", f"## {words['file']}"]
    for section, settings in sections().items():
        said = TEXTS["sections"][section][language]
        heading = said if section == "top" else f"`[{section}]`"
        lines += ["", f"### {heading}", ""]
        lines += [] if section == "top" else [f"{said}.", ""]
        lines += _head(words, "key")
        lines += [_row(one, TEXTS[section], language) for one in settings]
    return "\n".join(lines) + "\n"


def variables() -> list[Setting]:
    """Return the variables of the environment that processes read, in the order of their texts."""
    found = {one.name.upper(): one for one in _fields(Settings)}
    order = [*TEXTS["environment"], *found]
    return [Setting(name, *found[name][1:]) for name in dict.fromkeys(order) if name in found]


def sections() -> dict[str, list[Setting]]:
    """Return the keys of twinstream.toml by section."""
    found: dict[str, list[Setting]] = {"top": []}
    for one in _fields(Community):
        struct = _struct(one.type)
        if struct is None:
            found["top"].append(one)
        elif one.name == "stores":
            # The same for either platform.
            store = _struct(_fields(struct)[0].type)
            found["stores.telegram"] = _fields(store)
        else:
            found[one.name] = _fields(struct)
    return found


def compose_variables() -> list[str]:
    """Return the variables of .env.example that only Compose reads."""
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    named = re.findall(r"^#?([A-Z_]+)=", text, re.MULTILINE)
    ours = {*Settings.variables(), *Settings.file_variables()}
    return [name for name in named if name not in ours]


def _compose(language: str) -> Iterator[str]:
    words = WORDS[language]
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    passwords = [name for name in compose_variables() if name.endswith("_PASSWORD")]
    listed = ", ".join(f"`{name}`" for name in passwords)
    said = TEXTS["compose"]["passwords"][language]
    yield f"| {listed} | {words['text']} | {words['required']} | {said} |"
    for name in compose_variables():
        if name not in passwords:
            [default] = re.findall(rf"^#{name}=(.+)$", text, re.MULTILINE)
            said = TEXTS["compose"][name][language]
            yield f"| `{name}` | {words['whole']} | `{default}` | {said} |"


def _head(words: dict[str, str], first: str) -> list[str]:
    return [words["columns"].format(words[first]), "| --- | --- | --- | --- |"]


def _row(one: Setting, texts: dict[str, dict[str, str]], language: str) -> str:
    shown = _type(one, WORDS[language])
    default = _default(one, WORDS[language])
    return f"| `{one.name}` | {shown} | {default} | {texts[one.name][language]} |"


def _fields(struct: Any) -> list[Setting]:
    info = inspect.type_info(struct) if isinstance(struct, type) else struct
    assert isinstance(info, inspect.StructType)
    found = []
    for field in info.fields:
        default = field.default
        if default is msgspec.NODEFAULT and field.default_factory is not msgspec.NODEFAULT:
            default = field.default_factory()
        found.append(Setting(field.encode_name, field.type, default))
    return found


def _struct(kind: inspect.Type) -> inspect.StructType | None:
    """Return the section that a type stands for: alone, optional, or in a list."""
    if isinstance(kind, inspect.UnionType):
        return next((one for one in kind.types if isinstance(one, inspect.StructType)), None)
    if isinstance(kind, inspect.VarTupleType):
        return _struct(kind.item_type)
    return kind if isinstance(kind, inspect.StructType) else None


def _type(one: Setting, words: dict[str, str]) -> str:
    kind = one.type
    if isinstance(kind, inspect.UnionType):
        [kind] = [member for member in kind.types if not isinstance(member, inspect.NoneType)]
    if one.name in CHOICES:
        return ", ".join(f"`{choice}`" for choice in CHOICES[one.name])
    if isinstance(kind, inspect.LiteralType):
        return ", ".join(f'`"{choice}"`' for choice in sorted(map(str, kind.values)))
    if isinstance(kind, inspect.StrType):
        longest = kind.max_length
        return words["text"] + (f", {words['longest'].format(longest)}" if longest else "")
    if isinstance(kind, inspect.IntType | inspect.FloatType):
        return _number(kind, words)
    if isinstance(kind, inspect.VarTupleType) and isinstance(kind.item_type, _NUMBERS):
        return words["list" if _number(kind.item_type, words) == words["id"] else "numbers"]
    names = {inspect.BoolType: "bool", inspect.VarTupleType: "list", inspect.DictType: "table"}
    return words[names[type(kind)]]


def _number(kind: inspect.IntType | inspect.FloatType, words: dict[str, str]) -> str:
    if (kind.ge, kind.le) == (1, 2**63 - 1):
        return words["id"]
    name = words["whole" if isinstance(kind, inspect.IntType) else "number"]
    least, most = kind.ge, kind.le if kind.le and kind.le <= LIMIT_SHOWN_MAX else None
    limits = []
    if least is not None and most is not None:
        limits = [words["from_to"].format(least, most)]
    elif least is not None:
        limits = [words["least"].format(least)]
    elif kind.gt is not None:
        limits = [words["above"]] + ([words["most"].format(most)] if most else [])
    return ", ".join([name, *limits])


def _default(one: Setting, words: dict[str, str]) -> str:
    if one.default is msgspec.NODEFAULT:
        return words["required"]
    if one.default is None:
        return words["none"]
    if one.default in ("", (), {}):
        return words["empty"]
    if isinstance(one.default, bool):
        return f"`{str(one.default).lower()}`"
    quoted = isinstance(one.default, str) and one.name not in Settings.variables()
    return f'`"{one.default}"`' if quoted else f"`{one.default}`"


def main() -> int:
    """Write both pages."""
    for language, file in PAGES.items():
        file.write_text(page(language), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
