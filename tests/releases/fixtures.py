"""`make release-fixtures`: keeps of this release what the tests of an upgrade from it will need.

It writes tests/releases/<release>/: a dump of a database in which everything happened once, the
wheel, a source archive, and a driver that works with the archive. Its README.md says what each is.
"""

import argparse
import asyncio
import gzip
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import asyncpg

from bus import Keys, connect
from config import Settings
from config.outside_text.terminal import Terminal
from db import open_pool
from db.pool import newest_migration
from db.release_number import RELEASE
from launch.demo import Demo
from launch.errors import LaunchError
from launch.sandbox_client import SandboxClient
from launch.sandbox_member import SandboxMember
from launch.sandbox_runner import RunningSandbox, run_sandbox
from launch.servers import postgres_tool
from launch.waiting import until
from launch.workspace import Workspace, open_workspace

ROOT = Path(__file__).resolve().parents[2]
DRIVER = Path(__file__).with_name("driver.py")
TEMPLATE = Path(__file__).with_name("README.template.md")
#: The sources of the bots, the consumers, the migration, the wheel and the image.
ARCHIVED = (
    *("LICENSE", "README.md", "pyproject.toml", "requirements.txt"),
    *("Dockerfile", ".dockerignore", "compose.yaml", ".env.example"),
    *("twinstream.example.toml", "sandbox/twinstream.toml"),
    *("schemas", "bus", "db", "config", "consumers", "bots", "launch"),
)
DUMP_BYTES_MAX = 300_000
ARCHIVE_BYTES_MAX = 1_000_000
#: The sandbox's own people: roles and tags are shown to them, for the platforms know them.
PEOPLE = ("--telegram-from=1001", "--discord-from=800000000000000101")
MEMBERS = 24
WAIT_S = 120.0
#: Lines that differ from run to run, and a setting that Postgres knows from version 17 on.
LEFT_OUT = re.compile(r"^(?:-- Dumped (?:from|by) .*|SET transaction_timeout = 0;)\n", re.MULTILINE)

#: Rows that no process writes in this community, because no bot here has a table of its own.
DEBTS = """
    INSERT INTO store_debts (member_id, platform, xp, balance)
    SELECT member_id, platform, 15, 5 FROM accounts
    WHERE platform = 'discord' AND account_id IN (80001, 80002, 80003)
"""
#: A restored backup of Discord's books: more members differ than a pass may repair unasked.
BACKUP = "UPDATE sync_state SET xp = xp - 7 WHERE platform = 'discord' AND xp >= 7"
#: One member's books are changed by hand.
BY_HAND = """
    UPDATE sync_state AS s SET xp = xp + 1 FROM accounts AS a
    WHERE s.member_id = a.member_id AND s.platform = 'telegram'
        AND (a.platform, a.account_id) = ('telegram', 70020)
"""
#: The books of a release that is upgraded should add up.
ALL_UNDONE = """
    UPDATE sync_state AS s SET xp = l.xp
    FROM (
        SELECT a.member_id, t.platform, sum(t.delta_xp) AS xp
        FROM transactions AS t
        JOIN accounts AS a ON a.platform = t.source AND a.account_id = t.account_id
        GROUP BY 1, 2
    ) AS l
    WHERE s.member_id = l.member_id AND s.platform = l.platform AND s.xp <> l.xp
"""
#: A process names its machine there.
NO_HOST = "UPDATE reconcile_runs SET owner = regexp_replace(owner, '^[^:]*', 'host')"

#: Every state that an upgrade must carry over: what it is, and how it is counted.
HELD = {
    "members": "SELECT count(*) FROM members",
    "linked members": "SELECT count(*) FROM (SELECT FROM accounts GROUP BY member_id"
    " HAVING count(*) = 2) AS l",
    "link codes": "SELECT count(*) FROM link_codes",
    "wrong codes": "SELECT coalesce(sum(failures), 0) FROM link_attempts",
    "ledger entries": "SELECT count(*) FROM transactions",
    "achievements": "SELECT count(*) FROM achievements",
    **{
        f"{status} events": f"SELECT count(*) FROM sync_events WHERE status = '{status}'"
        for status in ("pending", "published", "completed", "failed")
    },
    "surfaces that are shown": "SELECT count(*) FROM surfaces WHERE shown = wanted",
    "surfaces that are parked": "SELECT count(*) FROM surfaces WHERE parked IS NOT NULL",
    "surfaces that wait": "SELECT count(*) FROM surfaces WHERE shown IS DISTINCT FROM wanted"
    " AND parked IS NULL",
    "announcements": "SELECT count(*) FROM surfaces WHERE announce",
    "debts of a table": "SELECT count(*) FROM store_debts",
    **{
        f"{status} passes": f"SELECT count(*) FROM reconcile_runs WHERE status = '{status}'"
        for status in ("finished", "stopped")
    },
    **{
        f"{decision} findings": f"SELECT count(*) FROM drift WHERE decision = '{decision}'"
        for decision in ("watched", "held", "confirmed", "repaired")
    },
}


