"""Keyboards: those below messages, those in place of a person's own, and payloads of links."""

import json

import pytest

from sandbox import SandboxError

pytestmark = pytest.mark.asyncio(loop_scope="module")

GROUP, ALICE, BORIS = -1001000000001, 1001, 1002


@pytest.fixture
def private(telegram):
    telegram.people.start(ALICE)
    return {"chat_id": ALICE, "text": "x"}


async def news(call):
    updates = (await call("getUpdates"))["result"]
    await call("getUpdates", offset=updates[-1]["update_id"] + 1)
    return [update["message"] for update in updates]


async def test_a_reply_keyboard_is_pressed(telegram, call, private):
    rows = [
        ["Help"],
        [{"text": "Phone", "request_contact": True}, {"text": "Place", "request_location": True}],
        [{"text": "App", "web_app": {"url": "https://example.org/app"}}],
    ]
    body = await call("sendMessage", **private, reply_markup=json.dumps({"keyboard": rows}))
    assert "reply_markup" not in body["result"]
    await news(call)

    press = telegram.people.press
    press(ALICE, ALICE, "Help")
    press(ALICE, ALICE, "Phone")
    press(ALICE, ALICE, "Place")
    press(ALICE, ALICE, "App", web_app_data="score=5")

    helped, phone, place, app = await news(call)
    assert helped["text"] == "Help"
    assert phone["contact"]["user_id"] == ALICE
    assert place["location"]["latitude"] == 52.5
    assert app["web_app_data"] == {"data": "score=5", "button_text": "App"}
    with pytest.raises(SandboxError, match="sees no button 'Nothing'"):
        press(ALICE, ALICE, "Nothing")


async def test_a_keyboard_goes_when_it_is_removed(telegram, call, private):
    await call("sendMessage", **private, reply_markup='{"keyboard": [["Help"]]}')
    assert telegram.people.reply_keyboard(ALICE, ALICE) is not None
    await call("sendMessage", **private, reply_markup='{"remove_keyboard": true}')
    assert telegram.people.reply_keyboard(ALICE, ALICE) is None


async def test_a_selective_keyboard_is_for_the_person_who_is_answered(telegram, call):
    asked = telegram.say(GROUP, ALICE, "hello")
    markup = json.dumps({"keyboard": [["Mine"]], "selective": True})
    reply = json.dumps({"message_id": asked})
    await call("sendMessage", chat_id=GROUP, text="x", reply_markup=markup, reply_parameters=reply)
    assert telegram.people.press(GROUP, ALICE, "Mine")
    with pytest.raises(SandboxError, match="1002 sees no button"):
        telegram.people.press(GROUP, BORIS, "Mine")


async def test_a_copy_button_holds_its_text(telegram, call, private):
    button = {"text": "Code", "copy_text": {"text": "7K2-QX"}}
    markup = json.dumps({"inline_keyboard": [[button]]})
    sent = (await call("sendMessage", **private, reply_markup=markup))["result"]
    assert sent["reply_markup"]["inline_keyboard"] == [[button]]
    assert telegram.people.copied_text(ALICE, sent["message_id"], ALICE, "Code") == "7K2-QX"


@pytest.mark.parametrize(
    ("markup", "words"),
    [
        ({"keyboard": []}, "keyboard must be non-empty"),
        ({"keyboard": [[" "]]}, "text must be non-empty"),
        ({"keyboard": [["x"]], "input_field_placeholder": "x" * 65}, "placeholder"),
        ({"remove_keyboard": False}, "remove_keyboard must be true"),
        ({"colour": 1}, "object expected as reply markup"),
        ({"keyboard": [["x"] * 301]}, "REPLY_MARKUP_TOO_LONG"),
        (
            {"inline_keyboard": [[{"text": "x", "web_app": {"url": "http://example.org"}}]]},
            "Only HTTPS links are allowed",
        ),
    ],
)
async def test_a_keyboard_that_telegram_refuses_is_refused(call, private, markup, words):
    body = await call("sendMessage", **private, reply_markup=json.dumps(markup))
    assert words in body["description"]


async def test_phones_are_asked_for_in_private_only(telegram, call):
    markup = json.dumps({"keyboard": [[{"text": "x", "request_contact": True}]]})
    body = await call("sendMessage", chat_id=GROUP, text="x", reply_markup=markup)
    assert "can be requested in private chats only" in body["description"]


async def test_a_message_is_edited_to_inline_keyboards_only(call, private):
    sent = (await call("sendMessage", **private))["result"]
    body = await call(
        "editMessageReplyMarkup",
        chat_id=ALICE,
        message_id=sent["message_id"],
        reply_markup='{"keyboard": [["x"]]}',
    )
    assert body["description"] == "Bad Request: inline keyboard expected"


async def test_a_link_with_a_payload_starts_the_bot(telegram, call):
    telegram.people.start(ALICE, "a-Z_9" + "x" * 59)
    [message] = await news(call)
    assert message["text"] == "/start a-Z_9" + "x" * 59
    assert message["entities"] == [{"type": "bot_command", "offset": 0, "length": 6}]


@pytest.mark.parametrize("payload", ["x" * 65, "a b", "я", "a.b", "a\n"])
async def test_a_payload_that_no_link_carries_is_refused(telegram, payload):
    with pytest.raises(SandboxError, match="is no start payload"):
        telegram.people.start(ALICE, payload)
