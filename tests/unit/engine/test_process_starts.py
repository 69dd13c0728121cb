"""The engine's tests read a start from the container, and from the log of this start alone."""

import json

import pytest

from tests.engine.process_starts import Start, is_ready, mib, read

BEGAN = "2026-11-30T12:00:10.250000123Z"
#: 1796040012 s is 12:00:12.
ANSWER = """1796040012.750
1 (docker-init) S 0 1 1 0 -1 4194560 100 200 0 0 0 0 0 0 20 0 1 0 900 1 1 1
7 (python) S 1 7 7 0 -1 4194304 15000 0 3 0 142 9 0 0 20 0 3 0 901 1 1 1
31 (cat) R 7 7 7 0 -1 4194304 15 0 0 0 700 0 0 0 20 0 1 0 902 1 1 1
"""
ROLES = ("to-discord", "discord-roles")


def line(second: float, event: str, **fields: str) -> str:
    return json.dumps({"event": event, "timestamp": f"2026-11-30T12:00:{second:09.6f}Z", **fields})


BEFORE = [line(1, "role.started", role=role) for role in ROLES]
FIRST = line(11, "role.started", role="to-discord")
SECOND = line(11.5, "role.started", role="to-discord/2")
LAST = line(12.25, "role.started", role="discord-roles")


def test_roles_are_ready_when_the_last_one_has_started():
    log = "\n".join(["no line of ours", *BEFORE, FIRST, SECOND, LAST, line(13, "role.resumed")])

    assert read(ANSWER, log, BEGAN, ROLES) == pytest.approx(
        Start(healthy_after_s=2.5, ready_after_s=2.0, cpu_s=1.51), abs=1e-3
    )


def test_an_earlier_start_and_another_lane_are_no_role_of_this_start():
    assert not is_ready("\n".join([*BEFORE, FIRST, SECOND]), BEGAN, ROLES)
    assert is_ready("\n".join([*BEFORE, FIRST, SECOND, LAST]), BEGAN, ROLES)


def test_a_bot_is_ready_when_it_has_started():
    assert not is_ready(line(11, "process.started"), BEGAN, ())
    assert is_ready(line(11, "bot.started"), BEGAN, ())


@pytest.mark.parametrize(
    ("amount", "expected"), [("512KiB", 0.5), ("61.25MiB", 61.25), ("1.5GiB", 1536.0)]
)
def test_memory_is_read_as_docker_writes_it(amount: str, expected: float):
    assert mib(amount) == expected
