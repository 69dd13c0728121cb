"""Faults that are ordered from the sandbox."""

import pytest

from sandbox import Fault, Faults, SandboxError


def status(fault: Fault | None) -> int | None:
    return None if fault is None else fault.status


def test_a_fault_strikes_as_often_as_ordered_and_only_its_method():
    faults = Faults()
    faults.add(Fault("telegram", "sendMessage", 429, times=2, retry_after=1))
    faults.add(Fault("discord", "*", 500))
    assert faults.take("telegram", "getMe") is None
    assert status(faults.take("telegram", "sendMessage")) == 429
    assert status(faults.take("telegram", "sendMessage")) == 429
    assert faults.take("telegram", "sendMessage") is None
    assert [f.platform for f in faults.pending()] == ["discord"]
    assert status(faults.take("discord", "GET /users/@me")) == 500
    faults.add(Fault("telegram", "*", 500))
    faults.clear()
    assert faults.pending() == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"when": "later"},
        {"times": 0},
        {"status": 200},
        {"platform": "discord", "name": "gateway READY", "when": "lost"},
    ],
    ids=["when", "times", "status", "lost"],
)
def test_an_impossible_fault_is_refused(wrong):
    with pytest.raises(SandboxError):
        Fault(**{"platform": "telegram", "name": "*", "status": 500, **wrong})
