"""Answers in the Telegram group that go after a time, and those that stay."""

from datetime import datetime
from functools import partial

import msgspec
import pytest

import bots.features.guessing.room
import bots.telegram_bot.answer_tidying
from bots.features.guessing.game import GameService
from config.community import AnswerSetting
from sandbox import Fault
from tests.support.settling import until

GROUP, ALICE, BORIS = -1001000000001, 1001, 1002
DELETE = "deleteMessages"


@pytest.fixture(autouse=True)
def at_once(monkeypatch, stage):
    monkeypatch.setattr(bots.telegram_bot.answer_tidying, "INTERVAL_S", 0.05)
    monkeypatch.setattr(
        bots.features.guessing.room, "GameService", partial(GameService, think=lambda *_: 7)
    )


async def asked(stage, text: str) -> dict[str, int]:
    """Send a command to the group. Returns the ids of the command and of its answer."""
    after = stage.transcript.last
    said = stage.telegram.say(GROUP, ALICE, text)
    answer = (await stage.seen("sendMessage", after=after)).response["result"]
    return {"command": said, "answer": answer["message_id"]}


async def noted(stage, count: int) -> None:
    async def holds() -> bool:
        rows = await stage.pool.fetchval("SELECT count(*) FROM transient_messages")
        return int(rows) == count

    await until(holds, what=f"{count} messages are noted")


async def let_time_pass(stage) -> None:
    """Make all that is noted due."""
    await stage.pool.execute("UPDATE transient_messages SET delete_at = now()")


def there(stage, message_id: int) -> bool:
    return stage.telegram._world.message(GROUP, message_id) is not None


async def test_an_answer_and_its_command_go_after_their_time_and_a_win_stays(stage):
    async with stage.telegram_bot():
        missed = await asked(stage, "/guess 3")
        won = await asked(stage, "/guess 7")
        await noted(stage, 2)
        left_at = await stage.pool.fetchval(
            "SELECT extract(epoch FROM min(delete_at) - now()) FROM transient_messages"
        )
        await let_time_pass(stage)
        await noted(stage, 0)
        for _ in range(2):
            await stage.seen(DELETE)

    assert 590 < left_at <= 600
    assert [there(stage, one) for one in missed.values()] == [False, False]
    assert [there(stage, one) for one in won.values()] == [True, True]


async def test_what_members_write_themselves_stays(stage):
    """A word of thanks is answered, and no command."""
    async with stage.telegram_bot():
        helpful = stage.telegram.say(GROUP, BORIS, "you press the green one")
        after = stage.transcript.last
        thanks = stage.telegram.say(GROUP, ALICE, "thanks!", reply_to=helpful)
        answer = (await stage.seen("sendMessage", after=after)).response["result"]["message_id"]
        await noted(stage, 1)
        await let_time_pass(stage)
        await until_gone(stage, answer)

    assert [there(stage, one) for one in (helpful, thanks)] == [True, True]


async def test_a_restart_forgets_no_message(stage, monkeypatch):
    monkeypatch.setattr(bots.telegram_bot.answer_tidying, "INTERVAL_S", 60.0)
    async with stage.telegram_bot():
        message = await asked(stage, "/top")
    await noted(stage, 2)
    await let_time_pass(stage)
    async with stage.telegram_bot():
        await noted(stage, 0)
        await stage.seen(DELETE)

    assert not there(stage, message["answer"])


async def test_without_the_right_the_command_stays_and_the_answer_goes(stage):
    stage.telegram.people.set_bot("administrator", frozenset({"can_manage_chat"}))
    async with stage.telegram_bot():
        message = await asked(stage, "/top")
        await noted(stage, 2)
        await let_time_pass(stage)
        await noted(stage, 0)
        await stage.transcript.wait_for(
            lambda call: call.name == DELETE and call.status == 400, timeout=20
        )

    assert (there(stage, message["command"]), there(stage, message["answer"])) == (True, False)


async def test_a_message_that_is_gone_keeps_no_other(stage):
    async with stage.telegram_bot():
        first = await asked(stage, "/top")
        second = await asked(stage, "/help")
        await noted(stage, 4)
        stage.faults.add(Fault("telegram", DELETE, 400, description="message can't be deleted"))
        await let_time_pass(stage)
        await noted(stage, 0)
        await until_gone(stage, first["answer"], second["answer"])


async def test_a_deletion_that_telegram_did_not_do_is_tried_again(stage):
    async with stage.telegram_bot():
        message = await asked(stage, "/top")
        await noted(stage, 2)
        stage.faults.add(Fault("telegram", DELETE, 500))
        await let_time_pass(stage)
        await until_put_off(stage)
        await let_time_pass(stage)
        await until_gone(stage, message["answer"])


async def test_a_deletion_that_is_put_off_makes_a_message_no_younger(stage):
    """A bot that is banned tries no message for ever: the limit of Telegram counts for it, too."""
    async with stage.telegram_bot():
        message = await asked(stage, "/top")
        await noted(stage, 2)
        await stage.pool.execute(
            "UPDATE transient_messages SET noted_at = now() - interval '46 hours'"
        )
        before = await when_noted(stage)
        stage.faults.add(Fault("telegram", DELETE, 500, times=2))
        await let_time_pass(stage)
        await until_put_off(stage)
        await noted(stage, 2)
        after = await when_noted(stage)

    assert after == before
    assert there(stage, message["answer"])


async def test_messages_that_are_too_old_are_left(stage):
    async with stage.telegram_bot():
        message = await asked(stage, "/top")
        await noted(stage, 2)
        await stage.pool.execute(
            "UPDATE transient_messages SET noted_at = now() - interval '48 hours'"
        )
        await let_time_pass(stage)
        await noted(stage, 0)

    assert there(stage, message["answer"])
    assert stage.transcript.calls(name=DELETE) == []


@pytest.mark.parametrize(
    ("setting", "gone"),
    [
        (AnswerSetting(tidy_after_s=0), []),
        (AnswerSetting(tidy_commands=False), ["answer"]),
    ],
    ids=["never", "answers only"],
)
async def test_the_settings_say_what_goes(stage, setting, gone):
    stage.community = msgspec.structs.replace(stage.community, answers=setting)
    async with stage.telegram_bot():
        message = await asked(stage, "/top")
        if gone:
            await noted(stage, 2)
            await let_time_pass(stage)
            await noted(stage, 0)
            await until_gone(stage, message["answer"])

    assert [name for name, one in message.items() if not there(stage, one)] == gone
    assert await stage.pool.fetchval("SELECT count(*) FROM transient_messages") == 0


async def test_answers_in_private_chats_stay(stage):
    async with stage.telegram_bot():
        await stage.tell_telegram(ALICE, "/top", chat_id=ALICE)

    assert await stage.pool.fetchval("SELECT count(*) FROM transient_messages") == 0


async def until_gone(stage, *messages: int) -> None:
    async def holds() -> bool:
        return not any(there(stage, one) for one in messages)

    await until(holds, what="the messages are deleted")


async def when_noted(stage) -> dict[int, datetime]:
    rows = await stage.pool.fetch("SELECT message_id, noted_at FROM transient_messages")
    return dict(map(tuple, rows))


async def until_put_off(stage) -> None:
    async def holds() -> bool:
        found: bool = await stage.pool.fetchval(
            "SELECT EXISTS (SELECT FROM transient_messages WHERE delete_at > now())"
        )
        return found

    await until(holds, what="the deletion is put off")
