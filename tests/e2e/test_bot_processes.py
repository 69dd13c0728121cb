"""The bots as an operator starts them: exit codes, signals, and the lines that they log."""

import asyncio
import contextlib
import json
import signal
import time
from pathlib import Path

import msgspec
import pytest

from db.release_number import RELEASE
from tests.support import processes
from tests.support.patience import PATIENCE_S
from tests.support.processes import BARE_ENVIRONMENT, Process

#: Seconds after which a test gives up on a process of its own. The Telegram bot takes six of one
#: core to import aiogram, and a machine that is busy with other tests ten times as long.
PROCESS_PATIENCE_S = 2 * PATIENCE_S


@pytest.fixture
async def start(stage, checkout):
    """Start a bot as a process; processes that still run at the end are killed."""
    started = []

    async def start_bot(module: str, *, imports: bool = False, **changes: str) -> Process:
        values = msgspec.to_builtins(stage.settings) | {
            "database_url": stage.settings.database_url,
            "twinstream_config": str(checkout / "sandbox" / "twinstream.toml"),
            "twinstream_log_format": "json",
        }
        environment = {
            name.upper(): str(value)
            for name, value in (values | changes).items()
            if value is not None
        }
        process = await processes.start(
            module,
            environ=BARE_ENVIRONMENT | environment,
            imports=imports,
            stderr=asyncio.subprocess.PIPE,
        )
        started.append(process)
        return process

    yield start_bot
    for process in started:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def line(process: Process, event: str) -> dict[str, object]:
    """Return the first log line of this event."""
    assert process.stderr is not None
    seen = []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PROCESS_PATIENCE_S):
            async for raw in process.stderr:
                seen.append(raw.decode())
                if f'"event": "{event}"' in seen[-1]:
                    return json.loads(seen[-1])
    pytest.fail(f"no line {event!r} came (exit code {process.returncode}) among\n{''.join(seen)}")


@pytest.mark.parametrize(
    ("module", "place", "imports"),
    [
        # Importing aiogram takes seconds; the test of a missing token does it, too.
        ("bots.telegram_bot", "chat", False),
        pytest.param("bots.telegram_bot", "chat", True, marks=pytest.mark.nightly),
        ("bots.discord_bot", "guild", True),
    ],
)
async def test_a_bot_says_what_it_serves_and_leaves_at_a_signal(
    start, module, place, imports, tmp_path: Path
):
    """It shows its heartbeat once its platform has answered."""
    file = tmp_path / "alive"
    process = await start(module, imports=imports, twinstream_heartbeat_file=str(file))

    assert (await line(process, "process.started"))["release"] == RELEASE
    assert (await line(process, "bot.started"))[place] == "Twin Harbour"
    end = time.monotonic() + PROCESS_PATIENCE_S
    while not file.exists():
        assert time.monotonic() < end, "a bot that serves members never shows its heartbeat"
        await asyncio.sleep(0.05)

    process.send_signal(signal.SIGTERM)
    await line(process, "bot.stopped")
    assert await process.wait() == 0


@pytest.mark.parametrize(
    ("module", "token", "sentence"),
    [
        pytest.param(
            *("bots.telegram_bot", "telegram_token", "Telegram does not accept TELEGRAM_TOKEN"),
            marks=pytest.mark.nightly,  # importing aiogram takes seconds
        ),
        ("bots.discord_bot", "discord_token", "Discord does not accept DISCORD_TOKEN"),
    ],
)
async def test_a_refused_token_ends_in_one_sentence_and_exit_code_2(start, module, token, sentence):
    process = await start(module, **{token: "42:WRONG"})

    assert sentence in str((await line(process, "bot.refused"))["why"])
    assert await process.wait() == 2


async def test_a_missing_setting_ends_in_one_sentence_and_exit_code_2(start):
    process = await start("bots.telegram_bot", imports=True, telegram_token="")

    _, printed = await process.communicate()

    assert printed.decode().startswith("TELEGRAM_TOKEN is not set")
    assert process.returncode == 2


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        ("redis_url", "localhost:6379", "REDIS_URL cannot be used: a Redis URL looks like"),
        ("database_url", "mysql://x", "DATABASE_URL cannot be read"),
    ],
)
async def test_an_unfit_address_ends_in_one_sentence_and_exit_code_2(
    start, setting, value, sentence
):
    """Both bots open their services with the same code; this one takes less time to import."""
    process = await start("bots.discord_bot", **{setting: value})

    assert str((await line(process, "bot.refused"))["why"]).startswith(sentence)
    assert await process.wait() == 2


@pytest.mark.parametrize(
    ("module", "address"),
    [
        pytest.param("bots.telegram_bot", "telegram_api_base", marks=pytest.mark.nightly),
        ("bots.discord_bot", "discord_api_base"),
    ],
)
async def test_a_bot_whose_platform_is_away_shows_no_heartbeat(
    start, module, address, tmp_path: Path
):
    """It also removes the heartbeat that an earlier process left."""
    file = tmp_path / "alive"
    file.touch()
    process = await start(
        module, twinstream_heartbeat_file=str(file), **{address: "http://127.0.0.1:1"}
    )

    await line(process, "attempt.failed")

    assert not file.exists()
