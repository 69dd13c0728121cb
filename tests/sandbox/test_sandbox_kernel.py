"""The kernel shared by both platforms: transcript, faults, rate windows, seed."""

import asyncio

import pytest

from sandbox import Fault, Faults, Rate, SandboxError, SeedError, Transcript, Window, load_seed


class Clock:
    """Time that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_transcript_filters_by_platform_name_and_number():
    transcript = Transcript()
    transcript.record("telegram", "getMe", {}, 200, {})
    transcript.record("discord", "GET /users/@me", None, 200, {}, reason="why")
    transcript.record("telegram", "sendMessage", {}, 400, {})
    assert [c.number for c in transcript.calls()] == [1, 2, 3]
    assert [c.name for c in transcript.calls(platform="telegram", after=1)] == ["sendMessage"]
    assert transcript.calls(name="GET /users/@me")[0].reason == "why"
    assert transcript.last == 3


async def test_wait_for_counts_past_calls_unless_told_otherwise():
    transcript = Transcript()
    transcript.record("telegram", "getMe", {}, 200, {})
    found = await transcript.wait_for(lambda c: c.name == "getMe", timeout=1)
    assert found.number == 1
    with pytest.raises(TimeoutError, match="latest seen: none"):
        await transcript.wait_for(lambda c: c.name == "getMe", timeout=0.01, after=1)


async def test_wait_for_wakes_every_waiter_on_the_call_it_wants():
    transcript = Transcript()
    waiting = [
        asyncio.create_task(transcript.wait_for(wanted, timeout=1))
        for wanted in (lambda c: c.name == "a", lambda c: c.name == "b")
    ]
    await asyncio.sleep(0)
    transcript.record("telegram", "b", {}, 200, {})
    transcript.record("telegram", "a", {}, 200, {})
    assert [call.number for call in await asyncio.gather(*waiting)] == [2, 1]


async def test_a_timed_out_wait_says_what_was_seen():
    transcript = Transcript()
    transcript.record("telegram", "getMe", {}, 401, {})
    with pytest.raises(TimeoutError, match="#1 telegram getMe -> 401"):
        await transcript.wait_for(lambda c: False, timeout=0.01)


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
    "wrong", [{"when": "later"}, {"times": 0}, {"status": 200}], ids=["when", "times", "status"]
)
def test_an_impossible_fault_is_refused(wrong):
    with pytest.raises(SandboxError):
        Fault(**{"platform": "telegram", "name": "*", "status": 500, **wrong})


def test_a_window_grants_its_limit_then_names_the_wait():
    clock = Clock()
    window = Window(2, 10.0, clock)
    assert (window.remaining, window.reset_after) == (2, 0.0)
    assert (window.take(), window.take()) == (0.0, 0.0)
    clock.now += 4
    assert window.remaining == 0
    assert window.wait() == window.take() == 6.0
    clock.now += 6
    assert window.wait() == 0.0
    assert window.take() == 0.0
    assert (window.remaining, window.reset_after) == (1, 10.0)


def test_scaling_a_rate_scales_its_window_only():
    assert Rate(20, 60.0).scaled(0.1) == Rate(20, 6.0)


def test_the_seed_holds_the_ids_that_others_rely_on():
    seed = load_seed()
    assert seed.telegram.bot_id == 42
    assert {p.first_name: p.id for p in seed.telegram.group.people}["Ada"] == 1009
    assert "can_promote_members" not in seed.telegram.group.bot_rights
    names = [role.name for role in seed.discord.guild.roles]
    assert names.index("Legend") < names.index("twinstream") < names.index("Moderator")
    assert seed.discord.guild.roles[0].id == seed.discord.guild.id


@pytest.mark.parametrize("content", ['{"telegram": {}, "discord": {}}', "not json", None])
def test_a_seed_that_cannot_be_used_is_refused(tmp_path, content):
    path = tmp_path / "seed.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SeedError, match=r"seed\.json"):
        load_seed(path)


def test_an_unknown_key_in_a_seed_is_an_error(tmp_path):
    path = tmp_path / "seed.json"
    path.write_text('{"telegramm": {}}')
    with pytest.raises(SeedError, match="telegramm"):
        load_seed(path)
