"""Buttons under answers, on both platforms: a room with buttons, added to the rooms of the bots."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import bots.discord_bot.app
import bots.telegram_bot.app
from bots.features.command import Answer, Audience, Command, Opened, Press, Pressed, Question, Sent
from bots.features.room import Room
from bots.runtime import member_limits
from bots.runtime.room_services import Services
from bots.texts.buttons import CopyButton, LinkButton, PressButton
from bots.texts.languages import marked
from sandbox import Call
from tests.support.patience import PATIENCE_S

GROUP, ALICE, BORIS = -1001000000001, 1001, 1002
DISCORD_ALICE, DISCORD_BORIS = 800000000000000101, 800000000000000102
STRANGER = 1003
CHANNEL = 900000000000000010
CALLBACK = "POST /interactions/{interaction_id}/{interaction_token}/callback"
FOLLOWUP = "POST /webhooks/{webhook_id}/{webhook_token}"
EDIT = "PATCH /webhooks/{webhook_id}/{webhook_token}/messages/{message_id}"
ADDRESS = "https://t.me/twin_sandbox_bot?start=door-key"
TOO_OLD = "This button is too old. Please send the command again."
OF_ANOTHER = "This button is for the member whom I answered."


class Counter:
    """A room whose message counts the presses under it."""

    def __init__(self) -> None:
        self.pressed: list[Pressed] = []
        self.opened: list[Opened] = []
        self.sent: list[Sent] = []
        self.holds: asyncio.Event | None = None

    def open(self, services: Services) -> Room:
        async def show(question: Question[Any]) -> Answer:
            return self.answer(0)

        async def press(pressed: Pressed) -> Answer:
            self.pressed.append(pressed)
            if self.holds is not None:
                await self.holds.wait()
            async with services.database.connection() as conn:
                count: int = await conn.fetchval("SELECT $1::int + 1", int(pressed.value))
            return Answer("The end.") if count == 3 else self.answer(count)

        async def start(opened: Opened) -> Answer:
            self.opened.append(opened)
            return Answer(f"Opened with {opened.value}.")

        return Room(
            commands=(
                Command(
                    name="count",
                    description=marked("Say hello"),
                    handler=show,
                    audience=Audience.ASKER_ON_DISCORD,
                ),
            ),
            presses=(
                Press(action="count", handler=press, refuse_stranger=lambda texts: "Members only."),
            ),
            starts=(bots.features.command.Start(prefix="door", handler=start),),
        )

    def answer(self, count: int) -> Answer:
        return Answer(
            f"Pressed {count}.",
            buttons=(
                (PressButton("More", "count", str(count)), LinkButton("Open", ADDRESS)),
                (CopyButton("Copy", "ABCDE-FGHJK"),),
            ),
            on_sent=self.sent.append,
        )


@pytest.fixture
def counter(monkeypatch):
    counter = Counter()
    for app in (bots.telegram_bot.app, bots.discord_bot.app):
        opened: Callable[[Services], list[Room]] = app.open_rooms
        monkeypatch.setattr(
            app,
            "open_rooms",
            lambda services, opened=opened: [*opened(services), counter.open(services)],
        )
    return counter


async def shown(stage, text: str, *, chat_id: int = ALICE, user_id: int = ALICE) -> dict[str, Any]:
    """Send a command on Telegram; return the message that answers it."""
    after = stage.transcript.last
    stage.telegram.say(chat_id, user_id, text)
    call = await stage.seen("sendMessage", after=after)
    return call.response["result"]


async def pressed(stage, message: dict[str, Any], data: str, *, user_id: int = ALICE) -> Call:
    """Press a button on Telegram; return the call that confirms the press."""
    after = stage.transcript.last
    stage.telegram.click(message["chat"]["id"], message["message_id"], user_id, data)
    return await stage.seen("answerCallbackQuery", after=after)


def data_of(message: dict[str, Any]) -> str:
    return message["reply_markup"]["inline_keyboard"][0][0]["callback_data"]


async def test_telegram_shows_every_kind_of_button_and_replaces_the_message(stage, counter):
    async with stage.telegram_bot():
        message = await shown(stage, "/count")
        after = stage.transcript.last
        confirmed = await pressed(stage, message, data_of(message))
        edited = await stage.seen("editMessageText", after=after)

    assert message["reply_markup"]["inline_keyboard"] == [
        [
            {"text": "More", "callback_data": "count:rt:0"},
            {"text": "Open", "url": ADDRESS},
        ],
        [{"text": "Copy", "copy_text": {"text": "ABCDE-FGHJK"}}],
    ]
    assert "text" not in confirmed.request
    assert edited.request["text"] == "Pressed 1."
    assert edited.request["message_id"] == message["message_id"]
    assert "count:rt:1" in str(edited.request["reply_markup"])
    [one] = counter.pressed
    assert (one.asker.account_id, one.value, one.is_private) == (ALICE, "0", True)


async def test_telegram_does_a_double_press_once(stage, counter):
    counter.holds = asyncio.Event()
    async with stage.telegram_bot():
        message = await shown(stage, "/count")
        after = stage.transcript.last
        for _ in range(2):
            stage.telegram.click(ALICE, message["message_id"], ALICE, data_of(message))
        counter.holds.set()
        await stage.seen("editMessageText", after=after)
        await shown(stage, "/help")  # both presses have been handled by now
        confirmed = stage.transcript.calls(name="answerCallbackQuery")

    assert len(counter.pressed) == 1
    assert [call.request.get("text") for call in confirmed] == [None, None]


async def test_telegram_buttons_go_with_the_last_answer(stage, counter):
    async with stage.telegram_bot():
        message = await shown(stage, "/count")
        for count in range(3):
            after = stage.transcript.last
            await pressed(stage, message, f"count:rt:{count}")
            edited = await stage.seen("editMessageText", after=after)

    assert edited.request["text"] == "The end."
    assert "reply_markup" not in edited.request


async def test_only_the_member_who_was_answered_may_press(stage, counter):
    async with stage.telegram_bot(), stage.discord_bot():
        message = await shown(stage, "/count", chat_id=GROUP)
        confirmed = await pressed(stage, message, data_of(message), user_id=BORIS)

    assert confirmed.request["text"] == "Эта кнопка для участника, которому я ответил."
    assert confirmed.request["show_alert"]
    assert counter.pressed == []


async def test_an_unknown_button_on_telegram_is_too_old(stage, counter):
    async with stage.telegram_bot():
        message = await shown(stage, "/count")
        chat = {"id": ALICE, "type": "private", "first_name": "Alice"}
        texts = []
        for data in ("gone:rt:1", "x"):
            after = stage.transcript.last
            query = {
                "id": "1",
                "from": {"id": ALICE, "is_bot": False, "first_name": "Alice"},
                "chat_instance": "1",
                "data": data,
                "message": {"message_id": message["message_id"], "date": 0, "chat": chat},
            }
            stage.telegram.send_update({"callback_query": query})
            call = await stage.transcript.wait_for(
                lambda call: call.name == "answerCallbackQuery", timeout=PATIENCE_S, after=after
            )
            texts.append(call.request["text"])

    assert texts == [TOO_OLD, TOO_OLD]


async def test_a_client_that_sends_another_button_than_it_was_shown_takes_no_message(
    stage, counter
):
    async with stage.telegram_bot():
        message = await shown(stage, "/count", chat_id=GROUP)
        after = stage.transcript.last
        query = {
            "id": "1",
            "from": {"id": BORIS, "is_bot": False, "first_name": "Boris"},
            "chat_instance": "1",
            "data": f"count:{base36(BORIS)}:0",
            "message": message,
        }
        stage.telegram.send_update({"callback_query": query})
        refused = await stage.transcript.wait_for(
            lambda call: call.name == "answerCallbackQuery", timeout=PATIENCE_S, after=after
        )
        after = stage.transcript.last
        await pressed(stage, message, data_of(message))
        edited = await stage.seen("editMessageText", after=after)

    assert refused.request["text"] == TOO_OLD
    assert [one.asker.account_id for one in counter.pressed] == [ALICE]
    assert edited.request["text"] == "Pressed 1."


async def test_a_stranger_presses_nothing_on_telegram(stage, counter):
    async with stage.telegram_bot():
        message = await shown(stage, "/count")
        stage.telegram.leave(ALICE)
        confirmed = await pressed(stage, message, data_of(message))

    assert confirmed.request["text"] == "Members only."
    assert counter.pressed == []


async def test_while_postgres_is_away_the_buttons_stay(stage, counter):
    async with stage.telegram_bot():
        message = await shown(stage, "/count")
        await stage.gate.shut()
        confirmed = await pressed(stage, message, data_of(message))
        await stage.gate.open()
        after = stage.transcript.last
        await pressed(stage, message, data_of(message))
        edited = await stage.seen("editMessageText", after=after)

    assert "cannot reach my records" in confirmed.request["text"]
    assert edited.request["text"] == "Pressed 1."


async def test_an_error_of_a_room_is_confirmed_to_telegram_and_the_buttons_stay(stage, counter):
    async with stage.telegram_bot():
        message = await shown(stage, "/count")
        press, counter.pressed = counter.pressed, None
        confirmed = await pressed(stage, message, data_of(message))
        counter.pressed = press
        after = stage.transcript.last
        await pressed(stage, message, data_of(message))
        edited = await stage.seen("editMessageText", after=after)

    assert "Something went wrong on my side" in confirmed.request["text"]
    assert edited.request["text"] == "Pressed 1."


async def test_presses_count_towards_the_limit_of_a_member(stage, counter, monkeypatch):
    defaults = member_limits.MemberLimits.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "burst", 2)
    async with stage.telegram_bot():
        message = await shown(stage, "/count")
        after = stage.transcript.last
        await pressed(stage, message, data_of(message))
        await stage.seen("editMessageText", after=after)
        confirmed = await pressed(stage, message, "count:rt:1")

    assert "faster than I can answer" in confirmed.request["text"]


async def test_a_deep_link_reaches_its_room_in_private_only(stage, counter):
    async with stage.telegram_bot():
        told = await stage.tell_telegram(ALICE, "/start door-key_9-z", chat_id=ALICE)
        in_group = await stage.tell_telegram(ALICE, "/start door-key", chat_id=GROUP)

    assert told == "Opened with key_9-z."
    assert "door" not in in_group
    assert [one.value for one in counter.opened] == ["key_9-z"]


async def counted(stage, user_id: int = DISCORD_ALICE) -> int:
    """Use the command on Discord; return the message that answers it."""
    call = await stage.discord_answer(user_id, "count")
    return int(call.response["id"])


async def test_discord_shows_buttons_and_replaces_the_ephemeral_message(stage, counter):
    async with stage.discord_bot():
        call = await stage.discord_answer(DISCORD_ALICE, "count")
        message_id = int(call.response["id"])
        [row] = call.request["body"]["components"]
        after = stage.transcript.last
        custom_id = row["components"][0]["custom_id"]
        stage.discord.click(CHANNEL, message_id, DISCORD_ALICE, custom_id)
        deferred = await stage.seen(CALLBACK, after=after)
        edited = await stage.seen(EDIT, after=after)

    assert call.request["body"]["content"] == "Pressed 0.\n```\nABCDE-FGHJK\n```"
    assert row["components"][1]["url"] == ADDRESS
    assert deferred.request["body"]["type"] == 6
    assert edited.request["body"]["content"].startswith("Pressed 1.")
    [one] = counter.pressed
    assert (one.asker.account_id, one.value, one.is_private) == (DISCORD_ALICE, "0", True)


async def test_a_button_on_discord_works_after_a_restart(stage, counter):
    async with stage.discord_bot():
        message_id = await counted(stage)
    ended = stage.transcript.last
    async with stage.discord_bot():
        await stage.seen("gateway GUILD_CREATE", after=ended)
        after = stage.transcript.last
        stage.discord.click(CHANNEL, message_id, DISCORD_ALICE, f"count:{base36(DISCORD_ALICE)}:0")
        edited = await stage.seen(EDIT, after=after)

    assert edited.request["body"]["content"].startswith("Pressed 1.")


async def test_discord_does_a_double_press_once(stage, counter):
    counter.holds = asyncio.Event()
    async with stage.discord_bot():
        message_id = await counted(stage)
        after = stage.transcript.last
        custom_id = f"count:{base36(DISCORD_ALICE)}:0"
        stage.discord.click(CHANNEL, message_id, DISCORD_ALICE, custom_id)
        first = await stage.seen(CALLBACK, after=after)
        stage.discord.click(CHANNEL, message_id, DISCORD_ALICE, custom_id)
        second = await stage.seen(CALLBACK, after=stage.transcript.last)
        counter.holds.set()
        await stage.seen(EDIT, after=after)

    assert [call.request["body"]["type"] for call in (first, second)] == [6, 6]
    assert len(counter.pressed) == 1


async def test_while_postgres_is_away_the_buttons_on_discord_stay(stage, counter):
    async with stage.discord_bot():
        message_id = await counted(stage)
        custom_id = f"count:{base36(DISCORD_ALICE)}:0"
        await stage.gate.shut()
        after = stage.transcript.last
        stage.discord.click(CHANNEL, message_id, DISCORD_ALICE, custom_id)
        told = await stage.seen(FOLLOWUP, after=after)
        await stage.gate.open()
        stage.discord.click(CHANNEL, message_id, DISCORD_ALICE, custom_id)
        edited = await stage.seen(EDIT, after=after)

    assert "cannot reach my records" in told.request["body"]["content"]
    assert edited.request["body"]["content"].startswith("Pressed 1.")


async def test_an_answer_can_be_replaced_later(stage, counter):
    async with stage.telegram_bot(), stage.discord_bot():
        message = await shown(stage, "/count")
        await counted(stage)
        async with asyncio.timeout(PATIENCE_S):
            while len(counter.sent) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        on_telegram, on_discord = counter.sent
        after = stage.transcript.last
        assert await on_telegram.replace(counter.answer(1))
        assert await on_discord.replace(counter.answer(1))
        edited = await stage.seen("editMessageText", after=after)
        edited_too = await stage.seen(EDIT, after=after)
        await pressed(stage, message, "count:rt:1")

    assert edited.request["text"] == "Pressed 1."
    assert edited_too.request["body"]["content"].startswith("Pressed 1.")
    assert [one.value for one in counter.pressed] == ["1"]


def base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits
