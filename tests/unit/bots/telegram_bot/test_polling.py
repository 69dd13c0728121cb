import asyncio

import pytest
from aiogram.types import Update

from bots.telegram_bot.polling.progress import PollingProgress
from bots.telegram_bot.polling.update_gate import UpdateGate
from config.telegram_answer_decoding import UnreadableUpdate


def test_progress_is_recent_until_the_silence_is_too_long():
    now = 100.0
    progress = PollingProgress(silence_s_max=145.0, clock=lambda: now)
    assert not progress.is_recent()

    progress.made()
    now += 145.0
    assert progress.is_recent()

    now += 0.1
    assert not progress.is_recent()


async def test_an_update_counts_as_handled_when_its_handling_ends_well_or_not():
    handled: list[str] = []

    async def look(update: UnreadableUpdate) -> None:
        raise AssertionError

    gate = UpdateGate(lambda: handled.append("handled"), asyncio.Event(), look)
    release = asyncio.Event()

    async def hang(event, data):
        await release.wait()

    async def fail(event, data):
        raise ValueError("a bug")

    hanging = asyncio.create_task(gate(hang, Update(update_id=1), {}))
    await asyncio.sleep(0)
    assert handled == []

    release.set()
    await hanging
    with pytest.raises(ValueError, match="a bug"):
        await gate(fail, Update(update_id=2), {})
    assert handled == ["handled", "handled"]
