"""A test that hangs ends, is named with the place where it waits, and costs no other test."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import BARE_ENVIRONMENT

IN_A_COROUTINE = "await asyncio.Event().wait()  # here it waits"
IN_A_THREAD = "await asyncio.to_thread(time.sleep, 60)  # here it waits"
HANGING = """
import asyncio, time, uvloop
asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())

async def test_a_hang():
    {hang}

def test_another():
    pass
"""


@pytest.mark.parametrize(
    "hang", [IN_A_COROUTINE, pytest.param(IN_A_THREAD, marks=pytest.mark.nightly)]
)
def test_a_test_that_hangs_ends_and_the_others_run(
    tmp_path: Path, checkout: Path, hang: str
) -> None:
    (tmp_path / "test_it.py").write_text(HANGING.format(hang=hang))

    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "--rootdir", str(tmp_path), "--numprocesses", "1"),
            *("-p", "no:cacheprovider", "-p", "no:randomly", "-p", "tests.support.hang_guard"),
            *("-o", "asyncio_mode=auto", "--timeout", "1", "-q", str(tmp_path)),
        ],
        cwd=checkout,
        env=BARE_ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert "1 failed, 1 passed" in done.stdout
    assert "test_it.py::test_a_hang hangs: 1 s are over" in done.stderr
    assert hang in done.stderr
