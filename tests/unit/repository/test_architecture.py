"""The map of the house: which package may import which, and what is written in one place only."""

from __future__ import annotations

import ast
import gc
import re
import subprocess
import sys
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import NamedTuple

import pytest

from launch import operator_hints

ROOT = Path(__file__).parents[3]

GROUNDS = {"schemas", "bus", "db", "config"}
ROOFS = {"consumers", "bots", "launch", "sandbox"}
MAY_IMPORT: dict[str, set[str]] = {
    "schemas": set(),
    "bus": set(),
    "db": set(),
    "config": set(),
    "consumers": GROUNDS,
    "bots": GROUNDS,
    "launch": GROUNDS,
    # It stands in for Telegram and Discord: sharing code with what it tests would hide mistakes.
    "sandbox": set(),
    # It breaks what it started, so it has to start it: the servers and the processes of `launch`.
    "chaos": GROUNDS | {"launch"},
    # It runs the roles and the rooms of bots in virtual time, on a Postgres that `launch` starts.
    "simulation": GROUNDS | {"bots", "consumers", "launch"},
    # They measure the roles, the bots, and the servers and processes that `launch` starts.
    "benchmarks": GROUNDS | {"bots", "consumers", "launch"},
}
#: These prove the product and are no part of it.
PROOFS = {"chaos", "simulation", "benchmarks"}
#: `producer.py` and `__init__.py` stand above them all; errors, platforms and the like below.
ROOMS_OF_DB = (
    "error_causes",
    "sessions",
    "surfaces",
    "stores",
    "members",
    "ledger",
    "links",
    "earning",
    "rewards",
    "reconcile",
    "upkeep",
)
#: Only these files read the environment: the entry points of processes, and config for them.
READS_ENVIRONMENT = re.compile(
    r"config/settings\.py|launch/.+|sandbox/__main__\.py"
    r"|(?:consumers|bots)/(?:\w+/)?(?:__main__|app|process|cli)\.py|chaos/(?:__main__|bot)\.py"
    # Texts that are made as their module is imported name commands as they are typed here.
    r"|consumers/runtime/operator_commands\.py"
)
SPELLS_KEYS = "bus/keys.py"
WRITES_WISHES = "db/surfaces/wishes.py"
VAGUE_NAMES = {"util", "utils", "common", "helper", "helpers", "base", "misc"}
#: The libraries that the grounds in the wheel may import; pyproject.toml names the same.
WHEEL_NEEDS = {
    "schemas": {"msgspec"},
    "bus": {"redis"},
    "db": {"asyncpg", "structlog"},
}

#: Each makes text from outside visible, or writes only what the product itself says: a schema, the
#: number of the release, the names of processes.
WRITES_TO_TERMINALS = {
    "config/outside_text/__init__.py",
    "config/outside_text/terminal.py",
    "config/logs.py",
    "schemas/__main__.py",
    "consumers/cli.py",
    "bots/runtime/process.py",
    "launch/processes.py",
    "launch/workspace.py",
}

#: The table that dbmate keeps, which db/schema.sql leaves out.
MIGRATED = "schema_migrations"
#: Statements that people type, on a login whose search path ends with our schema.
FOR_PEOPLE = set(operator_hints.QUERIES)

#: The one that spells the operator's commands, and the one that they are typed to.
SPELL_COMMANDS = {"consumers/runtime/operator_commands.py", "consumers/operate/cli.py"}
#: A command, or an option of one, as only one kind of installation has it.
RAW_COMMAND = re.compile(
    r"`(?:dead|doctor|audit|rebuild|reread|reconcile|import-history)(?: [^`]*)?`"
    r"|\bmake (?:dead|doctor|audit|rebuild|reread|reconcile|import-history)\b"
    r"|-m consumers\b|[ `]--[a-z]"
)

SQL = re.compile(
    r"\A\s*(?:--[^\n]*\n\s*)*(?:"
    r"SELECT\s.+|INSERT\s+INTO\s.+|UPDATE\s+[\w.]+\s+(?:AS\s+\w+\s+)?SET\s.+|DELETE\s+FROM\s.+"
    r"|WITH\s+\w+\s.*AS\s.*\(.+|(?:CREATE|ALTER|DROP)\s+(?:TABLE|INDEX|DATABASE|SCHEMA)\s.+"
    r"|TRUNCATE\s.+|LOCK\s+TABLE\s.+|SET\s+(?:LOCAL|SESSION)\s.+)",
    re.DOTALL,
)


