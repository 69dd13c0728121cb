import asyncio

import pytest

from db.error_causes import logged_causes
from db.error_causes.logged_causes import LoggedCauses


async def test_a_cause_is_news_once_whatever_numbers_it_has():
    told = LoggedCauses()

    assert told.is_new("away since 12:03, try 1")
    assert not told.is_new("away since 12:04, try 2")
    assert told.is_new("busy")


async def test_the_end_is_told_if_a_failure_was():
    told = LoggedCauses()
    told.is_new("away")

    assert [told.end(), told.end()] == [True, False]
    assert not told.is_new("away")
    assert not told.end()


async def test_a_cause_that_comes_back_later_is_news_again(monkeypatch: pytest.MonkeyPatch):
    clock = 1_000.0
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: clock)
    told = LoggedCauses()
    told.is_new("a ban", wait_s=600.0)

    clock += 600.0 + logged_causes.NEWS_AGAIN_S / 2
    assert not told.is_new("a ban")

    clock += logged_causes.NEWS_AGAIN_S
    assert told.is_new("a ban")


async def test_a_trouble_in_endlessly_many_words_is_told_a_few_times():
    told = LoggedCauses()

    heard = [told.is_new("a" * length) for length in range(1, 10 * logged_causes.CAUSES_MAX)]

    assert sum(heard) == logged_causes.CAUSES_MAX
