"""The Telegram side speaks the Bot API that aiogram 3.31 knows: names, types and answers."""

import json
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from aiogram.methods.base import Response
from aiogram.types import Update

from sandbox.telegram_api.methods.table import METHODS
from sandbox.telegram_api.people.chatting import Manner
from sandbox.telegram_api.world.deliveries import NEVER_SENT, UPDATE_KINDS
from sandbox.telegram_api.world.files import KINDS
from sandbox.telegram_api.world.rights import ADMINISTRATOR_RIGHTS
from tests.support.telegram_models import answer_model, foreign_fields, method_model

pytestmark = pytest.mark.asyncio(loop_scope="module")

GROUP, VERA, ALICE, BORIS = -1001000000001, 1000, 1001, 1002
SCOPE = json.dumps({"type": "chat_member", "chat_id": GROUP, "user_id": ALICE})
BUTTONS = json.dumps({"inline_keyboard": [[{"text": "Go", "callback_data": "go"}]]})
SILENT = json.dumps({"can_send_messages": False})
TO_ALICE = json.dumps({"receiver_user_id": ALICE})
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x02\x00\x00\x00\x01\x00"
MEDIA = ("document", "video", "animation", "audio", "voice", "video_note", "sticker")
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
    "sendPhoto": {
        "chat_id": GROUP,
        "photo": "{photo}",
        "caption": "a <b>c</b>",
        "parse_mode": "HTML",
    },
    "sendDocument": {"chat_id": GROUP, "document": "{document}", "caption": "#c"},
    "sendVideo": {"chat_id": GROUP, "video": "{video}", "has_spoiler": "true"},
    "sendAnimation": {"chat_id": GROUP, "animation": "{animation}"},
    "sendAudio": {"chat_id": GROUP, "audio": "{audio}"},
    "sendVoice": {"chat_id": GROUP, "voice": "{voice}"},
    "sendVideoNote": {"chat_id": GROUP, "video_note": "{video_note}"},
    "sendSticker": {"chat_id": GROUP, "sticker": "{sticker}"},
    "sendMediaGroup": {
        "chat_id": GROUP,
        "media": '[{"type": "photo", "media": "{photo}"}, {"type": "video", "media": "{video}"}]',
    },
    "editMessageCaption": {"chat_id": GROUP, "message_id": "{picture}", "caption": "new"},
    "editMessageMedia": {
        "chat_id": GROUP,
        "message_id": "{picture}",
        "media": '{"type": "document", "media": "{document}"}',
    },
    "getFile": {"file_id": "{photo}"},
    "sendLocation": {"chat_id": GROUP, "latitude": 1.5, "longitude": 2, "live_period": 60},
    "editMessageLiveLocation": {
        "chat_id": GROUP,
        "message_id": "{place}",
        "latitude": 1,
        "longitude": 2,
    },
    "stopMessageLiveLocation": {"chat_id": GROUP, "message_id": "{place}"},
    "sendVenue": {"chat_id": GROUP, "latitude": 1, "longitude": 2, "title": "t", "address": "a"},
    "sendContact": {"chat_id": GROUP, "phone_number": "+1", "first_name": "f", "last_name": "l"},
    "sendDice": {"chat_id": GROUP, "emoji": "🎯"},
    "sendPoll": {
        "chat_id": GROUP,
        "question": "q",
        "options": '["a", {"text": "b"}]',
        "type": "quiz",
        "correct_option_ids": "[1]",
        "explanation": "because",
    },
    "stopPoll": {"chat_id": GROUP, "message_id": "{poll}"},
    "forwardMessage": {"chat_id": GROUP, "from_chat_id": GROUP, "message_id": 1},
    "forwardMessages": {"chat_id": GROUP, "from_chat_id": GROUP, "message_ids": "[1, 2]"},
    "copyMessage": {"chat_id": GROUP, "from_chat_id": GROUP, "message_id": "{picture}"},
    "copyMessages": {"chat_id": GROUP, "from_chat_id": GROUP, "message_ids": "[1, 2]"},
    "createForumTopic": {"chat_id": GROUP, "name": "News", "icon_color": 16766590},
    "editForumTopic": {"chat_id": GROUP, "message_thread_id": "{topic}", "name": "Olds"},
    "closeForumTopic": {"chat_id": GROUP, "message_thread_id": "{topic}"},
    "reopenForumTopic": {"chat_id": GROUP, "message_thread_id": "{closed}"},
    "deleteForumTopic": {"chat_id": GROUP, "message_thread_id": "{topic}"},
    "unpinAllForumTopicMessages": {"chat_id": GROUP, "message_thread_id": "{topic}"},
    "editGeneralForumTopic": {"chat_id": GROUP, "name": "Hall"},
    "closeGeneralForumTopic": {"chat_id": GROUP},
    "reopenGeneralForumTopic": {"chat_id": GROUP},
    "hideGeneralForumTopic": {"chat_id": GROUP},
    "unhideGeneralForumTopic": {"chat_id": GROUP},
    "unpinAllGeneralForumTopicMessages": {"chat_id": GROUP},
    "getForumTopicIconStickers": {},
    "unpinAllChatMessages": {"chat_id": GROUP},
    "deleteMessageReaction": {"chat_id": GROUP, "message_id": 1, "user_id": ALICE},
    "deleteAllMessageReactions": {"chat_id": GROUP, "user_id": ALICE},
    "setChatTitle": {"chat_id": GROUP, "title": "Harbour"},
    "setChatDescription": {"chat_id": GROUP, "description": "Ships"},
    "setChatPhoto": {"chat_id": GROUP, "photo": PNG},
    "deleteChatPhoto": {"chat_id": GROUP},
    "exportChatInviteLink": {"chat_id": GROUP},
    "createChatInviteLink": {"chat_id": GROUP, "name": "n", "creates_join_request": "true"},
    "editChatInviteLink": {"chat_id": GROUP, "invite_link": "{link}", "member_limit": 5},
    "revokeChatInviteLink": {"chat_id": GROUP, "invite_link": "{link}"},
    "approveChatJoinRequest": {"chat_id": GROUP, "user_id": "{asking}"},
    "declineChatJoinRequest": {"chat_id": GROUP, "user_id": "{asking}"},
    "banChatSenderChat": {"chat_id": GROUP, "sender_chat_id": "{channel}"},
    "unbanChatSenderChat": {"chat_id": GROUP, "sender_chat_id": "{channel}"},
    "getUserProfilePhotos": {"user_id": ALICE},
    "editEphemeralMessageCaption": {
        "chat_id": GROUP,
        "receiver_user_id": ALICE,
        "ephemeral_message_id": 2,
        "caption": "new",
    },
    "setChatMenuButton": {
        "menu_button": json.dumps(
            {"type": "web_app", "text": "Go", "web_app": {"url": "https://example.org"}}
        )
    },
    "getChatMenuButton": {},
    "setMyDefaultAdministratorRights": {"rights": '{"can_manage_tags": true}'},
    "getMyDefaultAdministratorRights": {"for_channels": "true"},
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


