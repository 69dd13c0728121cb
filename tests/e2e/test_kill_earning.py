"""kill -9 of the Telegram bot and of the consumers while members write: nothing lost or doubled."""

import asyncio
import contextlib
import random
from pathlib import Path

import msgspec
import pytest

from tests.support import processes
from tests.support.processes import BARE_ENVIRONMENT
from tests.support.settling import until

GROUP = -1001000000001
MEMBERS = 60
KILLS = 4
EARNING = """
[earning]
window_minutes = 0.005
[earning.messages]
xp_min = 7
xp_max = 7
cooldown_s = 3600
"""


@pytest.mark.nightly
@pytest.mark.timeout(600)
async def test_no_kill_loses_or_doubles_what_members_earn(stage, checkout: Path, tmp_path: Path):
    toml = tmp_path / "twinstream.toml"
    toml.write_text((checkout / "sandbox" / "twinstream.toml").read_text() + EARNING)
    values = msgspec.to_builtins(stage.settings) | {
        "twinstream_config": str(toml),
        "twinstream_log_format": "json",
    }
    environ = BARE_ENVIRONMENT | {
        name.upper(): str(value) for name, value in values.items() if value is not None
    }
    chance = random.Random(7)
    members: list[int] = []

    async def write() -> None:
        for number in range(MEMBERS):
            members.append(stage.telegram.join(name=f"Member {number}"))
            stage.telegram.say(GROUP, members[-1], f"Good morning from member number {number}")
            await asyncio.sleep(0.3)

    async def earned() -> int:
        return await stage.pool.fetchval("SELECT count(*) FROM earning_windows")

    async def live(module: str, *arguments: str) -> None:
        """Kill the process each time when some more members have earned, in the middle of it."""
        for part in range(1, KILLS + 2):
            target = part * MEMBERS // (KILLS + 2) if part <= KILLS else MEMBERS + 1
            process = await processes.start(
                module, *arguments, environ=environ, stderr=asyncio.subprocess.DEVNULL
            )
            try:
                while await earned() < target:  # noqa: ASYNC110 - another process records it
                    await asyncio.sleep(chance.uniform(0.01, 0.1))
            finally:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()

    async def everything_is_in_the_ledger() -> bool:
        found = await stage.pool.fetchrow(
            """
            SELECT count(*) AS entries, count(DISTINCT account_id) AS accounts,
                (SELECT count(*) FROM earning_windows WHERE xp > 0) AS open
            FROM transactions WHERE platform = source AND reason = 'messages'
            """
        )
        return found["accounts"] == MEMBERS and found["open"] == 0

    running = [
        asyncio.create_task(live("bots.telegram_bot")),
        asyncio.create_task(live("consumers", "earning")),
        asyncio.create_task(write()),
    ]
    try:
        await until(everything_is_in_the_ledger, what="all members have earned", deadline_s=300)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    rows = await stage.pool.fetch(
        "SELECT account_id, sum(delta_xp) FROM transactions WHERE platform = source GROUP BY 1"
    )
    assert dict(map(tuple, rows)) == dict.fromkeys(members, 7)
