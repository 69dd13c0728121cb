"""Every place of a Telegram message in which a link code can be posted is looked at."""

from datetime import UTC, datetime
from typing import Any

import pytest
from aiogram.types import (
    Chat,
    Checklist,
    ChecklistTask,
    Message,
    Poll,
    PollOption,
    TextQuote,
)

from bots.telegram_bot.messages.posted_codes import texts_of

CODE = "ABC2EFGHJ3"


def message(**parts: Any) -> Message:
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    return Message(message_id=1, date=moment, chat=Chat(id=-1001, type="supergroup"), **parts)


def poll(question: str, option: str) -> Poll:
    return Poll(
        id="1",
        question=question,
        options=[PollOption(persistent_id="1", text=option, voter_count=0)],
        total_voter_count=0,
        is_closed=False,
        is_anonymous=True,
        type="regular",
        allows_multiple_answers=False,
        allows_revoting=False,
        members_only=False,
    )


@pytest.mark.parametrize(
    "posted",
    [
        message(text=CODE),
        message(caption=CODE),
        message(text="look", quote=TextQuote(text=CODE, position=0)),
        message(poll=poll(CODE, "yes")),
        message(poll=poll("which?", CODE)),
        message(checklist=Checklist(title=CODE, tasks=[])),
        message(checklist=Checklist(title="todo", tasks=[ChecklistTask(id=1, text=CODE)])),
    ],
    ids=["text", "caption", "quote", "poll", "poll's option", "checklist", "checklist's task"],
)
def test_a_code_is_seen_wherever_people_can_read_it(posted: Message):
    assert CODE in list(texts_of(posted))


def test_a_message_without_texts_has_none():
    assert list(texts_of(message())) == []
