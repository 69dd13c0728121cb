"""The Telegram side speaks the Bot API that aiogram 3.31 knows: names, types and answers."""

import json
from typing import Any

import aiogram.methods
import msgspec
import pytest
import pytest_asyncio
from aiogram.methods.base import Response, TelegramMethod
from aiogram.types import TelegramObject, Update

from sandbox.telegram_api.methods import METHODS
from sandbox.telegram_api.rights import ADMINISTRATOR_RIGHTS
from sandbox.telegram_api.world import UPDATE_KINDS

pytestmark = pytest.mark.asyncio(loop_scope="module")

GROUP, VERA, ALICE, BORIS = -1001000000001, 1000, 1001, 1002
SCOPE = json.dumps({"type": "chat_member", "chat_id": GROUP, "user_id": ALICE})
BUTTONS = json.dumps({"inline_keyboard": [[{"text": "Go", "callback_data": "go"}]]})
SILENT = json.dumps({"can_send_messages": False})
TO_ALICE = json.dumps({"receiver_user_id": ALICE})
EPHEMERAL = {"chat_id": GROUP, "receiver_user_id": ALICE, "ephemeral_message_id": 1}

# One call of every method that must succeed in the world that `prepare` makes.
CALLS: dict[str, dict[str, Any]] = {
    "getMe": {},
    "getUpdates": {"timeout": 1},
    "setWebhook": {"drop_pending_updates": "true"},
    "deleteWebhook": {"drop_pending_updates": "false"},
    "getWebhookInfo": {},
    "sendMessage": {
        "chat_id": GROUP,
        "text": "<b>Hi</b> <a href='https://example.org'>you</a> /top",
        "parse_mode": "HTML",
        "reply_markup": BUTTONS,
        "reply_parameters": json.dumps({"message_id": 1}),
        "link_preview_options": json.dumps({"is_disabled": True}),
        "protect_content": "true",
    },
    "editMessageText": {"chat_id": GROUP, "message_id": 2, "text": "new"},
    "editMessageReplyMarkup": {"chat_id": GROUP, "message_id": 2},
    "editEphemeralMessageText": {**EPHEMERAL, "text": "new"},
    "editEphemeralMessageReplyMarkup": {**EPHEMERAL, "reply_markup": BUTTONS},
    "deleteEphemeralMessage": EPHEMERAL,
    "deleteMessage": {"chat_id": GROUP, "message_id": 1},
    "deleteMessages": {"chat_id": GROUP, "message_ids": "[1, 2, 77]"},
    "pinChatMessage": {"chat_id": GROUP, "message_id": 1},
    "unpinChatMessage": {"chat_id": GROUP},
    "setMessageReaction": {
        "chat_id": GROUP,
        "message_id": 1,
        "reaction": json.dumps([{"type": "emoji", "emoji": "🎉"}]),
    },
    "sendChatAction": {"chat_id": GROUP, "action": "typing"},
    "answerCallbackQuery": {"callback_query_id": "1000000000000001", "text": "done"},
    "getChat": {"chat_id": GROUP},
    "getChatMember": {"chat_id": GROUP, "user_id": ALICE},
    "getChatAdministrators": {"chat_id": GROUP},
    "getChatMemberCount": {"chat_id": GROUP},
    "leaveChat": {"chat_id": GROUP},
    "setChatMemberTag": {"chat_id": GROUP, "user_id": ALICE, "tag": "Legend"},
    "setChatAdministratorCustomTitle": {
        "chat_id": GROUP,
        "user_id": BORIS,
        "custom_title": "Captain",
    },
    "promoteChatMember": {"chat_id": GROUP, "user_id": ALICE, "can_pin_messages": "true"},
    "restrictChatMember": {"chat_id": GROUP, "user_id": ALICE, "permissions": SILENT},
    "setChatPermissions": {"chat_id": GROUP, "permissions": SILENT},
    "banChatMember": {"chat_id": GROUP, "user_id": ALICE, "revoke_messages": "true"},
    "unbanChatMember": {"chat_id": GROUP, "user_id": ALICE, "only_if_banned": "true"},
    "setMyCommands": {
        "commands": json.dumps([{"command": "top", "description": "Leaders"}]),
        "scope": SCOPE,
        "language_code": "ru",
    },
    "getMyCommands": {},
    "deleteMyCommands": {"scope": SCOPE},
    "setMyName": {"name": "Twins"},
    "getMyName": {"language_code": "ru"},
    "setMyDescription": {"description": "Keeps score"},
    "getMyDescription": {},
    "setMyShortDescription": {"short_description": "Score"},
    "getMyShortDescription": {},
}
REFUSED = {"logOut", "close"}


