"""`make chaos` at a small size: real servers and processes, faults, and the audit."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.patience import PATIENCE_S

SEED = "2"


@pytest.mark.parametrize(
    ("seconds", "people"),
    [
        ("10", "--no-people"),
        # The real bots take seconds to start, and deeds need time to reach the limits of a day.
        pytest.param("120", "--people", marks=[pytest.mark.nightly, pytest.mark.timeout(900)]),
    ],
    ids=["events", "deeds of people"],
)
async def test_nothing_is_lost_and_nothing_doubled_under_chaos(
    tmp_path: Path, checkout: Path, seconds: str, people: str
):
    """CHAOS_SECONDS and CHAOS_SEED in the environment make it longer, or another one."""
    environ = {
        "CHAOS_SECONDS": seconds,
        "CHAOS_SEED": SEED,
        **{name: value for name, value in os.environ.items() if not name.startswith("TWINSTREAM_")},
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "chaos", people, "--folder", str(tmp_path / "chaos")),
        cwd=checkout,
        env=environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()

    assert process.returncode == 0, output.decode()
    assert "PASSED: 0 lost, 0 doubled" in output.decode()
    assert not list(left_in(tmp_path))


async def test_a_run_that_is_stopped_leaves_nothing_behind(tmp_path: Path, checkout: Path):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "chaos", "--folder", str(tmp_path / "chaos")),
        cwd=checkout,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            while len(list(left_in(tmp_path))) < 8:  # noqa: ASYNC110 - other processes' doing
                await asyncio.sleep(0.1)
    finally:
        process.terminate()
        code = await process.wait()

    assert code == 3
    assert not list(left_in(tmp_path))


def left_in(folder: Path) -> Iterator[psutil.Process]:
    """The processes that work in this folder, or have their settings from it."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            settings = Path(process.environ().get("TWINSTREAM_CONFIG", "/"))
            if folder in settings.parents or folder in Path(process.cwd()).parents:
                yield process
