"""Release 0.1.0 at work: its driver in its unpacked archive, and a bot that installed its wheel."""

import asyncio
import itertools
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from launch.servers import postgres_tool
from tests.support.patience import PATIENCE_S

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "tests/releases/0.1.0"
NEW_DRIVER: Final = ROOT / "tests/releases/driver.py"
#: Seconds for one command of a driver.
TIMEOUT_S: Final = 120

#: A bot that goes on whatever happens, and says what did: one event after the other, until it is
#: told to stop.
_BOT: Final = """
import asyncio, os, sys, time
from twinstream import bus, db, schemas

async def main():
    stop = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    pool = await db.open_pool(os.environ["DATABASE_URL"], name="bot", size_max=2)
    redis = bus.connect(os.environ["REDIS_URL"], name="bot")
    producer = db.Producer(pool, schemas, bus.Publisher(redis, bus.Keys()))
    number = 0
    while not stop.done():
        try:
            await producer.create_xp_change_event(
                user_id=90_001 + number % 7, delta_xp=1, source="telegram", reason="dig",
                entity_id=str(number),
            )
        except (db.Contention, db.StorageUnavailable) as error:
            print("delayed", type(error).__name__, error, flush=True)
        else:
            print("recorded", number, time.time(), flush=True)
            number += 1
    await producer.close()
    await redis.aclose()
    await pool.close()

asyncio.run(main())
"""


class Driver:
    """The driver of a release, at work on these servers."""

    def __init__(self, program: Path, folder: Path, database_url: str, redis_url: str) -> None:
        self._program = program
        self._folder = folder
        self._environment = {
            "PATH": os.environ["PATH"],
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "TWINSTREAM_CONFIG": "sandbox/twinstream.toml",
        }

    def does(self, *arguments: str) -> dict[str, Any]:
        """Do one piece of work, and return what the driver said."""
        answer: dict[str, Any] = json.loads(self.runs(str(self._program), *arguments).stdout)
        return answer

    async def does_meanwhile(self, *arguments: str) -> dict[str, Any]:
        """Do one piece of work while others go on."""
        return await asyncio.to_thread(self.does, *arguments)

    def audit(self) -> dict[str, Any]:
        """Let the release prove that everything adds up."""
        found: dict[str, Any] = json.loads(self.runs("-m", "consumers", "audit", "--json").stdout)
        return found

    def runs(self, *arguments: str, may_fail: bool = False) -> subprocess.CompletedProcess[str]:
        """Run Python in the folder of the release."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_S,
        )
        assert may_fail or done.returncode == 0, done.stdout + done.stderr
        return done


class Bot:
    """A foreign bot on the wheel of release 0.1.0, which records events without a pause."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        #: When each event was recorded (Unix seconds).
        self.recorded_at: list[float] = []
        self.delays: list[str] = []
        self._has_ended = False
        self._news = asyncio.Condition()

    @classmethod
    @asynccontextmanager
    async def running(cls, site: Path, database_url: str, redis_url: str) -> AsyncIterator["Bot"]:
        """Run the bot; `site` is the folder of the installed wheel."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _BOT),
            cwd=site,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(site),
                "DATABASE_URL": database_url,
                "REDIS_URL": redis_url,
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        bot = cls(process)
        # All the time: a bot whose pipe is full would wait for its reader, and not for Postgres.
        reading = asyncio.create_task(bot._read())
        try:
            yield bot
        finally:
            if process.returncode is None:
                process.kill()
            await reading
            await process.wait()

    @property
    def recorded(self) -> int:
        """The number of recorded events."""
        return len(self.recorded_at)

    @property
    def longest_pause_s(self) -> float:
        """The longest time in seconds from one recorded event to the next one."""
        return max(
            (after - before for before, after in itertools.pairwise(self.recorded_at)), default=0.0
        )

    async def records(self, count: int) -> None:
        """Return once the bot has recorded this many more events."""
        wanted = self.recorded + count
        async with asyncio.timeout(PATIENCE_S), self._news:
            await self._news.wait_for(lambda: self._has_ended or self.recorded >= wanted)
        assert self.recorded >= wanted, "the bot ended"

    async def goes_on_until(self, holds: Callable[[], Awaitable[bool]]) -> None:
        """Return once this is so; the bot has to go on until then."""
        async with asyncio.timeout(PATIENCE_S):
            while not await holds():
                async with self._news:
                    await self._news.wait()
                assert not self._has_ended, "the bot ended"

    async def stop(self) -> None:
        """Let the bot end, and read the rest of what it said."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        async with self._news:
            await self._news.wait_for(lambda: self._has_ended)
        assert await self._process.wait() == 0

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while line := (await self._process.stdout.readline()).decode():
            if line.startswith("recorded"):
                self.recorded_at.append(float(line.split()[2]))
            elif line.startswith("delayed"):
                self.delays.append(line.strip())
            async with self._news:
                self._news.notify_all()
        async with self._news:
            self._has_ended = True
            self._news.notify_all()


def unpack(folder: Path) -> Path:
    """Unpack the archive of the release; return the checkout."""
    with tarfile.open(FOLDER / "twinstream-0.1.0.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    return folder / "twinstream-0.1.0"


def install_wheel(site: Path) -> Path:
    """Unpack the wheel of the release, as an installation does."""
    with zipfile.ZipFile(FOLDER / "twinstream-0.1.0-py3-none-any.whl") as wheel:
        wheel.extractall(site)
    return site


def restore(database_url: str, folder: Path = FOLDER) -> None:
    """Restore the database of a release, in which everything happened once."""
    dump = (folder / "database.sql").read_text(encoding="utf-8")
    # A setting of pg_dump 18 that Postgres 14 to 16 do not know.
    psql(database_url, stdin=dump.replace("SET transaction_timeout = 0;\n", ""))


def psql(database_url: str, *arguments: str, stdin: str = "", timeout_s: float = TIMEOUT_S) -> str:
    """Run psql, and return what it printed."""
    done = subprocess.run(
        [str(postgres_tool("psql")), "-qXAt", "-v", "ON_ERROR_STOP=1", *arguments, database_url],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_s,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
