"""The refusals of the Telegram side, worded as Telegram words them."""

import json

import aiohttp
import pytest
import pytest_asyncio

from sandbox import SandboxError
from sandbox.telegram_api.texts.html import from_html

pytestmark = pytest.mark.asyncio(loop_scope="module")

GROUP, VERA, ALICE, BORIS, ADA, NOBODY = -1001000000001, 1000, 1001, 1002, 1009, 77
HERE = {"chat_id": GROUP}
ON_ALICE = {"chat_id": GROUP, "user_id": ALICE}
CANNOT_RESTRICT = "Bad Request: not enough rights to restrict/unrestrict chat member"


def buttons(**button):
    return json.dumps({"inline_keyboard": [[{"text": "Go", **button}]]})


@pytest.mark.parametrize(
    ("method", "parameters", "description"),
    [
        ("sendMessage", {"text": "x"}, "chat_id is empty"),
        ("sendMessage", HERE, "message text is empty"),
        ("sendMessage", {**HERE, "text": ""}, "message text is empty"),
        ("sendMessage", {**HERE, "text": "  "}, "text must be non-empty"),
        ("sendMessage", {**HERE, "text": "x" * 4097}, "message is too long"),
        ("sendMessage", {"chat_id": NOBODY, "text": "x"}, "chat not found"),
        ("sendMessage", {"chat_id": "@nowhere", "text": "x"}, "chat not found"),
        ("sendMessage", {"chat_id": "[]", "text": "x"}, "chat not found"),
        ("sendMessage", {**HERE, "text": "x", "colour": "1"}, "knows no parameter 'colour'"),
        ("sendMessage", {**HERE, "text": "x", "protect_content": "yes"}, "protect_content"),
        ("sendMessage", {**HERE, "text": "x", "protect_content": "1"}, "Expected `bool`"),
        ("sendMessage", {**HERE, "text": "x", "parse_mode": "Prose"}, "unsupported parse_mode"),
        ("sendMessage", {**HERE, "text": "x", "reply_markup": "{}"}, "can't parse reply_markup"),
        ("sendMessage", {**HERE, "text": "x", "reply_markup": "{"}, "can't parse reply_markup"),
        (
            "sendMessage",
            {**HERE, "text": "x", "reply_markup": buttons(callback_data="я" * 33)},
            "BUTTON_DATA_INVALID",
        ),
        (
            "sendMessage",
            {**HERE, "text": "x", "reply_markup": buttons()},
            "Text buttons are unallowed in the inline keyboard",
        ),
        (
            "sendMessage",
            {**HERE, "text": "x", "reply_markup": buttons(callback_data="a", pay=True)},
            "unknown field `pay`",
        ),
        (
            "sendMessage",
            {**HERE, "text": "x", "reply_parameters": '{"message_id": 99}'},
            "message to be replied not found",
        ),
        (
            "sendMessage",
            {**HERE, "text": "x", "ephemeral_message_parameters": '{"receiver_user_id": 77}'},
            "receiver user not found in the chat",
        ),
        ("editMessageText", {**HERE, "message_id": 99, "text": "x"}, "message to edit not found"),
        ("editMessageText", {**HERE, "message_id": 1, "text": "x"}, "message can't be edited"),
        ("editMessageText", {**HERE, "message_id": 2, "text": "ours"}, "message is not modified"),
        ("editMessageText", {**HERE, "text": "x"}, "message identifier is not specified"),
        ("deleteMessage", {**HERE, "message_id": 99}, "message to delete not found"),
        ("setMessageReaction", {**HERE, "message_id": 99}, "message to react not found"),
        (
            "setMessageReaction",
            {**HERE, "message_id": 1, "reaction": '[{"type": "emoji", "emoji": "x"}]'},
            "REACTION_INVALID",
        ),
        ("sendChatAction", {**HERE, "action": "dance"}, "wrong parameter action in request"),
        ("answerCallbackQuery", {"callback_query_id": "1"}, "query is too old"),
        ("getChatMember", {**HERE, "user_id": "bob"}, "invalid user_id specified"),
        ("getChatMember", {**HERE, "user_id": NOBODY}, "PARTICIPANT_ID_INVALID"),
        ("getChatAdministrators", {"chat_id": ALICE}, "no administrators in the private chat"),
        ("setChatMemberTag", {**ON_ALICE, "tag": "x" * 17}, "ADMIN_RANK_INVALID"),
        ("setChatMemberTag", {**ON_ALICE, "tag": "Top 🎉"}, "ADMIN_RANK_EMOJI_NOT_ALLOWED"),
        ("setChatMemberTag", {**ON_ALICE, "tag": "❤️"}, "ADMIN_RANK_EMOJI_NOT_ALLOWED"),
        ("setChatMemberTag", {**HERE, "user_id": ADA, "tag": "x"}, "CHAT_CREATOR_REQUIRED"),
        ("setChatMemberTag", {**HERE, "user_id": VERA, "tag": "x"}, "CHAT_CREATOR_REQUIRED"),
        ("setChatMemberTag", {"chat_id": ALICE, "user_id": ALICE}, "only for supergroup"),
        (
            "setChatAdministratorCustomTitle",
            {**ON_ALICE, "custom_title": "x"},
            "user is not an administrator",
        ),
        ("promoteChatMember", {**ON_ALICE, "can_pin_messages": "true"}, "not enough rights"),
        ("banChatMember", {**HERE, "user_id": ADA}, "user is an administrator of the chat"),
        ("banChatMember", {**HERE, "user_id": VERA}, "can't remove chat owner"),
        ("banChatMember", {**HERE, "user_id": 42}, "can't restrict self"),
        ("restrictChatMember", ON_ALICE, 'parameter "permissions" is required'),
        ("setMyCommands", {"commands": '[{"command": "A", "description": "x"}]'}, "BOT_COMMAND"),
        ("setMyCommands", {"commands": '[{"command": "a"}]'}, "required field `description`"),
        (
            "getMyCommands",
            {"scope": json.dumps({"type": "chat_member", "chat_id": GROUP})},
            "'chat_member' takes chat_id, user_id",
        ),
        ("getMyCommands", {"language_code": "eng"}, "LANG_CODE_INVALID"),
        ("getUpdates", {"allowed_updates": '["mesage"]'}, "no update of type 'mesage'"),
        ("setWebhook", {"url": "https://example.org"}, "bad webhook"),
        ("logOut", {}, "does not imitate logOut"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_mistake_is_refused_and_named(telegram, call, method, parameters, description):
    telegram.say(GROUP, BORIS, "theirs")
    await call("sendMessage", chat_id=GROUP, text="ours")
    body = await call(method, **parameters)
    assert (body["ok"], body["error_code"]) == (False, 400)
    assert body["description"].startswith("Bad Request: ")
    assert description in body["description"]


async def test_an_unknown_method_is_named_and_recorded(call, transcript):
    body = await call("sendTelepathy")
    assert body["error_code"] == 404
    assert "'sendTelepathy'" in body["description"]
    assert transcript.calls(name="sendTelepathy")[0].status == 404


async def test_a_wrong_token_is_unauthorized(telegram):
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{telegram.api_base}/bot42:WRONG/getMe") as response,
    ):
        body = await response.json()
    assert response.status == 401
    assert body == {"ok": False, "error_code": 401, "description": "Unauthorized"}


async def test_json_bodies_and_queries_are_read_too(telegram, seed):
    url = f"{telegram.api_base}/bot{seed.telegram.token}"
    async with aiohttp.ClientSession() as session:
        message = {"chat_id": GROUP, "text": "hi", "protect_content": True}
        async with session.post(f"{url}/sendMessage", json=message) as response:
            assert (await response.json())["result"]["has_protected_content"] is True
        async with session.get(f"{url}/getChatMemberCount?chat_id={GROUP}") as response:
            assert (await response.json())["result"] == 7
        async with session.post(f"{url}/sendMessage", json=message | {"text": 5}) as response:
            assert response.status == 400
        form = aiohttp.FormData({"chat_id": str(GROUP), "text": "hi"})
        form.add_field("photo", b"...", filename="photo.png")
        async with session.post(f"{url}/sendMessage", data=form) as response:
            assert "knows no parameter 'photo'" in (await response.json())["description"]


@pytest.mark.parametrize(
    ("status", "description"),
    [
        ("kicked", "Forbidden: bot was kicked from the supergroup chat"),
        ("left", "Forbidden: bot is not a member of the supergroup chat"),
    ],
)
async def test_a_bot_that_is_out_of_the_group_is_forbidden(telegram, call, status, description):
    telegram.people.set_bot(status)
    for method, parameters in (("sendMessage", {"text": "x"}), ("getChatMemberCount", {})):
        body = await call(method, chat_id=GROUP, **parameters)
        assert (body["error_code"], body["description"]) == (403, description)


async def test_rights_are_taken_with_the_office(telegram, call):
    telegram.people.set_bot("member")
    assert (await call("sendMessage", **HERE, text="still here"))["ok"]
    telegram.say(GROUP, ALICE, "mine")
    for method, parameters, description in (
        ("setChatMemberTag", ON_ALICE, "Bad Request: not enough rights"),
        ("banChatMember", ON_ALICE, CANNOT_RESTRICT),
        ("deleteMessage", {**HERE, "message_id": 2}, "Bad Request: message can't be deleted"),
    ):
        assert (await call(method, **parameters))["description"] == description
    telegram.people.set_bot("administrator", frozenset({"can_manage_tags"}))
    assert (await call("setChatMemberTag", **ON_ALICE, tag="x"))["ok"]
    assert (await call("banChatMember", **ON_ALICE))["description"] == CANNOT_RESTRICT


async def test_a_bot_grants_only_rights_it_has_and_touches_only_its_own(telegram, call):
    rights = frozenset({"can_promote_members", "can_pin_messages"})
    telegram.people.set_bot("administrator", rights)
    body = await call("promoteChatMember", **ON_ALICE, can_delete_messages="true")
    assert body["description"] == "Bad Request: RIGHT_FORBIDDEN"
    ada = {"chat_id": GROUP, "user_id": ADA}
    body = await call("promoteChatMember", **ada, can_pin_messages="true")
    assert body["description"] == "Bad Request: CHAT_ADMIN_REQUIRED"
    body = await call("setChatAdministratorCustomTitle", **ada, custom_title="x")
    assert body["description"].endswith("not enough rights to change custom title of the user")
    assert (await call("promoteChatMember", **ON_ALICE, can_pin_messages="true"))["ok"]
    body = await call("setChatAdministratorCustomTitle", **ON_ALICE, custom_title="Капитан")
    assert body["ok"]
    assert (await call("promoteChatMember", **ON_ALICE))["ok"]
    member = (await call("getChatMember", **ON_ALICE))["result"]
    assert (member["status"], "custom_title" in member) == ("member", False)


async def test_a_button_is_answered_once_and_in_time(telegram, call):
    await call("sendMessage", **HERE, text="x", reply_markup=buttons(callback_data="a"))
    query = telegram.click(GROUP, 1, ALICE, "a")
    assert (await call("answerCallbackQuery", callback_query_id=query))["ok"]
    assert "too old" in (await call("answerCallbackQuery", callback_query_id=query))["description"]


@pytest_asyncio.fixture(loop_scope="module")
async def silenced(call):
    await call("restrictChatMember", **ON_ALICE, permissions=json.dumps({}))


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (lambda t: t.say(GROUP, NOBODY, "x"), "no person with the id 77"),
        (lambda t: t.say(GROUP, 42, "x"), "no person with the id 42"),
        (lambda t: t.say(-5, BORIS, "x"), "there is no chat -5"),
        (lambda t: t.say(GROUP, BORIS, " "), "no text"),
        (lambda t: t.say(GROUP, ALICE, "x"), "1001 lacks can_send_messages"),
        (lambda t: t.say(GROUP, BORIS, "x", reply_to=9), "there is no message 9"),
        (lambda t: t.say(GROUP, BORIS, "x", anonymous=True), "only administrators"),
        (lambda t: t.click(GROUP, 9, BORIS, "x"), "there is no message 9"),
        (lambda t: t.join(BORIS), "Boris is in the group already"),
        (lambda t: t.leave(VERA), "the owner cannot leave"),
        (lambda t: t.people.demote(BORIS), "Boris is not an administrator"),
        (lambda t: t.people.set_bot("creator"), "cannot make the bot 'creator'"),
    ],
)
async def test_people_cannot_do_the_impossible(telegram, silenced, act, sentence):
    with pytest.raises(SandboxError, match=sentence):
        act(telegram)