#: Cyclomatic complexity has its limit in pyproject.toml (C901).
FUNCTION_LINES_MAX = 60
#: More files than this in one folder are more than a reader takes in at a glance.
FOLDER_FILES_MAX = 12
SMALL_FOLDERS = ("db", "consumers", "bots", "tests/unit")


class Import(NamedTuple):
    module: str
    relative: int
    line: int


@cache
def sources() -> tuple[Path, ...]:
    return tuple(path for package in MAY_IMPORT for path in sorted((ROOT / package).rglob("*.py")))


@cache
def every_file() -> tuple[Path, ...]:
    """Every Python file of the repository but those of releases, which stay as they were."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    release = re.compile(r"tests/releases/\d")
    return tuple(ROOT / n for n in listed if not release.match(n) and (ROOT / n).exists())


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Every node of a file of the product: a dozen tests look at each of them."""
    return tuple(ast.walk(tree(path)))


@pytest.fixture(scope="module", autouse=True)
def no_tree_is_left() -> Iterator[None]:
    """Collections of garbage would look at each node of each tree, now and later."""
    gc.disable()
    yield
    for known in (tree, nodes, imports, texts):
        known.cache_clear()
    gc.enable()


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def package_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0]


@cache
def imports(path: Path) -> tuple[Import, ...]:
    return tuple(_imports(path))


def _imports(path: Path) -> Iterator[Import]:
    for node in nodes(path):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, 0, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            yield Import(node.module or "", node.level, node.lineno)


@cache
def modules() -> Mapping[str, Path]:
    found = {}
    for path in sources():
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported_modules(path: Path) -> Iterator[str]:
    """Each module of ours that this file imports, in a function or not."""
    package = path.relative_to(ROOT).parent.parts
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules())
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                full = f"{base}.{alias.name}"
                found = full if full in modules() else base
                if found in modules():
                    yield found


def circle(arrows: Mapping[str, Iterable[str]]) -> list[str]:
    """Return one way that leads back to its start, or an empty list."""
    done: set[str] = set()
    way: list[str] = []

    def walk(here: str) -> list[str]:
        if here in way:
            return [*way[way.index(here) :], here]
        if here in done:
            return []
        way.append(here)
        found = next(filter(None, map(walk, sorted(arrows.get(here, ())))), [])
        way.pop()
        done.add(here)
        return found

    return next(filter(None, map(walk, sorted(arrows))), [])


def long_functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """The functions that have more lines than a page; functions stand among statements only."""
    left: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while left:
        node = left.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            if node.end_lineno - node.lineno >= FUNCTION_LINES_MAX:
                yield node
        left += [
            inner
            for inner in ast.iter_child_nodes(node)
            if isinstance(inner, ast.stmt | ast.ExceptHandler | ast.match_case)
        ]


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The lines of a function, each of its texts (docstring, SQL) counted as one line."""
    assert function.end_lineno is not None
    inside = {
        line
        for node in ast.walk(function)
        if isinstance(node, ast.JoinedStr)
        or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes))
        for line in range(node.lineno + 1, (node.end_lineno or node.lineno) + 1)
    }
    return function.end_lineno - function.lineno + 1 - len(inside)


@cache
def texts(path: Path) -> tuple[tuple[str, int], ...]:
    """Every string of a file but its docstrings; of an f-string what is spelt out."""
    return tuple(_texts(path))


def _texts(path: Path) -> Iterator[tuple[str, int]]:
    docstrings = {
        id(node.body[0].value)
        for node in nodes(path)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in nodes(path):
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


def test_no_package_imports_a_roof():
    """Launch and sandbox are roofs as well; only what proves the product stands above them."""
    below = MAY_IMPORT.keys() - PROOFS

    assert not {package for package in below if MAY_IMPORT[package] & ROOFS}
    assert not {package for package in MAY_IMPORT if MAY_IMPORT[package] & PROOFS}


def test_no_module_imports_itself_by_a_circle():
    arrows = {name: set(imported_modules(path)) - {name} for name, path in modules().items()}

    assert circle(arrows) == []


def test_no_folder_imports_itself_by_a_circle():
    """A folder and one inside of it do not count: the outer one's files stand on both sides."""
    arrows = defaultdict[str, set[str]](set)
    for path in sources():
        here = path.relative_to(ROOT).parent
        for name in imported_modules(path):
            there = modules()[name].relative_to(ROOT).parent
            if not here.is_relative_to(there) and not there.is_relative_to(here):
                arrows[here.as_posix()].add(there.as_posix())

    assert circle(arrows) == []


