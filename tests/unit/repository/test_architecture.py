"""The map of the house: who may import whom, and what is said in one place only."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[3]

GROUNDS = {"schemas", "bus", "db", "config"}
MAY_IMPORT: dict[str, set[str]] = {
    "schemas": set(),
    "bus": set(),
    "db": set(),
    "config": set(),
    "consumers": GROUNDS,
    "bots": GROUNDS,
    "launch": GROUNDS,
    # It breaks what it started, so it has to start it: the servers and the processes of `launch`.
    "chaos": GROUNDS | {"launch"},
    # It stands in for Telegram and Discord: sharing code with what it tests would hide mistakes.
    "sandbox": set(),
}
#: Only these files read the environment: where a process begins, and what reads it for them.
READS_ENVIRONMENT = re.compile(
    r"config/settings\.py|launch/.+|sandbox/__main__\.py"
    r"|(?:consumers|bots)/(?:\w+/)?(?:__main__|app|process|cli)\.py|chaos/(?:__main__|bot)\.py"
)
SPELLS_KEYS = "bus/keys.py"
VAGUE_NAMES = {"util", "utils", "common", "helper", "helpers", "base", "misc"}
#: What the three grounds that ship in the wheel may need; pyproject.toml names the same.
WHEEL_NEEDS = {
    "schemas": {"msgspec"},
    "bus": {"redis"},
    "db": {"asyncpg", "structlog"},
}

SQL = re.compile(
    r"\A\s*(?:--[^\n]*\n\s*)*(?:"
    r"SELECT\s.+|INSERT\s+INTO\s.+|UPDATE\s+\w+\s+(?:AS\s+\w+\s+)?SET\s.+|DELETE\s+FROM\s.+"
    r"|WITH\s+\w+\s.*AS\s.*\(.+|(?:CREATE|ALTER|DROP)\s+(?:TABLE|INDEX|DATABASE|SCHEMA)\s.+"
    r"|TRUNCATE\s.+|LOCK\s+TABLE\s.+|SET\s+(?:LOCAL|SESSION)\s.+)",
    re.DOTALL,
)


class Import(NamedTuple):
    module: str
    relative: int
    line: int


@cache
def sources() -> tuple[Path, ...]:
    return tuple(path for package in MAY_IMPORT for path in sorted((ROOT / package).rglob("*.py")))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def package_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0]


def imports(path: Path) -> Iterator[Import]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, 0, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            yield Import(node.module or "", node.level, node.lineno)


def texts(path: Path) -> Iterator[tuple[str, int]]:
    """Every string of a file but its docstrings; of an f-string what is spelt out."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree(path)):
        if not isinstance(node, ast.Constant) or id(node) in docstrings:
            continue
        if isinstance(node.value, bytes):
            yield node.value.decode("latin-1"), node.lineno
        elif isinstance(node.value, str):
            yield node.value, node.lineno


def test_imports_follow_the_map():
    strays = [
        f"{named(path)}:{found.line} imports {found.module}"
        for path in sources()
        for found in imports(path)
        if not found.relative
        and (top := found.module.partition(".")[0]) in MAY_IMPORT
        and top != package_of(path)
        and top not in MAY_IMPORT[package_of(path)]
    ]

    assert not strays


def test_a_ground_imports_itself_relatively():
    """Else it could not be shipped as twinstream.<ground>, where the bare name is another's."""
    strays = [
        f"{named(path)}:{found.line} imports {found.module}"
        for path in sources()
        if package_of(path) in GROUNDS
        for found in imports(path)
        if not found.relative and found.module.partition(".")[0] == package_of(path)
    ]

    assert not strays


def test_no_relative_import_leaves_its_package():
    strays = [
        f"{named(path)}:{found.line}"
        for path in sources()
        for found in imports(path)
        if found.relative >= len(path.relative_to(ROOT).parts)
    ]

    assert not strays