@pytest.mark.parametrize(
    ("source", "text", "entities"),
    [
        ("a <b>b</b>", "a b", [("bold", 2, 1)]),
        ("😀<b>x<i>y</i></b>", "😀xy", [("bold", 2, 2), ("italic", 3, 1)]),
        ("&lt;b&gt; &amp; &#33; &copy;", "<b> & ! &copy;", []),
        ("  <b> x </b> ", "x", [("bold", 0, 1)]),
        ("<b></b>x", "x", []),
        ('<span class="tg-spoiler">x</span>', "x", [("spoiler", 0, 1)]),
        ("<blockquote expandable>x</blockquote>", "x", [("expandable_blockquote", 0, 1)]),
        ('<pre><code class="language-py">x</code></pre>', "x", [("pre", 0, 1)]),
    ],
)
async def test_html_becomes_text_and_entities(source, text, entities):
    plain, found = from_html(source)
    assert plain == text
    assert [(e["type"], e["offset"], e["length"]) for e in found] == entities


@pytest.mark.parametrize(
    ("source", "detail"),
    [
        ("<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
        ("x</b>", "Unexpected end tag at byte offset 1"),
        ("я<b>x</i>", 'Unmatched end tag at byte offset 6, expected "</b>", found "</i>"'),
        ("<div>x</div>", 'Unsupported start tag "div" at byte offset 0'),
        ("<span>x</span>", 'Tag "span" must have class "tg-spoiler"'),
        ("1 < 2", 'Unsupported start tag "" at byte offset 2'),
    ],
)
async def test_bad_html_is_refused_with_its_place(call, source, detail):
    body = await call("sendMessage", **HERE, text=source, parse_mode="HTML")
    assert body["description"].startswith(f"Bad Request: can't parse entities: {detail}")
