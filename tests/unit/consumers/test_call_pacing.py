"""The rate limit, with a reserve for urgent calls."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.display.call_pacing import RateLimit


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@given(st.lists(st.floats(0.0, 4.0), max_size=60), st.integers(1, 12))
async def test_no_window_ever_holds_more_than_the_limit(gaps, calls):
    clock, made = Clock(), []
    pace = RateLimit(calls, 10.0, clock=clock)
    for gap in gaps:
        clock.now += gap
        if pace.free(urgent=True):
            await pace.take()
            made.append(clock.now)

    assert all(sum(begin <= at < begin + 9.999 for at in made) <= calls for begin in made)


async def test_a_fourth_is_kept_for_what_is_urgent():
    pace = RateLimit(9, 10.0, clock=Clock())
    for _ in range(7):
        await pace.take()

    assert pace.free(urgent=False) == 0
    assert pace.free(urgent=True) == 2


async def test_a_platform_that_grants_less_is_followed_until_its_window_ends():
    clock = Clock()
    pace = RateLimit(9, 10.0, clock=clock)

    await pace.take()
    pace.observe(limit=5, remaining=4, reset_after_s=10.0)
    assert pace.free(urgent=True) == 3
    await pace.take()
    assert (pace.free(urgent=True), pace.free(urgent=False)) == (2, 0)
    clock.now += 10.0

    assert pace.free(urgent=True) == 4


async def test_a_platform_that_grants_more_changes_nothing():
    pace = RateLimit(9, 10.0, clock=Clock())
    await pace.take()
    pace.observe(limit=100, remaining=99, reset_after_s=10.0)

    assert pace.free(urgent=True) == 8


async def test_a_call_is_forgotten_when_the_wait_for_it_is_over_however_the_clock_rounds():
    clock = Clock()
    pace = RateLimit(1, 10.0, clock=clock)
    clock.now = 0.1
    await pace.take()
    clock.now = 0.1 + 10.0

    assert pace.free(urgent=True) == 1


async def test_the_end_of_what_a_platform_grants_is_waited_for(monkeypatch):
    clock = Clock()
    pace = RateLimit(9, 10.0, clock=clock)
    await pace.take()
    pace.observe(limit=2, remaining=1, reset_after_s=3.0)

    async def pass_time(seconds: float) -> None:
        slept.append(seconds)
        clock.now += seconds

    slept: list[float] = []
    monkeypatch.setattr("consumers.display.call_pacing.asyncio.sleep", pass_time)
    await pace.take()

    assert slept == [pytest.approx(3.0)]


async def test_a_caller_beyond_the_limit_waits_for_the_oldest_call_to_pass(monkeypatch):
    clock = Clock()
    pace = RateLimit(1, 10.0, clock=clock)
    await pace.take()
    clock.now += 4.0

    async def pass_time(seconds: float) -> None:
        slept.append(seconds)
        clock.now += seconds

    slept: list[float] = []
    monkeypatch.setattr("consumers.display.call_pacing.asyncio.sleep", pass_time)
    await pace.take()

    assert slept == [pytest.approx(6.0)]
