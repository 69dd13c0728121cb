"""The guessing game with buttons: one message for a round, hints for the player, wins for all."""

import datetime
from functools import partial
from typing import Any

import msgspec
import pytest

import bots.features.guessing.room
from bots.features.guessing.game import GameService
from bots.telegram_bot.messages import answer_queue
from db.earning import Earning, Rules, windows

GROUP, ALICE, BORIS = -1001000000001, 1001, 1002
DISCORD_ALICE, DISCORD_BORIS = 800000000000000101, 800000000000000102
CHANNEL = 900000000000000010
FOLLOWUP = "POST /webhooks/{webhook_id}/{webhook_token}"
EDIT = "PATCH /webhooks/{webhook_id}/{webhook_token}/messages/{message_id}"
EPHEMERAL = 64


@pytest.fixture(autouse=True)
def bots_always_think_of_seven(monkeypatch):
    monkeypatch.setattr(
        bots.features.guessing.room, "GameService", partial(GameService, think=lambda *_: 7)
    )


async def begin(stage, *, user_id: int = ALICE, chat_id: int = GROUP) -> dict[str, Any]:
    """Begin a round on Telegram. Returns the message with the buttons."""
    after = stage.transcript.last
    stage.telegram.say(chat_id, user_id, "/guess")
    return (await stage.seen("sendMessage", after=after)).response["result"]


def buttons_of(message: dict[str, Any]) -> dict[str, str]:
    """The data of each button by its label."""
    rows = message["reply_markup"]["inline_keyboard"]
    return {button["text"]: button["callback_data"] for row in rows for button in row}


async def press(stage, message, number: int, *, user_id: int = ALICE) -> tuple[str | None, bool]:
    """Press a number. Returns what the player is told over the chat, and whether as an alert."""
    after = stage.transcript.last
    data = buttons_of(message)[str(number)]
    stage.telegram.click(message["chat"]["id"], message["message_id"], user_id, data)
    asked = (await stage.seen("answerCallbackQuery", after=after)).request
    return asked.get("text"), bool(asked.get("show_alert"))


async def test_a_round_on_telegram_takes_one_message_and_hints_go_to_the_player(stage):
    async with stage.telegram_bot():
        message = await begin(stage)
        assert list(buttons_of(message)) == [str(number) for number in range(1, 11)]
        after = stage.transcript.last
        hint = await press(stage, message, 4)
        missed = (await stage.seen("editMessageText", after=after)).response["result"]
        after = stage.transcript.last
        told = await press(stage, missed, 7)
        won = (await stage.seen("editMessageText", after=after)).request
        sent = stage.transcript.calls(name="sendMessage")

    assert hint == ("My number is higher than 4. 3 tries left.", False)
    assert list(buttons_of(missed)) == [str(number) for number in range(5, 11)]
    assert told == (None, False)
    assert won["text"].startswith("Yes, it is 7!\nYou earned 15 XP and 5 coins.")
    assert "reply_markup" not in won
    assert len(sent) == 1
    assert await stage.totals("telegram", ALICE) == (15, 5)


async def test_the_total_after_a_win_has_what_the_member_earned_by_writing(stage):
    async with stage.telegram_bot():
        message = await begin(stage)
        async with stage.pool.acquire() as conn:
            written_at = datetime.datetime.now(datetime.UTC)
            await windows.earn(
                conn,
                "telegram",
                [Earning(ALICE, "voice", 7, written_at, 0.0, 1_000)],
                Rules(window_s=3_600, zone=datetime.UTC),
                waits_for_locks=True,
            )
        after = stage.transcript.last
        await press(stage, message, 7)
        won = (await stage.seen("editMessageText", after=after)).request["text"]

    assert "You have 22 XP and 5 coins" in won


async def test_a_press_of_another_member_counts_nothing(stage):
    async with stage.telegram_bot():
        message = await begin(stage)
        refused = await press(stage, message, 7, user_id=BORIS)
        edits = stage.transcript.calls(name="editMessageText")

    assert refused == ("Эта кнопка для участника, которому я ответил.", True)
    assert edits == []
    assert await stage.totals("telegram", BORIS) is None


async def test_a_number_that_is_pressed_again_costs_no_try(stage):
    async with stage.telegram_bot():
        message = await begin(stage)
        after = stage.transcript.last
        await press(stage, message, 4)
        await stage.seen("editMessageText", after=after)
        # The client shows the old buttons still, and the platform hands on what it sends.
        query = {
            "id": "1",
            "from": {"id": ALICE, "is_bot": False, "first_name": "Alice", "language_code": "en"},
            "chat_instance": "1",
            "data": buttons_of(message)["4"],
            "message": message,
        }
        after = stage.transcript.last
        stage.telegram.send_update({"callback_query": query})
        await stage.transcript.wait_for(
            lambda call: call.name == "answerCallbackQuery", timeout=20, after=after
        )
        standing = await stage.tell_telegram(ALICE, "/guess")

    assert "You have 3 tries left" in standing


async def test_presses_count_while_their_edits_wait_and_only_the_last_edit_is_sent(
    stage, monkeypatch
):
    monkeypatch.setattr(answer_queue, "PACE_FREE", 1)
    monkeypatch.setattr(answer_queue, "PACE_GAP_S", 1.5)
    async with stage.telegram_bot():
        message = await begin(stage)
        after = stage.transcript.last
        hints = [await press(stage, message, number) for number in (4, 9, 5)]
        edited = await stage.seen("editMessageText", after=after)
        edits = stage.transcript.calls(name="editMessageText")

    assert [text for text, _ in hints] == [
        "My number is higher than 4. 3 tries left.",
        "My number is lower than 9. 2 tries left.",
        "My number is higher than 5. 1 try left.",
    ]
    assert len(edits) == 1
    assert list(buttons_of(edited.response["result"])) == ["6", "7", "8"]


async def test_a_press_after_a_restart_says_so_and_begins_anew(stage):
    async with stage.telegram_bot():
        message = await begin(stage)
    async with stage.telegram_bot():
        after = stage.transcript.last
        told = await press(stage, message, 7)
        edited = (await stage.seen("editMessageText", after=after)).response["result"]
        after = stage.transcript.last
        await press(stage, edited, 7)
        won = (await stage.seen("editMessageText", after=after)).request["text"]

    assert told[0] is not None
    assert told[0].startswith("I do not remember that round")
    assert len(buttons_of(edited)) == 10
    assert set(buttons_of(edited).values()).isdisjoint(buttons_of(message).values())
    assert "You earned 15 XP" in won
    assert await stage.totals("telegram", ALICE) == (15, 5)


async def test_two_rounds_in_one_message_are_paid_twice(stage):
    async with stage.telegram_bot():
        message = await begin(stage)
        after = stage.transcript.last
        await press(stage, message, 7)
        await stage.seen("editMessageText", after=after)
    async with stage.telegram_bot():
        # Its buttons are gone on the platform: a client that was away still shows them.
        query = {
            "id": "1",
            "from": {"id": ALICE, "is_bot": False, "first_name": "Alice", "language_code": "en"},
            "chat_instance": "1",
            "data": buttons_of(message)["7"],
            "message": message,
        }
        after = stage.transcript.last
        stage.telegram.send_update({"callback_query": query})
        again = (await stage.seen("editMessageText", after=after)).response["result"]
        after = stage.transcript.last
        await press(stage, again, 7)
        await stage.seen("editMessageText", after=after)

    assert await stage.totals("telegram", ALICE) == (30, 10)


async def test_a_muted_member_presses_no_button_that_earns(stage):
    async with stage.telegram_bot():
        message = await begin(stage)
        stage.telegram.people.mute(ALICE)
        told = await press(stage, message, 7)

    assert told[0] is not None
    assert told[0].startswith("You may not write in our group")
    assert await stage.totals("telegram", ALICE) is None


async def test_a_typed_guess_goes_on_with_the_round_of_the_buttons(stage):
    async with stage.telegram_bot():
        await begin(stage)
        missed = await stage.tell_telegram(ALICE, "/guess 4")
        won = await stage.tell_telegram(ALICE, "/guess 7")

    assert missed == "My number is higher than 4. 3 tries left."
    assert won.startswith("Yes, it is 7!")


async def test_discord_shows_the_game_to_its_player_and_the_win_to_everybody(stage):
    async with stage.discord_bot():
        call = await stage.discord_answer(DISCORD_BORIS, "guess")
        message_id = int(call.response["id"])
        rows = call.request["body"]["components"]
        ids = {one["label"]: one["custom_id"] for row in rows for one in row["components"]}
        after = stage.transcript.last
        stage.discord.click(CHANNEL, message_id, DISCORD_BORIS, ids["4"])
        missed = (await stage.seen(EDIT, after=after)).request["body"]
        after = stage.transcript.last
        stage.discord.click(CHANNEL, message_id, DISCORD_BORIS, ids["7"])
        won = (await stage.seen(EDIT, after=after)).request["body"]
        public = (await stage.seen(FOLLOWUP, after=after)).request["body"]

    assert [len(row["components"]) for row in rows] == [5, 5]
    assert call.response["flags"] & EPHEMERAL
    assert missed["content"] == "Моё число больше, чем 4. Осталось 3 попытки."
    assert won["content"].startswith("Да, это 7!")
    assert public["content"] == (
        "🎯 Boris угадывает моё число, 7, и получает 15 очков опыта и 5 монет."
    )
    assert not public.get("flags", 0) & EPHEMERAL
    assert await stage.totals("discord", DISCORD_BORIS) == (15, 5)


async def test_a_community_may_have_its_games_in_public_on_discord(stage):
    game = msgspec.structs.replace(stage.community.game, private_on_discord=False)
    stage.community = msgspec.structs.replace(stage.community, game=game)
    async with stage.discord_bot():
        call = await stage.discord_answer(DISCORD_ALICE, "guess", number=7)

    assert not call.response["flags"] & EPHEMERAL
    assert len(stage.transcript.calls(name=FOLLOWUP)) == 1
