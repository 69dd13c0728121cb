"""A test that hangs ends, is named with the place where it waits, and costs no other test."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import hang_guard
from tests.support.processes import BARE_ENVIRONMENT

IN_A_COROUTINE = "await asyncio.Event().wait()  # here it waits"
IN_A_THREAD = "await asyncio.to_thread(time.sleep, 60)  # here it waits"
IN_A_TEARDOWN = "assert False"
IN_A_LIBRARY = 're.match("(a+)+$", "a" * 60 + "b")'
LIMIT_S, WORKERS_MAX = 2, 2
HANGING = """
import asyncio, pytest, re, subprocess, time, uvloop, weakref
asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())

class Gone:
    pass

proxy_of_nothing = weakref.proxy(Gone())

@pytest.fixture
async def slow_to_end():
    yield
    await asyncio.Event().wait()

async def test_a_hang({fixture}):
    # It holds the standard error, so the run's output ends only with it.
    server = subprocess.Popen(["sleep", "600"])
    {hang}

def test_another():
    pass
"""


@pytest.mark.nightly
@pytest.mark.parametrize("hang", [IN_A_COROUTINE, IN_A_THREAD])
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
def test_a_test_that_fails_and_hangs_in_its_teardown_ends(tmp_path: Path, checkout: Path) -> None:
    done = run_a_test_that_hangs(tmp_path, checkout, IN_A_TEARDOWN, 60, fixture="slow_to_end")

    assert "test_it.py::test_a_hang hangs" in done.stderr


FAILING = """
import asyncio

async def test_it():
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()
    connection = await asyncio.get_running_loop().create_connection(asyncio.Protocol, *address)
    assert connection is None
"""


def test_a_test_that_fails_with_an_open_connection_ends(tmp_path: Path, checkout: Path) -> None:
    """uvloop waits for ever for a transport whose warning became an error: pyproject.toml."""
    (tmp_path / "test_it.py").write_text(FAILING)
    (tmp_path / "conftest.py").write_text(
        "import asyncio, uvloop; asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())"
    )
    settings = str(checkout / "pyproject.toml")

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-c", settings, "--rootdir", str(tmp_path), "."],
        cwd=tmp_path,
        env=BARE_ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert "1 failed" in done.stdout


@pytest.mark.nightly
def test_a_test_that_never_gives_the_interpreter_back_ends(tmp_path: Path, checkout: Path) -> None:
    limit_s = WORKERS_MAX * (hang_guard.GRACE_S + 30)

    done = run_a_test_that_hangs(tmp_path, checkout, IN_A_LIBRARY, limit_s)

    assert f"{WORKERS_MAX} failed" in done.stdout
    assert "in test_a_hang" in done.stderr


def run_a_test_that_hangs(
    folder: Path, checkout: Path, hang: str, limit_s: float, fixture: str = ""
) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(HANGING.format(hang=hang, fixture=fixture))
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
