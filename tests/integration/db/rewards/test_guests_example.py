"""The example of docs/integrate.md as a process: a list of guests is rewarded once."""

import asyncio
import os
import sys
from pathlib import Path

import asyncpg

from launch.servers import Server
from tests.support.processes import CHECKOUT
from tests.support.recorded_events import Record

EXAMPLE = CHECKOUT / "examples/guests_from_csv/reward.py"
TG, OTHER_TG, DC = 1001, 1002, 2002
GUESTS = f"ticket,platform,account_id\n1,telegram,{TG}\n2,discord,{DC}\n3,telegram,{TG}\n"


async def reward(meeting: str, guests: Path, environ: dict[str, str]) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(EXAMPLE), meeting, str(guests)),
        env=environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode().splitlines()[-1]


async def test_each_guest_is_rewarded_once_however_often_the_list_comes(
    pool: asyncpg.Pool, database_url: str, redis_server: Server, tmp_path: Path
):
    package = tmp_path / "site-packages/twinstream"
    package.mkdir(parents=True)
    for ground in ("bus", "db", "schemas"):
        (package / ground).symlink_to(CHECKOUT / ground, target_is_directory=True)
    environ = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_server.url,
        "PYTHONPATH": str(package.parent),
        "PATH": os.environ["PATH"],
    }
    guests = tmp_path / "guests.csv"
    guests.write_text(GUESTS, encoding="utf-8-sig")

    first = await reward("2026-11-30-quiz", guests, environ)
    guests.write_text(GUESTS + f"4,telegram,{OTHER_TG}\n")
    longer = await reward("2026-11-30-quiz", guests, environ)
    misnamed = await reward("the quiz of November", guests, environ)

    assert first == (0, "2 guests, 6 events that are new")
    assert longer == (0, "3 guests, 3 events that are new")
    assert misnamed[0] == 1
    assert "name the meeting in" in misnamed[1]
    books = Record(pool)
    assert [await books.totals(one) for one in (TG, OTHER_TG)] == [(50, 20), (50, 20)]
    assert await books.totals(DC, "discord") == (50, 20)