class Unfit(Exception):
    """The fixtures cannot be made, or not as they should be; the sentence says why."""


def main() -> None:
    """Make the folder of this release, in place of the one that is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, default=Path(__file__).parent, metavar="FOLDER")
    asked = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="twinstream-release-") as scratch:
            made = asyncio.run(make(Path(scratch)))
            folder = asked.into / RELEASE
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(made, folder)
    except (Unfit, LaunchError) as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(1) from None
    for file in sorted(folder.iterdir()):
        sys.stdout.write(f"{file.stat().st_size:9,} {file}\n")


async def make(scratch: Path) -> Path:
    """Make everything in a folder of its own, and return that."""
    made = scratch / "made"
    made.mkdir()
    archive = archive_sources(made)
    unpacked = unpack(archive, scratch)
    wheel = build_wheel(unpacked, made)
    shutil.copy(DRIVER, made)
    text, held = await dump_database(scratch, unpacked)
    (made / "database.sql").write_text(text, encoding="utf-8")
    rows = "\n".join(f"| {what} | {count} |" for what, count in held.items())
    (made / "README.md").write_text(
        TEMPLATE.read_text(encoding="utf-8").format(
            release=RELEASE,
            commit=git("rev-parse", "--short", "HEAD"),
            migration=newest_migration(),
            wheel=wheel.name,
            archive=archive.name,
            held=rows,
        ),
        encoding="utf-8",
    )
    return made


def git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Unfit(f"git {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout.strip()


def archive_sources(made: Path) -> Path:
    """Archive the commit that is checked out.

    Raises:
        Unfit: a file differs from the commit, so the dump would not be made by what is archived.
    """
    changed = git("status", "--porcelain", "--", *ARCHIVED, str(DRIVER))
    if changed:
        raise Unfit(f"these files are not committed, so commit them first:\n{changed}")
    name = f"twinstream-{RELEASE}"
    tar = made / f"{name}.tar"
    git("archive", "--format=tar", f"--prefix={name}/", f"--output={tar}", "HEAD", *ARCHIVED)
    archive = made / f"{name}.tar.gz"
    with archive.open("wb") as file, gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:
        packed.write(tar.read_bytes())
    tar.unlink()
    if archive.stat().st_size > ARCHIVE_BYTES_MAX:
        raise Unfit(f"{archive.name} has {archive.stat().st_size} bytes: archive less")
    return archive


def unpack(archive: Path, scratch: Path) -> Path:
    with tarfile.open(archive) as packed:
        packed.extractall(scratch, filter="data")
    return scratch / f"twinstream-{RELEASE}"


def build_wheel(unpacked: Path, made: Path) -> Path:
    # From a copy: setuptools leaves its traces beside what it packs.
    copy = shutil.copytree(unpacked, unpacked.with_name("to-build"))
    done = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(made), "."],
        cwd=copy,
        env={**os.environ, "SOURCE_DATE_EPOCH": git("log", "-1", "--format=%ct")},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Unfit(f"the wheel could not be built: {done.stdout}{done.stderr}")
    [wheel] = made.glob("*.whl")
    return wheel


async def dump_database(scratch: Path, unpacked: Path) -> tuple[str, dict[str, int]]:
    """Let everything happen once, and return the dump of it and how much of what there is."""
    settings = Settings(twinstream_run_dir=str(scratch))
    with open_workspace(scratch / "workspace", settings) as workspace:
        pool = await open_pool(workspace.database_url, name="release-fixtures")
        try:
            async with run_sandbox(workspace, limit_scale=0.1) as sandboxed:
                await play(sandboxed, pool, unpacked)
            await leave_unfinished(workspace, pool, unpacked)
            held = {what: await pool.fetchval(query) for what, query in HELD.items()}
        finally:
            await pool.close()
        text = dump(workspace.database_url)
    if missing := [what for what, count in held.items() if not count]:
        raise Unfit(f"the database holds none of these: {', '.join(missing)}")
    secrets = (sandboxed.endpoints.telegram["token"], sandboxed.endpoints.discord["token"])
    for word in (socket.gethostname(), str(ROOT), str(scratch), str(Path.home()), *secrets):
        if len(word) > 1 and str(word) in text:
            raise Unfit(f"the dump names {word}")
    if len(text.encode()) > DUMP_BYTES_MAX:
        raise Unfit(f"the dump has {len(text.encode())} bytes: let less happen")
    return text, held


async def play(sandboxed: RunningSandbox, pool: asyncpg.Pool, unpacked: Path) -> None:
    """Play the demo, then let members come whom the platforms know, and others."""
    endpoints = sandboxed.endpoints
    redis = connect(endpoints.redis_url, name="twinstream/release-fixtures")
    try:
        async with SandboxClient(endpoints.control_url) as client:
            mira = await SandboxMember.arrive(client, endpoints, "Mira")
            demo = Demo(mira, pool, redis, Keys(), Terminal(file=sys.stderr))
            if differences := await demo.play():
                raise Unfit(f"the demo's two sides differ: {'; '.join(differences)}")
    finally:
        await redis.aclose()
    # Announcements that the bots would send at once have to wait.
    for name in ("telegram-bot", "discord-bot"):
        sandboxed.ours.kill(name)
    environment = endpoints.environment(os.environ)
    drive(unpacked, environment, "record", "4", *PEOPLE)
    drive(unpacked, environment, "record", str(MEMBERS))
    drive(unpacked, environment, "overdraw", "2")

    async def arrived() -> bool:
        return not await pool.fetchval(
            "SELECT count(*) FROM sync_events WHERE status IN ('pending', 'published')"
        )

    async def shown() -> bool:
        return not await pool.fetchval(HELD["surfaces that wait"])

    await until("the arrival of every event", arrived, timeout_s=WAIT_S)
    drive(unpacked, environment, "link", "8")
    await until("a visit to everybody", shown, timeout_s=WAIT_S)


async def leave_unfinished(workspace: Workspace, pool: asyncpg.Pool, unpacked: Path) -> None:
    """While no process runs, let begin what a release may leave behind when it is stopped."""
    environment = {
        **os.environ,
        "REDIS_URL": workspace.redis_url,
        "DATABASE_URL": workspace.database_url,
        "TWINSTREAM_CONFIG": "sandbox/twinstream.toml",
    }
    drive(unpacked, environment, "record", "4", "--round=2", *PEOPLE)
    drive(unpacked, environment, "record", "8", "--round=2")
    drive(unpacked, environment, "settle")
    drive(unpacked, environment, "code", "3", "--telegram-from=70010")
    drive(unpacked, environment, "mistype", "3", "--discord-from=80010")
    await pool.execute(BACKUP)
    drive(unpacked, environment, "reconcile")  # holds everything, for it would change too much
    await pool.execute(ALL_UNDONE)
    await pool.execute(BY_HAND)
    drive(unpacked, environment, "reconcile", "--member-of=70020")  # watches what it sees first
    await pool.execute(ALL_UNDONE)
    await pool.execute(DEBTS)
    drive(unpacked, environment, "record", "3", "--round=3")
    drive(unpacked, environment, "record", "2", "--round=4", "--unpublished")
    await pool.execute(NO_HOST)


def drive(unpacked: Path, environment: Mapping[str, str], *arguments: str) -> dict[str, Any]:
    """Run the driver on the unpacked archive, and return what it said."""
    done = subprocess.run(
        [sys.executable, str(DRIVER), *arguments],
        cwd=unpacked,
        env={**environment, "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Unfit(f"the driver failed at {' '.join(arguments)}: {done.stdout}{done.stderr}")
    said: dict[str, Any] = json.loads(done.stdout)
    sys.stderr.write(f"{' '.join(arguments)}: {json.dumps(said)}\n")
    return said


def dump(database_url: str) -> str:
    """Dump schema and data as plain SQL for psql, without LEFT_OUT."""
    options = ["--no-owner", "--no-privileges", "--restrict-key=twinstream"]
    # Roles belong to the server, which the dump is not of.
    options += ["--exclude-table-data=twinstream.roles"]
    done = subprocess.run(
        [str(postgres_tool("pg_dump")), *options, database_url],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Unfit(f"pg_dump failed: {done.stderr.strip()}")
    return LEFT_OUT.sub("", done.stdout)


if __name__ == "__main__":
    main()
