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
LIMIT_S, WORKERS_MAX = 2, 2
HANGING = """
import asyncio, re, subprocess, time, uvloop, weakref
asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())

class Gone:
    pass

proxy_of_nothing = weakref.proxy(Gone())

async def test_a_hang():
    # It holds the standard error, so the run's output ends only with it.
    server = subprocess.Popen(["sleep", "600"])
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

    # It failed as its worker ended, and at once in the next one.
    assert "1 failed, 3 passed, 1 error" in done.stdout
    assert f"test_it.py::test_a_hang hangs: {LIMIT_S} s are over" in done.stderr
    assert hang in done.stderr
    assert done.stderr.count("s are over") == 1


@pytest.mark.nightly
def test_a_test_that_never_gives_the_interpreter_back_ends(tmp_path: Path, checkout: Path) -> None:
    limit_s = WORKERS_MAX * (hang_guard.GRACE_S + 30)

    done = run_a_test_that_hangs(tmp_path, checkout, IN_A_LIBRARY, limit_s)

    assert f"{WORKERS_MAX} failed" in done.stdout
    assert "in test_a_hang" in done.stderr


def run_a_test_that_hangs(
    folder: Path, checkout: Path, hang: str, limit_s: float
) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(HANGING.format(hang=hang))
    (folder / "test_others.py").write_text("def test_one(): pass\ndef test_two(): pass\n")
    return subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "--rootdir", str(folder), "--numprocesses", "2"),
            *("--dist", "loadfile", "--max-worker-restart", str(WORKERS_MAX - 1)),
            *("-p", "no:cacheprovider", "-p", "no:randomly", "-p", "tests.support.hang_guard"),
            *("-o", "asyncio_mode=auto", "--timeout", str(LIMIT_S), "-q", str(folder)),
        ],
        cwd=checkout,
        env=BARE_ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=limit_s,
        check=False,
    )
