"""Ends the process of a test that hangs, and says where it waits.

pytest-timeout raises its error in a signal handler. uvloop drops an error that a signal handler
raises, so a coroutine that waits for ever outlives it, and so does a thread. pytest-xdist replaces
a worker that ends: it reports the worker's test as failed, and runs all others. Where a worker has
a whole file to run, pytest-xdist 3.8 also runs the failed test again, in the new worker; it fails
there at once, by a list that the workers of a run share.
"""

import asyncio
import contextlib
import faulthandler
import gc
import io
import os
import tempfile
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final, Protocol

import psutil
import pytest
from pytest_timeout import is_debugging

EXIT_CODE: Final = 1
#: Seconds after its limit that a test has left where no thread of Python gets to run.
GRACE_S: Final = 60
#: Frames of a task that are printed, the innermost ones.
FRAMES_MAX: Final = 8
STDERR: Final = 2

#: A copy of the standard error, because pytest puts another file in its place while a test runs.
_report_to = pytest.StashKey[int]()
_timer = pytest.StashKey[threading.Timer]()
#: The file with the names of the tests that hung in any worker of this run.
_hung = pytest.StashKey[Path]()


class TimeoutSettings(Protocol):
    """The part of pytest-timeout's settings that is used here."""

    timeout: float


def pytest_configure(config: pytest.Config) -> None:
    """Keep the standard error: pytest calls this while it captures nothing."""
    config.stash[_report_to] = os.dup(STDERR)
    if (given := getattr(config, "workerinput", {}).get("hung")) is not None:
        config.stash[_hung] = Path(given)
    else:
        descriptor, path = tempfile.mkstemp(prefix="hung-tests-")
        os.close(descriptor)
        config.stash[_hung] = Path(path)
        config.add_cleanup(config.stash[_hung].unlink)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give a worker the list of this run: pytest-xdist calls this before it starts one."""
    node.workerinput["hung"] = str(node.config.stash[_hung])


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let a test that hung in another worker of this run fail, in place of hanging again."""
    if item.nodeid in item.config.stash[_hung].read_text(encoding="utf-8").splitlines():
        pytest.fail("it hung in another worker, which was ended", pytrace=False)


def pytest_timeout_set_timer(item: pytest.Item, settings: TimeoutSettings) -> bool:
    """Start the clock of a test: pytest-timeout calls this before its fixtures are set up."""
    timer = threading.Timer(settings.timeout, _end, (item, settings.timeout))
    timer.daemon = True
    item.stash[_timer] = timer
    timer.start()
    # Written in C: it ends the process also where a library never gives the interpreter back.
    faulthandler.dump_traceback_later(
        settings.timeout + GRACE_S, exit=True, file=item.config.stash[_report_to]
    )
    return True


def pytest_timeout_cancel_timer() -> bool:
    """Leave the clock alone: pytest-timeout stops it before the teardown of a failed test."""
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Stop the clock of a test after its fixtures are torn down."""
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()
        if (timer := item.stash.get(_timer, None)) is not None:
            timer.cancel()
            timer.join()


def _end(item: pytest.Item, seconds: float) -> None:
    if is_debugging():
        return
    report_to = item.config.stash[_report_to]
    try:
        with item.config.stash[_hung].open("a", encoding="utf-8") as hung:
            hung.write(f"{item.nodeid}\n")
        os.write(report_to, f"\n{item.nodeid} hangs: {seconds:g} s are over\n".encode())
        faulthandler.dump_traceback(report_to)
        os.write(report_to, _tasks().encode())
        for child in psutil.Process().children(recursive=True):
            # Servers of the tests would outlive their worker, and hold its terminal.
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
    finally:
        # An error of a report must not keep the process: nothing else would end it.
        os._exit(EXIT_CODE)


def _tasks() -> str:
    """Return where each task of any event loop waits."""
    told = io.StringIO()
    for found in gc.get_objects():
        # `isinstance` asks a weak proxy for the class of its object, and raises once that is gone.
        if issubclass(type(found), asyncio.Task) and not found.done():
            # The event loop runs meanwhile: a task may change while it is looked at.
            with contextlib.suppress(RuntimeError):
                found.print_stack(limit=FRAMES_MAX, file=told)
    return told.getvalue()