@pytest_asyncio.fixture(loop_scope="module")
async def prepared(telegram, call):
    """Boris is an administrator by the bot's hand; there are messages, a menu, a pressed button."""
    telegram.people.set_bot("administrator", frozenset(ADMINISTRATOR_RIGHTS))
    await call("promoteChatMember", chat_id=GROUP, user_id=BORIS, can_pin_messages="true")
    telegram.say(GROUP, ALICE, "hello")
    await call("sendMessage", chat_id=GROUP, text="press", reply_markup=BUTTONS)
    await call("sendMessage", chat_id=GROUP, text="psst", ephemeral_message_parameters=TO_ALICE)
    await call("pinChatMessage", chat_id=GROUP, message_id=2)
    commands = json.dumps([{"command": "start", "description": "Begin", "is_ephemeral": True}])
    await call("setMyCommands", commands=commands)
    telegram.click(GROUP, 2, ALICE, "go")


def aiogram_method(name: str) -> type[TelegramMethod[Any]]:
    found = getattr(aiogram.methods, name[0].upper() + name[1:])
    assert found.__api_method__ == name
    return found


def answer_model(name: str) -> Any:
    return Response.__class_getitem__(aiogram_method(name).__returning__)


def foreign_fields(value: object, path: str = "result") -> list[str]:
    """Fields of an answer that aiogram's models do not know: they take extra ones silently."""
    if isinstance(value, list):
        return [f for i, item in enumerate(value) for f in foreign_fields(item, f"{path}[{i}]")]
    if not isinstance(value, TelegramObject):
        return []
    extra = [f"{path}.{name}" for name in value.model_extra or {}]
    return extra + [f for name, item in value for f in foreign_fields(item, f"{path}.{name}")]


async def test_every_method_but_the_refused_ones_is_called():
    assert METHODS.keys() == CALLS.keys() | REFUSED


@pytest.mark.parametrize("name", METHODS)
async def test_parameters_are_those_of_the_bot_api(name):
    theirs = aiogram_method(name).model_fields
    ours = {field.name: field for field in msgspec.structs.fields(METHODS[name])}
    assert ours.keys() <= theirs.keys()
    # An empty tag or title does not reach the wire, so the sandbox takes a missing one as empty.
    emptied = {"custom_title", "url"}
    demanded = {key for key, field in theirs.items() if field.is_required()} - emptied
    assert demanded <= {key for key, field in ours.items() if field.required}


@pytest.mark.parametrize("name", CALLS)
async def test_an_answer_is_what_aiogram_expects(prepared, call, name):
    body = await call(name, **CALLS[name])
    assert body["ok"], body
    response = answer_model(name).model_validate(body)
    assert foreign_fields(response.result) == []


@pytest.mark.parametrize(
    ("before", "status"),
    [
        (("setChatMemberTag", {"tag": "Veteran"}), "member"),
        (
            ("restrictChatMember", {"permissions": SILENT, "until_date": 2_000_000_000}),
            "restricted",
        ),
        (("banChatMember", {}), "kicked"),
        (("unbanChatMember", {}), "left"),
        (("promoteChatMember", {"can_pin_messages": "true"}), "administrator"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
async def test_every_standing_is_a_chat_member(prepared, call, before, status):
    method, parameters = before
    assert (await call(method, chat_id=GROUP, user_id=ALICE, **parameters))["ok"]
    body = await call("getChatMember", chat_id=GROUP, user_id=ALICE)
    assert body["result"]["status"] == status
    response = answer_model("getChatMember").model_validate(body)
    assert foreign_fields(response.result) == []


async def test_update_kinds_are_those_of_the_bot_api():
    assert Update.model_fields.keys() - {"update_id"} == UPDATE_KINDS


async def test_every_update_is_what_aiogram_expects(prepared, telegram, call):
    await call("getUpdates", allowed_updates=json.dumps(sorted(UPDATE_KINDS)))
    await call("deleteWebhook", drop_pending_updates="true")
    telegram.say(ALICE, ALICE, "/start")
    telegram.say(GROUP, VERA, "from the owner", anonymous=True, reply_to=1)
    telegram.say(GROUP, ALICE, "/start")
    telegram.click(GROUP, 2, BORIS, "go")
    telegram.react(GROUP, 1, BORIS, "🔥")
    newcomer = telegram.join(name="Egor")
    telegram.people.tag(newcomer, "Pilot")
    telegram.people.promote(newcomer)
    telegram.leave(newcomer)
    telegram.people.block(ALICE)
    telegram.people.set_bot("kicked")
    body = await call("getUpdates")
    updates = Response[list[Update]].model_validate(body).result
    assert updates is not None
    assert foreign_fields(updates) == []
    assert {update.event_type for update in updates} == {
        "message",
        "callback_query",
        "message_reaction",
        "chat_member",
        "my_chat_member",
    }
