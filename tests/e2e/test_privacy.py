"""/privacy on both bots, through real clients: seeing, exporting, hiding, and being forgotten."""

import json
from typing import Any

import aiohttp
import msgspec
import pytest

from db.ledger import events
from db.links import links
from db.members import forgetting
from db.members.forgetting import Account
from tests.support.patience import PATIENCE_S
from tests.support.recorded_events import xp

GROUP, ALICE = -1001000000001, 1001
DISCORD_ALICE = 800000000000000101
CHANNEL = 900000000000000010
SECRET = "a secret of the deployment"
EPHEMERAL = 64
CALLBACK = "POST /interactions/{interaction_id}/{interaction_token}/callback"
EDIT = "PATCH /webhooks/{webhook_id}/{webhook_token}/messages/"


@pytest.fixture
async def stage(stage):
    stage.settings = msgspec.structs.replace(stage.settings, forget_secret=SECRET)
    async with stage.pool.acquire() as conn, conn.transaction():
        await events.record(conn, "telegram", [xp(50, "1", user_id=ALICE)])
    return stage


async def ask(stage, text: str = "/privacy", chat_id: int = ALICE) -> dict[str, Any]:
    after = stage.transcript.last
    stage.telegram.say(chat_id, ALICE, text)
    call = await stage.seen("sendMessage", after=after)
    return call.response["result"]


def labels(message: dict[str, Any]) -> dict[str, str]:
    rows = message["reply_markup"]["inline_keyboard"]
    return {button["text"]: button["callback_data"] for row in rows for button in row}


async def press(stage, message: dict[str, Any], label: str) -> dict[str, Any]:
    """Press a button on Telegram; return the message as it is then."""
    after = stage.transcript.last
    stage.telegram.click(ALICE, message["message_id"], ALICE, labels(message)[label])
    edited = await stage.seen("editMessageText", after=after)
    return edited.response["result"]


async def test_telegram_shows_hides_and_shows_again(stage):
    async with stage.telegram_bot():
        message = await ask(stage)
        hidden = await press(stage, message, "Hide me from boards")
        board = await stage.tell_telegram(ALICE, "/top")
        shown = await press(stage, hidden, "Show me on boards again")
        board_again = await stage.tell_telegram(ALICE, "/top")

    assert "What is stored about you" in message["text"]
    assert "in /profile, on boards such as /top, and in announcements" in message["text"]
    assert "account 1001" in message["text"]
    assert "50 XP" in message["text"]
    assert hidden["text"].startswith("Done: boards leave you out")
    assert "50" not in board
    assert shown["text"].startswith("Done: boards show you again")
    assert "50" in board_again


async def test_telegram_sends_the_file_in_private(stage):
    async with stage.telegram_bot():
        message = await ask(stage)
        after = stage.transcript.last
        exported = await press(stage, message, "Send it to me as a file")
        sent = await stage.seen("sendDocument", after=after)

    assert "as JSON" in exported["text"]
    document = sent.response["result"]["document"]
    assert document["file_name"] == "twinstream.json"
    assert document["file_size"] > 100


async def test_a_second_file_within_minutes_has_to_wait(stage):
    async with stage.telegram_bot():
        message = await ask(stage)
        first = await press(stage, message, "Send it to me as a file")
        second = await press(stage, first, "Send it to me as a file")
        await stage.tell_telegram(ALICE, "/help", chat_id=ALICE)

    assert second["text"].startswith("I have just sent you the file. Please wait 5 minutes")
    assert len(stage.transcript.calls(name="sendDocument")) == 1


async def test_telegram_forgets_after_a_warning_and_a_second_press(stage):
    async with stage.telegram_bot():
        message = await ask(stage)
        warned = await press(stage, message, "Forget me …")
        kept = await press(stage, warned, "Keep everything")
        warned_again = await press(stage, kept, "Forget me …")
        done = await press(stage, warned_again, "Forget me for good")
        waiting = await ask(stage)
        async with stage.pool.acquire() as conn, conn.transaction():
            assert await forgetting.waiting(conn) == 1
            await forgetting.forget(conn, Account("telegram", ALICE), secret=SECRET, stores={})
        after = await ask(stage)

    assert "Nobody can undo this." in warned["text"]
    assert "50 XP" in warned["text"]
    assert "linked" not in warned["text"]
    assert done["text"].startswith("You will be forgotten")
    assert "it is being done" in waiting["text"]
    assert after["text"] == "Nothing is stored about you."
    assert "reply_markup" not in after


async def test_in_a_group_telegram_leads_to_the_private_chat(stage):
    async with stage.telegram_bot():
        answer = await stage.tell_telegram(ALICE, "/privacy", chat_id=GROUP)
    assert "in private" in answer
    assert "1001" not in answer


async def test_without_a_secret_nobody_is_forgotten(stage):
    stage.settings = msgspec.structs.replace(stage.settings, forget_secret=None)
    async with stage.telegram_bot():
        message = await ask(stage)
    assert "Forget me …" not in labels(message)
    assert "write to the administrators" in message["text"]


async def click(stage, message_id: int, label: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Press a button on Discord; return the message as it is then."""
    ids = {one["label"]: one["custom_id"] for row in rows for one in row["components"]}
    after = stage.transcript.last
    stage.discord.click(CHANNEL, message_id, DISCORD_ALICE, ids[label])
    edited = await stage.transcript.wait_for(
        lambda call: call.name.startswith(EDIT) and call.status < 400,
        timeout=PATIENCE_S,
        after=after,
    )
    return edited.response


async def test_discord_shows_all_of_it_to_the_asker_alone(stage):
    async with stage.pool.acquire() as conn:
        await links.link(conn, telegram_account_id=ALICE, discord_account_id=DISCORD_ALICE)
    async with stage.discord_bot():
        after = stage.transcript.last
        answer = await stage.discord_answer(DISCORD_ALICE, "privacy")
        deferred = await stage.seen(CALLBACK, after=after)
        rows = answer.request["body"]["components"]
        message_id = int(answer.response["id"])
        exported = await click(stage, message_id, "Send it to me as a file", rows)
        warned = await click(stage, message_id, "Forget me …", exported["components"])
        refused = await click(stage, message_id, "Forget me for good", warned["components"])
        async with stage.pool.acquire() as conn:
            assert await forgetting.waiting(conn) == 0

    assert deferred.request["body"]["data"]["flags"] == EPHEMERAL
    assert "account `1001`" in answer.request["body"]["content"]
    assert [one["filename"] for one in exported["attachments"]] == ["twinstream.json"]
    assert "Your Telegram account" in warned["content"]
    assert "Please send /unlink first" in refused["content"]


async def test_the_file_is_json(stage):
    async with stage.discord_bot():
        async with stage.pool.acquire() as conn, conn.transaction():
            one = xp(7, "1", user_id=DISCORD_ALICE, source="discord")
            await events.record(conn, "discord", [one])
        answer = await stage.discord_answer(DISCORD_ALICE, "privacy")
        rows = answer.request["body"]["components"]
        edited = await click(stage, int(answer.response["id"]), "Send it to me as a file", rows)
        [file] = edited["attachments"]
        async with aiohttp.ClientSession() as session, session.get(file["url"]) as response:
            exported = json.loads(await response.read())

    assert exported["accounts"][0]["id"] == str(DISCORD_ALICE)
    assert [entry["xp"] for entry in exported["entries"]] == [7]
