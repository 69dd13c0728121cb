"""The transcript of both local platforms, and waiting for a call in it."""

import asyncio

import pytest

from sandbox import Transcript


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


async def test_a_timed_out_wait_names_the_latest_call():
    transcript = Transcript()
    transcript.record("telegram", "getMe", {}, 401, {})
    with pytest.raises(TimeoutError, match="#1 telegram getMe -> 401"):
        await transcript.wait_for(lambda c: False, timeout=0.01)
