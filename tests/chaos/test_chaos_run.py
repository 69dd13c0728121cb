"""`make chaos` at a small size: real servers and processes, faults, and the audit."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

SECONDS = "15"
SEED = "1"


@pytest.mark.timeout(240)
async def test_nothing_is_lost_and_nothing_doubled_under_chaos(tmp_path: Path, checkout: Path):
    """CHAOS_SECONDS and CHAOS_SEED in the environment make it longer, or another one."""
    environ = {
        "CHAOS_SECONDS": SECONDS,
        "CHAOS_SEED": SEED,
        **{name: value for name, value in os.environ.items() if not name.startswith("TWINSTREAM_")},
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "chaos", "--folder", str(tmp_path / "chaos")),
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