@pytest.mark.parametrize("ground", sorted(WHEEL_NEEDS))
def test_a_ground_in_the_wheel_needs_no_more_than_is_declared(ground):
    foreign = {
        top
        for path in sources()
        if package_of(path) == ground
        for found in imports(path)
        if not found.relative
        and (top := found.module.partition(".")[0]) not in sys.stdlib_module_names
    }

    assert foreign <= WHEEL_NEEDS[ground]


def test_the_wheel_declares_what_its_grounds_import():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {re.split(r"[^A-Za-z0-9_-]", line)[0] for line in project["dependencies"]}

    assert declared == set().union(*WHEEL_NEEDS.values())


def test_the_sandbox_knows_neither_library_that_it_is_tested_with():
    strays = [
        f"{named(path)}:{found.line} imports {found.module}"
        for path in sources()
        if package_of(path) == "sandbox"
        for found in imports(path)
        if found.module.partition(".")[0] in {"aiogram", "discord"}
    ]

    assert not strays


def test_no_name_is_vague():
    folders = {parent for path in sources() for parent in path.relative_to(ROOT).parents}
    vague = [named(path) for path in sources() if path.stem in VAGUE_NAMES]
    vague += [str(folder) for folder in folders if folder.name in VAGUE_NAMES]

    assert not vague


def test_no_folder_bears_a_dependencys_name():
    """Run by path, or under pytest, such a folder would be imported in its stead."""
    dependencies = set(packages_distributions()) - set(MAY_IMPORT)
    folders = {
        parent
        for path in (*sources(), *(ROOT / "tests").rglob("*.py"))
        for parent in path.relative_to(ROOT).parents
    }

    assert not [str(folder) for folder in folders if folder.name in dependencies]


def test_the_environment_is_read_only_where_a_process_begins():
    strays = [
        f"{named(path)}:{node.lineno}"
        for path in sources()
        if not READS_ENVIRONMENT.fullmatch(named(path))
        for node in ast.walk(tree(path))
        if (isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv", "environb"})
        or (isinstance(node, ast.ImportFrom) and node.module == "os"
            and {alias.name for alias in node.names} & {"environ", "getenv", "environb"})
    ]  # fmt: skip

    assert not strays


def test_redis_keys_are_spelt_in_one_place():
    strays = [
        f"{named(path)}:{line} spells {text[:40]!r}"
        for path in sources()
        if named(path) != SPELLS_KEYS and package_of(path) != "launch"
        for text, line in texts(path)
        if "sync:" in text
    ]

    assert not strays


def test_sql_is_written_in_db_only():
    """Two aside: launch/ makes databases and dumps schemas; chaos/ audits db/, so not by it."""
    strays = [
        f"{named(path)}:{line} says {text[:40]!r}"
        for path in sources()
        if package_of(path) not in {"db", "launch", "chaos"}
        for text, line in texts(path)
        if SQL.match(text)
    ]

    assert not strays


def test_only_launch_prints():
    strays = [
        f"{named(path)}:{node.lineno}"
        for path in sources()
        if package_of(path) != "launch"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]

    assert not strays


def test_the_sql_pattern_knows_statements_from_sentences():
    for statement in (
        "SELECT 1",
        "\n    SELECT id FROM members",
        "INSERT INTO transactions (id) VALUES ($1)",
        "WITH added AS (SELECT 1) SELECT 2",
        "-- why\nUPDATE members SET xp = 1",
    ):
        assert SQL.match(statement)
    for sentence in ("Select a rank", "update", "With pleasure", "UPDATE your bot", "DELETE"):
        assert not SQL.match(sentence)


@pytest.mark.parametrize("package", sorted(MAY_IMPORT))
def test_every_package_says_what_lives_in_it(package):
    """A module's first lines say what it is for; an empty file has nothing to say."""
    silent = [
        named(path)
        for path in sources()
        if package_of(path) == package and tree(path).body and not ast.get_docstring(tree(path))
    ]

    assert not silent
