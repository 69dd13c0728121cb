"""How a role runs: it retries after temporary errors, ends on others, and stops on request."""

import asyncio
import contextlib

import pytest
import structlog
from structlog.testing import capture_logs

from bus import BusUnavailable, NotAStream, ServerUnfit, StreamExhausted
from config import ConfigError
from consumers.runtime import runner
from consumers.runtime.runner import NotYet, RoleFailed, pause, run, unless_stopped
from db import Contention, RuleBroken, StorageUnavailable
from db.error_causes import logged_causes


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(runner, "BACKOFF_FIRST_S", 0.001)
    structlog.configure(cache_logger_on_first_use=False)
    yield
    structlog.reset_defaults()


class Scripted:
    """A role whose steps do what a script says: raise an error or return a count."""

    pause_s = 0.0

    def __init__(self, stop, *script):
        self.stop = stop
        self.script = list(script)
        self.closed = False

    def describe(self):
        return {"colour": "red"}

    async def step(self):
        act = self.script.pop(0)
        if not self.script:
            self.stop.set()
        if isinstance(act, Exception):
            raise act
        return act

    @contextlib.asynccontextmanager
    async def open(self):
        try:
            yield self
        finally:
            self.closed = True


@pytest.fixture
def stop():
    return asyncio.Event()


async def test_a_role_that_fails_and_works_in_turns_says_each_cause_once(stop, monkeypatch):
    away, busy = StorageUnavailable("away since 12:03, try 1"), Contention("busy")
    again = StorageUnavailable("away since 12:04, try 2")
    role = Scripted(stop, away, 1, busy, 1, again, busy, 1, away, 1)

    with capture_logs() as logs:
        await run("mars", role.open, stop)
    told = [line["why"] for line in logs if line["event"] == "role.delayed"
            and line["log_level"] == "warning"]  # fmt: skip
    assert told == [str(away), "busy"]
    assert [line["event"] for line in logs].count("role.resumed") == 2

    monkeypatch.setattr(logged_causes, "NEWS_AGAIN_S", -runner.BACKOFF_MAX_S)
    stop.clear()
    with capture_logs() as logs:
        await run("mars", Scripted(stop, busy, 1, busy, 1).open, stop)
    assert [line["log_level"] for line in logs if line["event"] == "role.delayed"] == [
        "warning",
        "warning",
    ]


async def test_a_role_retries_after_temporary_errors(stop):
    role = Scripted(stop, StorageUnavailable("away"), BusUnavailable("away"), Contention("busy"), 1)

    await run("role", role.open, stop)

    assert role.script == []
    assert role.closed


async def test_a_refusal_of_one_stream_ends_no_role(stop):
    refusals = [StreamExhausted("sync:telegram"), NotAStream("sync:telegram", "WRONGTYPE")]
    role = Scripted(stop, *refusals, 1)

    with capture_logs() as logs:
        await run("role", role.open, stop)

    assert role.script == []
    told = [line["why"] for line in logs if line["event"] == "role.delayed"]
    assert told == [str(refusal) for refusal in refusals]


async def test_an_outage_and_its_end_are_logged_once(stop):
    role = Scripted(stop, 1, *[BusUnavailable("away")] * 5, 1)

    with capture_logs() as logs:
        await run("role", role.open, stop)

    told = [line["event"] for line in logs if line["log_level"] != "debug"]
    assert told == ["role.started", "role.delayed", "role.resumed", "role.stopped"]
    assert logs[0]["colour"] == "red"


@pytest.mark.parametrize(
    "error", [ServerUnfit("unknown command"), RuleBroken("42P01", "no table"), KeyError("roles")]
)
async def test_other_errors_end_the_role_with_a_traceback_in_the_log(stop, error):
    role = Scripted(stop, error, 1)

    with capture_logs() as logs, pytest.raises(RoleFailed, match="the role role failed"):
        await run("role", role.open, stop)

    [failed] = [line for line in logs if line["event"] == "role.failed"]
    assert failed["exc_info"]
    assert role.closed


async def test_a_role_that_cannot_start_yet_is_opened_again(stop):
    role = Scripted(stop, 1)
    refusals: list[Exception] = [
        NotYet("the platform is away"),
        BusUnavailable("Redis is away"),
        NotAStream("sync:snapshots", "WRONGTYPE"),
        StorageUnavailable("too many connections"),
    ]

    @contextlib.asynccontextmanager
    async def open_role():
        if refusals:
            raise refusals.pop()
        async with role.open() as opened:
            yield opened

    await run("role", open_role, stop)

    assert role.script == []


async def test_unfit_settings_are_no_failure_of_the_role(stop):
    @contextlib.asynccontextmanager
    async def open_role():
        raise ConfigError("the token is refused")
        yield

    with pytest.raises(ConfigError, match="the token is refused"):
        await run("role", open_role, stop)


async def test_a_pause_ends_with_the_stop(stop):
    asyncio.get_running_loop().call_soon(stop.set)
    async with asyncio.timeout(5):
        await pause(stop, 60)


async def test_work_is_awaited_unless_stopped(stop):
    async def work():
        return 3

    assert await unless_stopped(stop, work()) == 3


async def test_a_stop_cancels_the_work_and_waits_for_its_end(stop):
    ended = []

    async def work():
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    asyncio.get_running_loop().call_soon(stop.set)

    assert await unless_stopped(stop, work()) is None
    assert ended == [True]


async def test_an_error_of_the_work_is_raised(stop):
    async def work():
        raise BusUnavailable("away")

    with pytest.raises(BusUnavailable):
        await unless_stopped(stop, work())


async def test_what_the_work_returns_although_stopped_is_not_lost(stop):
    """A read that was cancelled too late returns entries."""

    async def stubborn():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return ["entry"]

    asyncio.get_running_loop().call_soon(stop.set)

    assert await unless_stopped(stop, stubborn()) == ["entry"]


async def test_a_cancellation_from_outside_is_passed_on_and_ends_the_work(stop):
    ended = []

    async def work():
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    task = asyncio.create_task(unless_stopped(stop, work()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert ended == [True]
