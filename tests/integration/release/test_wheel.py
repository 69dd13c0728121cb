"""The wheel is whole, and can be used by a bot that has a `db` of its own."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import textwrap
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
GROUNDS = ("schemas", "bus", "db")
#: The packages that the wheel declares as its needs, by the names under which they are imported.
NEEDED = ("asyncpg", "msgspec", "redis", "structlog")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built without a network from a copy: setuptools leaves its traces beside."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        if (ROOT / name).exists():
            shutil.copy2(ROOT / name, copy / name)
    for ground in GROUNDS:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / ground, copy / ground, ignore=ignored)
    built = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", "dist"],
        cwd=copy,
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    (made,) = (copy / "dist").glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the wheel's contents, as site-packages would."""
    folder = tmp_path_factory.mktemp("site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def run_as_a_foreign_bot(installed: Path, folder: Path, code: str) -> str:
    """Run code in a bot's own folder, where its packages come before all that is installed."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{installed}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_every_file_of_the_grounds_is_in_the_wheel(wheel):
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}

    wanted = {
        f"twinstream/{path.relative_to(ROOT).as_posix()}"
        for ground in GROUNDS
        for path in (ROOT / ground).rglob("*")
        if path.suffix in {".py", ".sql", ".typed"}
    }
    assert packed == wanted
    assert {f"twinstream/{ground}/py.typed" for ground in GROUNDS} <= packed
    assert any(name.startswith("twinstream/db/migrations/") for name in packed)
    rooms = {path.parent.name for path in (ROOT / "db").glob("*/__init__.py")}
    assert rooms >= {"ledger", "members", "surfaces", "stores", "reconcile", "upkeep"}
    assert {f"twinstream/db/{room}/__init__.py" for room in rooms} <= packed


def test_the_wheel_says_what_it_needs_and_under_which_licence(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        said = Parser().parsestr(archive.read(metadata).decode())

    assert said["Name"] == "twinstream"
    assert said["License-Expression"] == "MIT"
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    needed = {line.split(">")[0] for line in said.get_all("Requires-Dist", ())}
    assert {"asyncpg", "msgspec", "redis"} <= needed


def test_a_bot_with_a_db_a_bus_and_schemas_of_its_own_can_use_ours(installed, tmp_path):
    for name in GROUNDS:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"OWNER = 'the bot, {name}'\n")

    said = run_as_a_foreign_bot(
        installed,
        tmp_path,
        """
import bus, db, schemas
import twinstream.bus, twinstream.db, twinstream.schemas
from datetime import UTC, datetime
from twinstream.bus import Publisher
from twinstream.db import Producer
from twinstream.schemas import decode, encode, xp_changed

event = xp_changed(user_id=1, delta_xp=2, source="telegram", reason="quiz", entity_id="3",
                   occurred_at=datetime.now(UTC))
assert decode(encode(event)) == event
assert twinstream.db.__file__ != db.__file__
print(db.OWNER, bus.OWNER, schemas.OWNER, sep="; ")
""",
    )

    assert said == "the bot, db; the bot, bus; the bot, schemas"


def run_where_nothing_else_is_installed(installed: Path, folder: Path, code: str) -> str:
    """Run code with the wheel, the packages that it declares, and no other site-packages."""
    needed = folder / "needed"
    needed.mkdir()
    for package in NEEDED:
        found = importlib.util.find_spec(package)
        assert found is not None
        assert found.origin is not None
        origin = Path(found.origin)
        target = origin.parent if origin.stem == "__init__" else origin
        (needed / target.name).symlink_to(target)
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        cwd=folder,
        env={"PYTHONPATH": f"{installed}{os.pathsep}{needed}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def test_importing_the_record_brings_nothing_of_our_own_processes(installed, tmp_path):
    said = run_where_nothing_else_is_installed(
        installed,
        tmp_path,
        """
import sys
import twinstream.db
for name in sorted(twinstream.db.__all__):
    print(name)
for name in sys.modules:
    assert not name.startswith(("twinstream.db.reconcile", "twinstream.db.upkeep")), name
""",
    )

    names = set(said.split())
    assert {"Producer", "open_pool", "open_stores", "Store", "Recorded"} <= names
    assert not {"redeem_code", "set_ranks", "Envelope"} & names


def example_of_the_page(with_call: str) -> str:
    """Return the example in Python of docs/integrate.md that makes a call."""
    page = (ROOT / "docs/integrate.md").read_text(encoding="utf-8")
    blocks = [block.partition("```")[0] for block in page.split("```python\n")[1:]]
    [example] = [textwrap.dedent(block) for block in blocks if with_call in block]
    return example


def test_the_producers_example_works_where_nothing_else_is_installed(
    installed, tmp_path, database_url, redis_server
):
    """The lines of docs/integrate.md, in a bot's own environment, against real servers."""
    example = example_of_the_page("db.open_pool(")

    said = run_where_nothing_else_is_installed(
        installed,
        tmp_path,
        f"""
import asyncio
from types import SimpleNamespace

DATABASE_URL, REDIS_URL = {database_url!r}, {redis_server.url!r}
user, message = SimpleNamespace(id=1001), SimpleNamespace(message_id=7)

async def main():
{textwrap.indent(example, "    ")}
    print(earned.idempotency_key, await pool.fetchval("SELECT xp FROM users"))
    await producer.close()
    await redis.aclose()
    await pool.close()

async def prepared():
    import asyncpg
    conn = await asyncpg.connect(DATABASE_URL)
    await conn.execute("CREATE TABLE users (id bigint PRIMARY KEY, xp bigint NOT NULL)")
    await conn.execute("INSERT INTO users VALUES (1001, 5)")
    await conn.close()

asyncio.run(prepared())
asyncio.run(main())
""",
    )

    assert said.splitlines()[-1] == "tg_dig_1001_7 15"


def test_the_producers_example_with_a_store_changes_the_bots_own_table(
    installed, tmp_path, database_url, redis_server
):
    """No settings of ours are there, because `config` is not in the wheel."""
    example = example_of_the_page("db.open_stores(")

    said = run_where_nothing_else_is_installed(
        installed,
        tmp_path,
        f"""
import asyncio
from twinstream import bus, db, schemas

async def main():
    pool = await db.open_pool({database_url!r}, name="my-bot")
    redis = bus.connect({redis_server.url!r}, name="my-bot")
    await pool.execute(
        "CREATE TABLE users (id bigint PRIMARY KEY, xp bigint NOT NULL, balance bigint)"
    )
    await pool.execute("INSERT INTO users VALUES (1001, 5)")
{textwrap.indent(example, "    ")}
    for _ in range(2):
        await producer.create_xp_change_event(
            user_id=1001, delta_xp=10, source="telegram", reason="dig", entity_id="7"
        )
    print(await pool.fetchval("SELECT xp FROM users"))
    await producer.close()
    await redis.aclose()
    await pool.close()

asyncio.run(main())
""",
    )

    assert said.splitlines()[-1] == "15"


@pytest.mark.parametrize("ground", GROUNDS)
def test_every_module_of_the_wheel_can_be_imported_under_its_name(installed, tmp_path, ground):
    modules = sorted(
        path.relative_to(installed).with_suffix("").as_posix().replace("/", ".")
        for path in (installed / "twinstream" / ground).rglob("*.py")
        if path.stem not in {"__init__", "__main__"}
    )
    assert modules

    said = run_as_a_foreign_bot(
        installed,
        tmp_path,
        f"""
import importlib, sys
for module in {modules!r}:
    importlib.import_module(module)
assert not set(sys.modules) & {set(GROUNDS)!r}, "a ground was imported under its bare name"
print("imported")
""",
    )

    assert said == "imported"
