"""Lines of a TOML document: where each table begins and each key stands.

`tomllib` returns values without their places, so the document is read once more, one statement at
a time. A mistake in a setting is rare, so only a refusal pays for that.
"""

import tomllib
from collections import Counter
from collections.abc import Iterator
from typing import Any

#: The keys and indices that lead to a value, such as ("ranks", 0, "xp").
Place = tuple[str | int, ...]

#: Lines of one statement, at most. A longer one is cut, so that time grows with the lines only.
STATEMENT_LINES_MAX = 100


def line_of(text: str, place: Place) -> int | None:
    """Return the line, counted from one, of a key or else of the nearest table around it.

    None if there is neither. `text` is TOML that can be read as a whole.
    """
    found: dict[Place, int] = {}
    table: Place = ()
    seen: Counter[Place] = Counter()
    for number, statement, values in _statements(text):
        if statement.lstrip().startswith("["):
            table = _only_path(values)
            if statement.lstrip().startswith("[["):
                found.setdefault(table[:-1], number)
                seen[table] += 1
                table = (*table[:-1], seen[table] - 1)
            found.setdefault(table, number)
        else:
            for path in _paths(values):
                found.setdefault((*table, *path), number)
    for length in range(len(place), 0, -1):
        if place[:length] in found:
            return found[place[:length]]
    return None


def _statements(text: str) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Yield each statement's first line, its text, and its values as if it stood alone."""
    statement, first = "", 0
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        if not statement:
            first = number
        statement += line
        try:
            values = tomllib.loads(statement)
        except (ValueError, RecursionError):
            if number - first >= STATEMENT_LINES_MAX:
                statement = ""
            continue
        if values:
            yield first, statement, values
        statement = ""


def _only_path(values: Any) -> Place:
    """Return the path that a table's header alone makes: ("ranks", 0) for [[ranks]]."""
    path: list[str | int] = []
    while values:
        key = 0 if isinstance(values, list) else next(iter(values))
        path.append(key)
        values = values[key]
    return tuple(path)


def _paths(values: Any) -> Iterator[Place]:
    pairs = enumerate(values) if isinstance(values, list) else values.items()
    for key, value in pairs:
        yield (key,)
        if isinstance(value, dict | list):
            yield from ((key, *rest) for rest in _paths(value))
