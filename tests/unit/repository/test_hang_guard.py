"""A test that hangs ends, is named with the place where it waits, and costs no other test."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import hang_guard
from tests.support.processes import BARE_ENVIRONMENT

IN_A_COROUTINE = "await asyncio.Event().wait()  # here it waits"
IN_A_THREAD = "await asyncio.to_thread(time.sleep, 60)  # here it waits"
IN_A_LIBRARY = 're.match("(a+)+$", "a" * 60 + "b")'
HANGING = """
import asyncio, re, time, uvloop, weakref
asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())

class Gone:
    pass

proxy_of_nothing = weakref.proxy(Gone())

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
    done = run_a_test_that_hangs(tmp_path, checkout, hang, limit_s=60)

    assert "1 failed, 1 passed" in done.stdout
    assert "test_it.py::test_a_hang hangs: 1 s are over" in done.stderr
    assert hang in done.stderr


@pytest.mark.nightly
def test_a_test_that_never_gives_the_interpreter_back_ends(tmp_path: Path, checkout: Path) -> None:
    limit_s = hang_guard.GRACE_S + 60

    done = run_a_test_that_hangs(tmp_path, checkout, IN_A_LIBRARY, limit_s)

    assert "1 failed, 1 passed" in done.stdout
    assert "in test_a_hang" in done.stderr


def run_a_test_that_hangs(
    folder: Path, checkout: Path, hang: str, limit_s: float
) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(HANGING.format(hang=hang))
    return subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "--rootdir", str(folder), "--numprocesses", "1"),
            *("-p", "no:cacheprovider", "-p", "no:randomly", "-p", "tests.support.hang_guard"),
            *("-o", "asyncio_mode=auto", "--timeout", "1", "-q", str(folder)),
        ],
        cwd=checkout,
        env=BARE_ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=limit_s,
        check=False,
    )
