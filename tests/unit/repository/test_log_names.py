"""Lines of the log have ids and no names: they outlive a member's wish to be forgotten."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOTS = ("bots", "bus", "config", "consumers", "db", "launch", "schemas")
LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log_at"}
#: Attributes that may hold what a member calls themselves or has written.
OF_PEOPLE = {"name", "display_name", "full_name", "first_name", "last_name", "username", "nick"} | {
    *("global_name", "text", "content", "payload", "known_as", "shown_name", "author"),
}
#: Values that are none of a member's, as they stand in the code.
OURS = {
    "guild.name": "the server's name",
    "me.username": "the bot's own name",
    "setting.name": "an achievement of twinstream.toml",
    "subject.name": "a subject of reconcile",
    "type(error).__name__": "a class",
}


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            function = node.func
            called = getattr(function, "attr", None) or getattr(function, "id", None)
            is_log = not isinstance(function, ast.Attribute) or (
                ast.unparse(function.value).endswith("log")
            )
            if called in LEVELS and is_log:
                yield node


def names_in(call: ast.Call) -> Iterator[str]:
    """The parts of a call that may be a member's name."""
    for value in (*call.args[1:], *(keyword.value for keyword in call.keywords)):
        for part in ast.walk(value):
            if isinstance(part, ast.Attribute) and part.attr in OF_PEOPLE:
                yield ast.unparse(part)
            if isinstance(part, ast.Name) and part.id in OF_PEOPLE - {"name"}:
                yield part.id


def test_no_line_of_the_log_has_a_members_name(checkout: Path):
    looked_at, found = 0, []
    for root in ROOTS:
        for file in sorted((checkout / root).rglob("*.py")):
            for call in calls(ast.parse(file.read_text(encoding="utf-8"))):
                looked_at += 1
                found += [
                    f"{file.relative_to(checkout)}:{call.lineno} {said}"
                    for said in names_in(call)
                    if said not in OURS
                ]
    assert looked_at > 150
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "log.info('a.b', who=asker.name)",
        "log.warning('a.b', why=f'{member.display_name} is gone')",
        "self._log.error('a.b', **{'x': message.text})",
        "log_at('a.b', who=username)",
    ],
)
def test_a_name_in_a_line_is_found(line: str):
    [call] = calls(ast.parse(line))
    assert list(names_in(call))