def test_a_circle_is_found():
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert circle({"a": {"b", "c"}, "b": {"c"}}) == []


def test_no_function_is_longer_than_a_page():
    """A single SQL statement may be as long as it has to be."""
    long = [
        f"{named(path)}:{node.lineno} {node.name} has {lines} lines"
        for path in every_file()
        for node in long_functions(path)
        if (lines := code_lines(node)) > FUNCTION_LINES_MAX
    ]

    assert not long


def test_no_folder_is_a_heap():
    counts = Counter(
        path.parent.relative_to(ROOT).as_posix()
        for path in every_file()
        if path.relative_to(ROOT).as_posix().startswith(tuple(f"{top}/" for top in SMALL_FOLDERS))
    )

    assert {folder: n for folder, n in counts.items() if n > FOLDER_FILES_MAX} == {}


def test_rooms_of_db_import_each_other_in_this_order():
    """A room knows the rooms before it only, so none can be in a circle with another."""
    found = [
        path.name for path in sorted((ROOT / "db").iterdir()) if (path / "__init__.py").exists()
    ]
    assert sorted(ROOMS_OF_DB) == found

    strays = [
        f"{named(path)}:{line} imports {room}"
        for path in sources()
        if package_of(path) == "db" and (own := path.relative_to(ROOT).parts[1]) in ROOMS_OF_DB
        for room, line in rooms_imported(path)
        if room != own and ROOMS_OF_DB.index(room) > ROOMS_OF_DB.index(own)
    ]

    assert not strays


def rooms_imported(path: Path) -> Iterator[tuple[str, int]]:
    """The rooms of db that a module in a room imports, and those of which it names something."""
    for node in nodes(path):
        if isinstance(node, ast.ImportFrom) and node.level == 2:
            first = (node.module or "").partition(".")[0]
            for name in [first] if first else [alias.name for alias in node.names]:
                if name in ROOMS_OF_DB:
                    yield name, node.lineno


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
        if not READS_ENVIRONMENT.fullmatch(named(path)) and package_of(path) != "benchmarks"
        for node in nodes(path)
        if (isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv", "environb"})
        or (isinstance(node, ast.ImportFrom) and node.module == "os"
            and {alias.name for alias in node.names} & {"environ", "getenv", "environb"})
    ]  # fmt: skip

    assert not strays


def test_no_decision_reads_the_clock_of_the_host():
    """It may jump. Durations are of the event loop, ages of Postgres; only facts bear its time."""
    reads = re.compile(r"\btime\.time(_ns)?\(|\bdatetime\.now\(|\bdate\.today\(")
    found = {
        named(path): len(reads.findall(path.read_text(encoding="utf-8")))
        for path in sources()
        if package_of(path) in {"schemas", "bus", "db", "consumers"}
    }

    assert {path: count for path, count in found.items() if count} == {
        # When the screen looked, for people.
        "consumers/operate/status/looking.py": 1,
        # When an event happened, for people.
        "db/producer.py": 1,
        "consumers/settling/bonuses.py": 1,
        "consumers/reconcile/history_import.py": 1,
        "consumers/reconcile/subjects/manual_changes.py": 1,
        # A figure for Prometheus.
        "consumers/runtime/gauges.py": 2,
    }


def test_redis_keys_are_spelt_in_one_place():
    strays = [
        f"{named(path)}:{line} spells {text[:40]!r}"
        for path in sources()
        if named(path) != SPELLS_KEYS and package_of(path) not in {"launch", "benchmarks"}
        for text, line in texts(path)
        if "sync:" in text
    ]

    assert not strays