# Calls that must come before some of the others.
BEFORE: dict[str, tuple[str, dict[str, Any]]] = {
    "deleteChatPhoto": ("setChatPhoto", {"chat_id": GROUP, "photo": PNG}),
    "reopenGeneralForumTopic": ("closeGeneralForumTopic", {"chat_id": GROUP}),
    "unhideGeneralForumTopic": ("hideGeneralForumTopic", {"chat_id": GROUP}),
}


@pytest.fixture(scope="module")
def kept() -> dict[str, Any]:
    """The community of the first test, for the others."""
    return {}


@pytest_asyncio.fixture(loop_scope="module")
async def prepared(telegram, call, kept) -> dict[str, Any]:
    """A community in which every call is possible; what the calls name, by its name in CALLS."""
    if not kept:
        kept["made"] = await prepare(telegram, call)
        kept["state"] = json.dumps(msgspec.to_builtins(telegram.dump()))
    telegram.load(json.loads(kept["state"]))
    return kept["made"]


async def prepare(telegram, call):
    people = telegram.people
    people.set_bot("administrator", frozenset(ADMINISTRATOR_RIGHTS))
    await call("promoteChatMember", chat_id=GROUP, user_id=BORIS, can_pin_messages="true")
    telegram.say(GROUP, ALICE, "hello")
    await call("sendMessage", chat_id=GROUP, text="press", reply_markup=BUTTONS)
    await call("sendMessage", chat_id=GROUP, text="psst", ephemeral_message_parameters=TO_ALICE)
    await call("pinChatMessage", chat_id=GROUP, message_id=2)
    commands = json.dumps([{"command": "start", "description": "Begin", "is_ephemeral": True}])
    await call("setMyCommands", commands=commands)
    telegram.click(GROUP, 2, ALICE, "go")
    telegram.react(GROUP, 1, ALICE, "🔥")
    sent = {
        kind: await call(
            f"send{''.join(part.title() for part in kind.split('_'))}",
            **{"chat_id": GROUP, kind: PNG},
        )
        for kind in ("photo", *MEDIA)
    }
    made = {kind: body["result"][kind]["file_id"] for kind, body in sent.items() if kind != "photo"}
    made["photo"] = sent["photo"]["result"]["photo"][0]["file_id"]
    made["picture"] = sent["photo"]["result"]["message_id"]
    await call(
        "sendPhoto", chat_id=GROUP, photo=made["photo"], ephemeral_message_parameters=TO_ALICE
    )
    for name, method in (("place", "sendLocation"), ("poll", "sendPoll")):
        body = await call(method, **CALLS[method])
        made[name] = body["result"]["message_id"]
    people.set_forum()
    made["topic"], made["closed"] = people.open_topic("Open"), people.open_topic("Closed")
    people.close_topic(made["closed"])
    made["link"] = (await call("createChatInviteLink", chat_id=GROUP))["result"]["invite_link"]
    people.want_requests()
    made["asking"], made["channel"] = telegram.join(name="Egor"), people.open_channel("Waves")
    return made


