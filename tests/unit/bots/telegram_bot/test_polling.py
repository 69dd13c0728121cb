import asyncio

import pytest
from aiogram.types import Update

from bots.telegram_bot.polling.progress import (
    CONTESTED_S_MAX,
    CONTESTED_S_MIN,
    OTHER_POLLER,
    PollingProgress,
)
from bots.telegram_bot.polling.retries import CONFLICT_PAUSE_S_MAX
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


class Contest:
    """A bot that polls beside another process, at the times that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0
        self.progress = PollingProgress(silence_s_max=145.0, clock=lambda: self.now)

    def lasts_through(self, *apart_s: float) -> bool:
        """Meet a conflict after each of these pauses; tell whether it lasted through all of them.

        The poll before each conflict was answered.
        """
        troubles = []
        for pause_s in apart_s:
            self.now += pause_s - 0.01
            troubles.append(self.progress.trouble())
            self.progress.made()
            self.now += 0.01
            self.progress.conflicted()
        return all(one == OTHER_POLLER for one in troubles)


def test_a_single_conflict_is_over_after_some_seconds():
    contest = Contest()
    assert contest.progress.trouble() is None

    contest.progress.conflicted()
    contest.now += CONTESTED_S_MIN - 0.01
    assert contest.progress.trouble() == OTHER_POLLER
    contest.now += 0.01
    assert contest.progress.trouble() is None


@pytest.mark.parametrize(
    "apart_s",
    [
        [2 * CONFLICT_PAUSE_S_MAX] * 20,
        [min(1.5**n, 30.0) + CONFLICT_PAUSE_S_MAX for n in range(20)],
        [min(2.0**n, 30.0) + CONFLICT_PAUSE_S_MAX for n in range(20)],
    ],
    ids=["our own bot", "a pause half as long again", "a doubled pause"],
)
def test_a_conflict_lasts_while_the_other_process_polls(apart_s):
    contest = Contest()
    contest.progress.conflicted()

    assert contest.lasts_through(*apart_s)


def test_a_process_that_pauses_for_long_from_the_start_is_told_from_its_second_conflict_on():
    contest = Contest()
    contest.progress.conflicted()
    contest.lasts_through(35.0)

    assert contest.lasts_through(*[35.0] * 10)


def test_an_old_conflict_does_not_prolong_a_new_one():
    contest = Contest()
    contest.progress.conflicted()
    contest.lasts_through(10_000.0)

    contest.now += CONTESTED_S_MIN
    assert contest.progress.trouble() is None


def test_a_conflict_is_over_at_last_however_long_the_other_process_had_paused():
    contest = Contest()
    contest.progress.conflicted()
    contest.lasts_through(14.0, 27.0, 50.0, 55.0)

    contest.now += CONTESTED_S_MAX
    assert contest.progress.trouble() is None


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
