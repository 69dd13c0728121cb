"""The heartbeat file: fresh only while its own process is healthy."""

import asyncio
import importlib
import os
import time
from pathlib import Path

import pytest

from config import ConfigError, heartbeat
from tests.support.patience import PATIENCE_S

EVERY_S = 0.01


async def until_touched(file: Path, *, after_ns: int = 0) -> None:
    """Return once the file was touched after that time."""
    end = time.monotonic() + PATIENCE_S
    while not file.exists() or file.stat().st_mtime_ns <= after_ns:  # noqa: ASYNC240
        assert time.monotonic() < end, "the file is not touched"
        await asyncio.sleep(EVERY_S)


async def until_asked(asked: asyncio.Event) -> None:
    """Return once the heartbeat has asked whether the process is healthy, twice from now."""
    for _ in range(2):
        asked.clear()
        async with asyncio.timeout(PATIENCE_S):
            await asked.wait()


async def test_the_file_is_touched_again_and_again(tmp_path: Path):
    file = tmp_path / "alive"

    async with heartbeat(str(file), every_s=EVERY_S):
        await until_touched(file)
        await until_touched(file, after_ns=file.stat().st_mtime_ns)


async def test_the_file_of_an_earlier_process_does_not_count(tmp_path: Path):
    file = tmp_path / "alive"
    file.touch()
    asked = asyncio.Event()

    def is_healthy() -> bool:
        asked.set()
        return False

    async with heartbeat(str(file), is_healthy=is_healthy, every_s=EVERY_S):
        await until_asked(asked)
        assert not file.exists()


async def test_a_process_that_becomes_healthy_says_so_before_the_next_beat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    # The package has a function of the module's name.
    monkeypatch.setattr(importlib.import_module("config.heartbeat"), "LOOK_S", EVERY_S)
    file = tmp_path / "alive"
    answers = iter([False, False])

    async with heartbeat(str(file), is_healthy=lambda: next(answers, True), every_s=3_600):
        await until_touched(file)


async def test_the_file_grows_old_while_the_process_is_not_healthy(tmp_path: Path):
    file, asked, healthy = tmp_path / "alive", asyncio.Event(), True

    def is_healthy() -> bool:
        asked.set()
        return healthy

    async with heartbeat(str(file), is_healthy=is_healthy, every_s=EVERY_S):
        await until_touched(file)
        healthy = False
        await until_asked(asked)
        os.utime(file, ns=(0, 1))
        await until_asked(asked)
        assert file.stat().st_mtime_ns == 1

        healthy = True
        await until_touched(file, after_ns=1)


async def test_a_file_that_cannot_be_written_is_refused_at_the_start(tmp_path: Path):
    with pytest.raises(ConfigError, match="TWINSTREAM_HEARTBEAT_FILE cannot be written"):
        async with heartbeat(str(tmp_path / "no such folder" / "alive")):
            pytest.fail("the block must not begin")


async def test_a_folder_that_vanishes_and_comes_back_costs_only_the_beats_between(tmp_path: Path):
    folder = tmp_path / "run"
    folder.mkdir()
    file, asked = folder / "alive", asyncio.Event()

    def is_healthy() -> bool:
        asked.set()
        return True

    async with heartbeat(str(file), is_healthy=is_healthy, every_s=EVERY_S):
        await until_touched(file)
        folder.rename(tmp_path / "elsewhere")
        await until_asked(asked)
        folder.mkdir()
        await until_touched(file)


async def test_without_a_file_no_health_is_asked_for():
    async with heartbeat(None, is_healthy=lambda: pytest.fail("asked"), every_s=EVERY_S):
        await asyncio.sleep(0)
