import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bots.runtime.backoff import backoff_s
from bots.runtime.errors import Stopped, Unready
from bots.runtime.supervisor import Supervisor
from tests.support.patience import PATIENCE_S


@pytest.fixture
def supervisor():
    return Supervisor(asyncio.Event(), delay_first_s=0.0, delay_max_s=0.0)


@given(attempt=st.integers(1, 10_000), chance=st.floats(0, 1))
def test_a_delay_stays_within_its_limits(attempt, chance):
    delay = backoff_s(attempt, first_s=1.0, max_s=30.0, chance=chance)

    assert 0.5 <= delay <= 30.0
    assert delay <= backoff_s(attempt + 1, first_s=1.0, max_s=30.0, chance=chance)


async def test_a_transient_failure_is_retried_until_it_succeeds(supervisor):
    outcomes = iter([Unready("1"), Unready("2"), "done"])

    async def attempt():
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    assert await supervisor.keep(attempt, what="trying", transient=(Unready,)) == "done"


async def test_each_cause_of_failed_attempts_is_told_once(supervisor):
    away, banned = Unready("away"), Unready("a ban")
    outcomes = iter([away, away, banned, away, banned, "done"])

    async def attempt():
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    with capture_logs() as logs:
        await supervisor.keep(attempt, what="trying", transient=(Unready,))

    told = [line["why"] for line in logs if line["log_level"] == "warning"]
    assert told == ["Unready: away", "Unready: a ban"]


async def test_a_wait_that_a_platform_asks_for_is_not_cut_short(supervisor, monkeypatch):
    pauses = []

    async def pause(delay_s):
        pauses.append(delay_s)

    monkeypatch.setattr(supervisor, "pause", pause)
    outcomes = iter([Unready("a ban", wait_s=600.0), Unready("away"), "done"])

    async def attempt():
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    await supervisor.keep(attempt, what="trying", transient=(Unready,))

    assert pauses == [600.0, 0.0]


async def test_any_other_failure_is_not_retried(supervisor):
    async def attempt():
        raise ValueError("a mistake of ours")

    with pytest.raises(ValueError, match="of ours"):
        await supervisor.keep(attempt, what="trying", transient=(Unready,))


async def test_stopping_ends_the_wait_between_attempts():
    supervisor = Supervisor(asyncio.Event(), delay_first_s=3_600.0, delay_max_s=3_600.0)

    async def attempt():
        asyncio.get_running_loop().call_soon(supervisor.stop.set)
        raise Unready("away")

    async with asyncio.timeout(5):
        with pytest.raises(Stopped):
            await supervisor.keep(attempt, what="trying", transient=(Unready,))


async def test_stopping_cancels_the_work_in_progress(supervisor):
    cancelled = asyncio.Event()

    async def endless():
        supervisor.stop.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    with pytest.raises(Stopped):
        await supervisor.unless_stopped(endless())

    assert cancelled.is_set()


async def test_the_result_is_returned_without_a_stop(supervisor):
    async def work():
        return 7

    assert await supervisor.unless_stopped(work()) == 7


async def test_a_failure_of_the_work_is_raised(supervisor):
    async def work():
        raise Unready("away")

    with pytest.raises(Unready):
        await supervisor.unless_stopped(work())


async def test_a_duty_that_dies_begins_again_and_each_cause_is_told_once(supervisor):
    outcomes: list[Exception | None] = [KeyError("1"), KeyError("2"), ValueError("3"), None]

    async def duty():
        if (outcome := outcomes.pop(0)) is not None:
            raise outcome

    with capture_logs() as logs:
        await supervisor.keep_up(duty, what="notices")

    assert outcomes == []
    told = [line for line in logs if line["log_level"] == "error"]
    assert [line["why"] for line in told] == ["KeyError: '1'", "ValueError: 3"]
    assert {(line["event"], line["duty"]) for line in told} == {("duty.failed", "notices")}
    assert all(line["exc_info"] for line in told)


async def test_a_stop_ends_a_duty_that_dies_again_and_again(supervisor):
    async def duty():
        supervisor.stop.set()
        raise KeyError

    async with asyncio.timeout(PATIENCE_S):
        await supervisor.keep_up(duty, what="notices")
