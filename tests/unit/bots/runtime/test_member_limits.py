import pytest

from bots.runtime import member_limits
from bots.runtime.member_limits import BURST, REFILL_S, MemberLimits


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def limits(clock):
    return MemberLimits(clock=clock)


def test_an_account_asks_a_burst_at_once_and_then_as_fast_as_it_is_refilled(limits, clock):
    assert [limits.admits(1) for _ in range(BURST + 2)] == [True] * BURST + [False] * 2

    clock.now += REFILL_S
    assert [limits.admits(1), limits.admits(1)] == [True, False]

    clock.now += BURST * REFILL_S
    assert [limits.admits(1) for _ in range(BURST + 1)] == [True] * BURST + [False]


def test_no_account_uses_up_what_another_may_ask(limits):
    while limits.admits(1):
        pass

    assert limits.admits(2)


def test_beyond_so_many_accounts_the_quietest_is_forgotten(limits, monkeypatch):
    monkeypatch.setattr(member_limits, "ACCOUNTS_MAX", 3)
    for account_id in (1, 2):
        while limits.admits(account_id):
            pass

    for other in (3, 4):
        limits.admits(other)

    assert limits.admits(1)