def test_sql_is_written_in_db_only():
    """launch/ makes databases and dumps schemas; the proofs judge db/, so they do not ask it."""
    strays = [
        f"{named(path)}:{line} says {text[:40]!r}"
        for path in sources()
        if package_of(path) not in {"db", "launch", *PROOFS}
        for text, line in texts(path)
        if SQL.match(text)
    ]

    assert not strays


def test_every_statement_names_the_schema_of_our_objects():
    """A bot's own `members`, or a pooler's search path, must not decide which table is meant."""
    schema = (ROOT / "db/schema.sql").read_text(encoding="utf-8")
    tables = "|".join([*re.findall(r"^CREATE TABLE twinstream\.(\w+)", schema, re.M), MIGRATED])
    functions = "|".join(re.findall(r"^CREATE FUNCTION twinstream\.(\w+)", schema, re.M))
    unnamed = re.compile(
        rf"\b(?:FROM|JOIN|INTO|UPDATE|TABLE|ONLY|TRUNCATE|ON)\s+(?:{tables})\b(?!\.)"
        rf"|(?<=[\s(,])(?:{functions})\s*\("
    )
    written = [
        (f"{named(path)}:{line}", text)
        for path in sources()
        if package_of(path) in {"db", "launch"}
        for text, line in texts(path)
        if text not in FOR_PEOPLE
    ]
    # Migrations run on a search path of their own, contracts on any.
    contracts = sorted((ROOT / "db/contracts").rglob("*.sql"))
    written += [(named(path), path.read_text(encoding="utf-8")) for path in contracts]

    strays = [
        f"{place} says {found[0]!r}" for place, text in written if (found := unnamed.search(text))
    ]

    assert not strays


def test_what_members_should_see_is_written_in_one_place():
    """Five statements wrote it once, in three variants; two of them were wrong."""
    written = re.compile(
        r"(?<![\w.])(?:wanted|wanted_key|wanted_at|priority)\s*=(?!=)|INTO twinstream\.surfaces"
    )
    strays = [
        f"{named(path)}:{line} writes {found[0]!r}"
        for path in sources()
        if package_of(path) == "db" and named(path) != WRITES_WISHES
        for text, line in texts(path)
        if (found := written.search(text))
    ]

    assert not strays


def test_functions_of_postgres_leave_what_members_should_see_to_one():
    """The one for links changes more of the row (docs/decisions/0011-one-writer-of-wishes.md)."""
    schema = (ROOT / "db/schema.sql").read_text(encoding="utf-8")
    functions = re.findall(
        r"^CREATE FUNCTION twinstream\.(\w+).*?\$\$(.*?)\$\$;", schema, re.M | re.S
    )
    written = re.compile(r"INTO twinstream\.surfaces|(?<![\w.])wanted\s*=(?!=)")

    assert {name for name, body in functions if written.search(body)} == {"want", "want_merged"}


def test_texts_for_operators_name_commands_as_they_are_typed_here():
    """`consumers.runtime.operator_commands.command` knows whether there is a Makefile."""
    strays = [
        f"{named(path)}:{line} says {found[0]!r}"
        for path in sources()
        if package_of(path) in {"consumers", "bots", "bus", "db", "config", "schemas"}
        and named(path) not in SPELL_COMMANDS
        for text, line in texts(path)
        if (found := RAW_COMMAND.search(text))
    ]

    assert not strays


def test_only_launch_and_benchmarks_print():
    strays = [
        f"{named(path)}:{node.lineno}"
        for path in sources()
        if package_of(path) not in {"launch", "benchmarks"}
        for node in nodes(path)
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
        "UPDATE twinstream.members AS m SET xp = 1",
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


def test_what_operators_read_goes_through_one_function():
    """It makes text from outside visible; `print` and rich's own console would let it through."""
    strays = [
        f"{named(path)}:{node.lineno}"
        for path in sources()
        if package_of(path) not in PROOFS | {"sandbox"} and named(path) not in WRITES_TO_TERMINALS
        for node in nodes(path)
        if (isinstance(node, ast.ImportFrom) and node.module == "rich.console")
        or (isinstance(node, ast.Name) and node.id == "print")
        or (
            isinstance(node, ast.Attribute)
            and ast.unparse(node) in ("sys.stdout.write", "sys.stderr.write")
        )
    ]

    assert strays == []
