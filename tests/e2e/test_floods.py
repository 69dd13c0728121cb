"""Members who ask much, or all at once: each is answered, and no member silences the bot."""

import asyncio
import re
from functools import partial

import pytest

import bots.features.guessing.room
import bots.telegram_bot.messages.answer_queue
from bots.features.guessing.game import GameService
from bots.runtime.member_limits import BURST
from sandbox import Fault
from tests.support.patience import PATIENCE_S

GROUP = -1001000000001
CHANNEL = 900000000000000010
ALICE, BORIS, CLARA = 1001, 1002, 1003
DISCORD_ALICE, DISCORD_BORIS = 800000000000000101, 800000000000000102
FOLLOW_UP = "POST /webhooks/{webhook_id}/{webhook_token}"
CALLBACK = "POST /interactions/{interaction_id}/{interaction_token}/callback"


@pytest.fixture
def always_seven(monkeypatch):
    """The bots think of the number 7 in every round."""
    monkeypatch.setattr(
        bots.features.guessing.room, "GameService", partial(GameService, think=lambda *_: 7)
    )


async def until(holds) -> None:
    """Return once `holds` is true."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110 - nothing to await
            await asyncio.sleep(0.01)


def said(stage, chat_id: int) -> str:
    return "\n".join(
        call.request["text"]
        for call in stage.transcript.calls(name="sendMessage")
        if call.status == 200 and call.request["chat_id"] == chat_id
    )


async def test_a_member_who_floods_the_group_is_answered_less_and_others_at_once(stage):
    async with stage.telegram_bot():
        for _ in range(60):
            stage.telegram.say(GROUP, ALICE, "/help")
        stage.telegram.say(GROUP, BORIS, "/help")
        await until(lambda: "Что я умею" in said(stage, GROUP))
        await until(lambda: "unanswered" in said(stage, GROUP))
        await stage.tell_telegram(BORIS, "/help")

    told = said(stage, GROUP)
    assert told.count("<b>What I can do</b>") == BURST
    assert sum(map(int, re.findall(r"I left (\d+) message", told))) == 60 - BURST


async def test_members_who_guess_at_once_in_a_limited_group_all_get_their_answer(
    stage, always_seven, monkeypatch
):
    """After some messages the chat's limit comes near, and the other members share the next."""
    monkeypatch.setattr(bots.telegram_bot.messages.answer_queue, "PACE_FREE", 3)
    monkeypatch.setattr(bots.telegram_bot.messages.answer_queue, "PACE_GAP_S", 0.5)
    members = [stage.telegram.join(name=f"Guest {number}") for number in range(20)]
    async with stage.telegram_bot():
        for member in members:
            stage.telegram.say(GROUP, member, "/guess 7")
        await until(lambda: said(stage, GROUP).count("Yes, it is 7!") == 20)

    sent = [call for call in stage.transcript.calls(name="sendMessage") if call.status == 200]
    assert len(sent) <= 8
    assert await stage.pool.fetchval("SELECT sum(xp) FROM members") == 20 * 15


async def test_an_account_that_telegram_does_not_describe_keeps_no_other_waiting(stage):
    """A limit on questions about members is not waited for while other updates wait."""
    async with stage.telegram_bot():
        await until(lambda: stage.telegram.world()["bot_polls"])
        stage.faults.add(Fault("telegram", "getChatMember", 429, times=1_000, retry_after=30))
        stage.telegram.say(ALICE, ALICE, "/guess")
        stage.telegram.say(GROUP, BORIS, "/help")
        await until(lambda: "Что я умею" in said(stage, GROUP))
        await until(lambda: "cannot see at the moment who is in our group" in said(stage, ALICE))


async def test_a_member_who_floods_on_discord_is_told_so_and_others_are_answered(stage):
    async with stage.discord_bot():
        for _ in range(BURST + 3):
            stage.discord.slash(CHANNEL, DISCORD_ALICE, "top", {})
        assert await stage.tell_discord(DISCORD_BORIS, "profile")
        await until(lambda: len(stage.transcript.calls(name=FOLLOW_UP)) == BURST + 1)
        refused = [
            call
            for call in stage.transcript.calls(name=CALLBACK)
            if "faster than I can answer" in str(call.request)
        ]

    assert len(refused) == 3


@pytest.mark.parametrize("status", ["kicked", pytest.param("left", marks=pytest.mark.nightly)])
async def test_while_the_bot_is_not_in_the_group_nobody_plays_in_private(
    stage, always_seven, status
):
    async with stage.telegram_bot():
        stage.telegram.people.set_bot(status)
        answer = await stage.tell_telegram(ALICE, "/guess 7", chat_id=ALICE)
        assert "cannot see at the moment who is in our group" in answer
        stage.telegram.people.set_bot("administrator")

        answer = await stage.tell_telegram(ALICE, "/guess 7", chat_id=ALICE)

    assert "Yes, it is 7!" in answer


async def test_a_member_who_was_muted_while_playing_plays_no_more_in_private(stage, always_seven):
    async with stage.telegram_bot():
        assert "from 1 to 10" in await stage.tell_telegram(ALICE, "/guess", chat_id=ALICE)
        stage.telegram.people.mute(ALICE)

        answer = await stage.tell_telegram(ALICE, "/guess 7", chat_id=ALICE)

    assert "You may not write in our group" in answer
    assert await stage.totals("telegram", ALICE) is None