def filled(parameters: dict[str, Any], made: dict[str, Any]) -> dict[str, Any]:
    """Put what was prepared in place of its name in braces."""

    def fill(value: Any) -> Any:
        if isinstance(value, str):
            for name, known in made.items():
                value = value.replace(f"{{{name}}}", str(known))
        return value

    return {key: fill(value) for key, value in parameters.items()}


async def test_every_method_but_the_refused_ones_is_called():
    assert METHODS.keys() == CALLS.keys() | REFUSED


@pytest.mark.parametrize("name", METHODS)
async def test_parameters_are_those_of_the_bot_api(name):
    theirs = method_model(name).model_fields
    ours = {field.name: field for field in msgspec.structs.fields(METHODS[name])}
    assert ours.keys() <= theirs.keys()
    # An empty tag or title does not reach the wire, so the sandbox takes a missing one as empty.
    emptied = {"custom_title", "url"}
    demanded = {key for key, field in theirs.items() if field.is_required()} - emptied
    assert demanded <= {key for key, field in ours.items() if field.required}


@pytest.mark.parametrize("name", CALLS)
async def test_an_answer_is_what_aiogram_expects(prepared, call, name):
    if name in BEFORE:
        first, parameters = BEFORE[name]
        assert (await call(first, **parameters))["ok"]
    body = await call(name, **filled(CALLS[name], prepared))
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
    people, channel = telegram.people, prepared["channel"]
    await call("getUpdates", allowed_updates=json.dumps(sorted(UPDATE_KINDS)))
    await call("deleteWebhook", drop_pending_updates="true")
    people.start(ALICE, "ref_1")
    telegram.say(GROUP, VERA, "from the owner", anonymous=True, reply_to=1)
    telegram.say(GROUP, ALICE, "/start")
    words = telegram.say(GROUP, BORIS, "in a topic", manner=Manner(thread_id=prepared["topic"]))
    telegram.edit(GROUP, words, BORIS, "still in a topic")
    for kind in KINDS:
        people.send(GROUP, ALICE, kind, caption="look #here", file_name="a.bin")
    for kind in ("location", "contact", "venue", "dice"):
        people.send(GROUP, ALICE, kind)
    people.forward(GROUP, ALICE, GROUP, words, hidden=True)
    telegram.click(GROUP, 2, BORIS, "go")
    telegram.react(GROUP, 1, BORIS, ["🔥", "❤\u200d🔥", "5368324170671202286"])
    telegram.react(GROUP, 1, VERA, "👍", anonymous=True)
    question = json.dumps(["a", "b"])
    body = await call(
        "sendPoll", chat_id=GROUP, question="q", options=question, is_anonymous="false"
    )
    people.vote(GROUP, body["result"]["message_id"], ALICE, [1])
    post = telegram.say(channel, VERA, "a post")
    telegram.edit(channel, post, VERA, "an edited post")
    telegram.react(channel, post, VERA, "👍")
    telegram.join(name="Fyodor")
    people.want_requests(wanted=False)
    newcomer = telegram.join(name="Egor")
    people.rename(newcomer, "Е\u202eгор", "Ω", "")
    people.tag(newcomer, "Pilot")
    people.promote(newcomer)
    people.open_topic("by the owner")
    people.retitle("Bay")
    people.pin(words)
    telegram.leave(newcomer)
    people.kick(ALICE)
    people.migrate()
    people.block(ALICE)
    people.set_bot("kicked")

    body = await call("getUpdates")

    updates = Response[list[Update]].model_validate(body).result
    assert updates is not None
    assert foreign_fields(updates) == []
    assert {update.event_type for update in updates} == UPDATE_KINDS - NEVER_SENT
