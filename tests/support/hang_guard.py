"""Ends the process of a test that hangs, and says where it waits.

pytest-timeout raises its error in a signal handler. uvloop drops an error that a signal handler
raises, so a coroutine that waits for ever outlives it, and so does a thread. pytest-xdist replaces
a worker that ends: it reports the worker's test as failed, and runs all others.
"""

import asyncio
import contextlib
import faulthandler
import gc
import io
import os
import threading
from typing import Final, Protocol

import pytest

EXIT_CODE: Final = 1
#: Seconds after its limit that a test has left where no thread of Python gets to run.
GRACE_S: Final = 60
#: Frames of a task that are printed, the innermost ones.
FRAMES_MAX: Final = 8
STDERR: Final = 2

#: A copy of the standard error, because pytest puts another file in its place while a test runs.
_report_to = pytest.StashKey[int]()
_timer = pytest.StashKey[threading.Timer]()


class TimeoutSettings(Protocol):
    """The part of pytest-timeout's settings that is used here."""

    timeout: float


def pytest_configure(config: pytest.Config) -> None:
    """Keep the standard error: pytest calls this while it captures nothing."""
    config.stash[_report_to] = os.dup(STDERR)


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


def pytest_timeout_cancel_timer(item: pytest.Item) -> bool:
    """Stop the clock of a test: pytest-timeout calls this after its fixtures are torn down."""
    faulthandler.cancel_dump_traceback_later()
    if (timer := item.stash.get(_timer, None)) is not None:
        timer.cancel()
        timer.join()
    return True


def _end(item: pytest.Item, seconds: float) -> None:
    report_to = item.config.stash[_report_to]
    try:
        os.write(report_to, f"\n{item.nodeid} hangs: {seconds:g} s are over\n".encode())
        faulthandler.dump_traceback(report_to)
        os.write(report_to, _tasks().encode())
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
