"""Each field that an accepted call promises is there and true; the rest is refused."""

import json

import aiohttp
import pytest

from sandbox import SandboxError

pytestmark = pytest.mark.asyncio(loop_scope="module")

GROUP, VERA, ALICE, BORIS = -1001000000001, 1000, 1001, 1002
HERE = {"chat_id": GROUP}


async def entities_of(call, text, **more):
    body = await call("sendMessage", **HERE, text=text, **more)
    assert body["ok"], body
    return body["result"]["text"], body["result"].get("entities", [])


async def test_a_link_to_a_member_mentions_them(call):
    source = f'<a href="tg://user?id={ALICE}">Alice</a> and <a href="tg://user?id=77">x</a>'
    text, entities = await entities_of(call, source, parse_mode="HTML")
    assert text == "Alice and x"
    [mention] = entities
    assert (mention["type"], mention["user"]["id"]) == ("text_mention", ALICE)


async def test_an_address_is_stored_as_telegram_writes_it(call):
    source = '<a href="example.org">a</a> <a href="foo">b</a> <a href="HTTPS://Example.org/X">c</a>'
    _, entities = await entities_of(call, source, parse_mode="HTML")
    urls = [entity["url"] for entity in entities]
    assert urls == ["http://example.org/", "https://example.org/X"]


@pytest.mark.parametrize("reaction", ["❤‍🔥", "🤷‍♂", "👨‍💻", "❤"])
async def test_a_reaction_may_have_several_code_points(telegram, call, reaction):
    telegram.say(GROUP, ALICE, "hello")
    wanted = json.dumps([{"type": "emoji", "emoji": reaction}])
    assert (await call("setMessageReaction", **HERE, message_id=1, reaction=wanted))["ok"]


async def test_no_part_of_a_reaction_is_a_reaction(telegram, call):
    telegram.say(GROUP, ALICE, "hello")
    wanted = json.dumps([{"type": "emoji", "emoji": "\u200d"}])
    body = await call("setMessageReaction", **HERE, message_id=1, reaction=wanted)
    assert body["description"] == "Bad Request: REACTION_INVALID"


@pytest.mark.parametrize("name", ["GetMe", "getme", "GETME"])
async def test_methods_are_found_in_any_case(call, name):
    assert (await call(name))["result"]["id"] == 42


@pytest.mark.parametrize("token", ["42", "SANDBOX", "x:y", "42:"])
async def test_a_malformed_token_is_not_found(telegram, token):
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{telegram.api_base}/bot{token}/getMe") as response,
    ):
        body = await response.json()
    assert body == {"ok": False, "error_code": 404, "description": "Not Found"}


async def test_entities_move_with_the_text_that_is_trimmed(call):
    bold = json.dumps([{"type": "bold", "offset": 2, "length": 4}])
    text, entities = await entities_of(call, "  bold /top", entities=bold)
    assert text == "bold /top"
    assert entities == [
        {"type": "bold", "offset": 0, "length": 4},
        {"type": "bot_command", "offset": 5, "length": 4},
    ]


async def test_nothing_is_found_in_code(call):
    source = "<code>/top</code> <pre>#tag</pre> /top"
    _, entities = await entities_of(call, source, parse_mode="HTML")
    assert [entity["type"] for entity in entities] == ["code", "pre", "bot_command"]


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        ("<b>a<b>b</b></b>c", [("bold", 0, 2)]),
        ("<b>a</b><b>b</b>", [("bold", 0, 2)]),
        ("<code>a<b>b</b></code>", [("code", 0, 2)]),
        ("<b>a<code>b</code>c</b>", [("bold", 0, 1), ("code", 1, 1), ("bold", 2, 1)]),
        ("<b>a<i>b</i></b>", [("bold", 0, 2), ("italic", 1, 1)]),
    ],
)
async def test_entities_of_a_kind_are_joined_and_code_stands_alone(call, source, kept):
    _, entities = await entities_of(call, source, parse_mode="HTML")
    assert [(one["type"], one["offset"], one["length"]) for one in entities] == kept


@pytest.mark.parametrize(
    ("entity", "words"),
    [
        ({"type": "prose"}, "unsupported type specified"),
        ({"type": "text_link"}, 'Can\'t find field "url"'),
        ({"type": "text_mention", "user": {"id": "x"}}, 'Can\'t find field "user"'),
        ({"type": "bold", "length": 4}, "entity beyond the end of the text"),
    ],
)
async def test_an_entity_that_telegram_refuses_is_refused(call, entity, words):
    entities = json.dumps([{"offset": 0, "length": 1} | entity])
    body = await call("sendMessage", **HERE, text="abc", entities=entities)
    assert words in body["description"]


async def test_a_mention_by_entity_names_the_member(call):
    mention = {"type": "text_mention", "offset": 0, "length": 3, "user": {"id": ALICE}}
    _, [entity] = await entities_of(call, "abc", entities=json.dumps([mention]))
    assert entity["user"]["first_name"] == "Alice"


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("/a/b", []),
        ("/" + "a" * 64, ["bot_command"]),
        ("/" + "a" * 65, []),
        ("foo.com.bar", []),
        ("привет.рф", ["url"]),
        ("$USD $usd", ["cashtag"]),
        ("#1 #a1", ["hashtag"]),
    ],
)
async def test_telegram_finds_what_it_finds(call, text, kinds):
    _, entities = await entities_of(call, text)
    assert [entity["type"] for entity in entities] == kinds


async def test_the_language_of_code_is_kept(call):
    source = '<pre><code class="language-py">x</code></pre>'
    _, entities = await entities_of(call, source, parse_mode="HTML")
    assert entities == [{"type": "pre", "offset": 0, "length": 1, "language": "py"}]


async def test_an_address_ends_before_the_full_stop(call):
    text, entities = await entities_of(call, "see https://example.org/a. Or t.me/b, a@example.org")
    found = [text[e["offset"] : e["offset"] + e["length"]] for e in entities]
    assert found == ["https://example.org/a", "t.me/b", "a@example.org"]


async def test_a_quotation_is_in_the_answer(telegram, call):
    telegram.say(GROUP, ALICE, "one two")
    reply = json.dumps({"message_id": 1, "quote": "two"})
    body = await call("sendMessage", **HERE, text="x", reply_parameters=reply)
    assert body["result"]["quote"] == {"text": "two", "position": 4, "is_manual": True}


async def test_a_reply_to_another_chat_is_an_external_reply(telegram, call):
    telegram.say(GROUP, ALICE, "one")
    telegram.say(BORIS, BORIS, "/start")
    reply = json.dumps({"message_id": 1, "chat_id": GROUP})
    body = await call("sendMessage", chat_id=BORIS, text="x", reply_parameters=reply)
    assert "reply_to_message" not in body["result"]
    external = body["result"]["external_reply"]
    assert (external["chat"]["id"], external["message_id"]) == (GROUP, 1)
    assert external["origin"]["sender_user"]["id"] == ALICE


async def test_a_message_that_a_press_hands_over_does_not_change_later(telegram, call):
    buttons = json.dumps({"inline_keyboard": [[{"text": "Go", "callback_data": "go"}]]})
    await call("sendMessage", **HERE, text="before", reply_markup=buttons)
    telegram.click(GROUP, 1, ALICE, "go")
    await call("editMessageText", **HERE, message_id=1, text="after")
    [update] = (await call("getUpdates"))["result"]
    assert update["callback_query"]["message"]["text"] == "before"


async def test_a_command_for_another_bot_is_not_delivered(telegram, call):
    telegram.people.set_bot("member")
    await call("getUpdates", offset=-1)
    telegram.say(GROUP, ALICE, "/roll@another_bot")
    telegram.say(GROUP, ALICE, "/roll@twinstream_sandbox_bot")
    updates = (await call("getUpdates"))["result"]
    texts = [update["message"]["text"] for update in updates if "message" in update]
    assert texts == ["/roll@twinstream_sandbox_bot"]


@pytest.mark.parametrize(
    ("button", "words"),
    [
        ({"url": "foo"}, "inline keyboard button URL 'foo' is invalid: Wrong HTTP URL"),
        ({"url": "http://localhost:80"}, "is invalid: Wrong HTTP URL"),
        ({"url": "ftp://example.org"}, "is invalid: Unsupported URL protocol"),
        ({"callback_data": "a", "style": "purple"}, "invalid button style specified"),
        ({"callback_data": "a", "url": "https://example.org"}, "can't parse"),
        ({"copy_text": {"text": "x" * 257}}, "BUTTON_COPY_TEXT_INVALID"),
        ({"web_app": {"url": "https://example.org"}}, "BUTTON_TYPE_INVALID"),
    ],
)
async def test_a_button_that_telegram_refuses_is_refused(call, button, words):
    markup = json.dumps({"inline_keyboard": [[{"text": "Go", **button}]]})
    body = await call("sendMessage", **HERE, text="x", reply_markup=markup)
    assert words in body["description"]


async def test_a_deleted_message_is_no_longer_pinned(telegram, call):
    telegram.say(GROUP, ALICE, "one")
    await call("pinChatMessage", **HERE, message_id=1)
    await call("deleteMessage", **HERE, message_id=1)
    assert "pinned_message" not in (await call("getChat", **HERE))["result"]
    body = await call("unpinChatMessage", **HERE)
    assert body["description"] == "Bad Request: message to unpin not found"


async def test_an_update_shows_what_was_said_then(telegram, call):
    telegram.say(GROUP, ALICE, "before")
    telegram.edit(GROUP, 1, ALICE, "after")
    said, edited = (await call("getUpdates"))["result"]
    assert said["message"]["text"] == "before"
    assert edited["edited_message"]["text"] == "after"


async def test_an_unmuted_member_has_their_permissions_back(telegram, call):
    telegram.people.mute(ALICE)
    telegram.people.mute(ALICE, muted=False)
    member = (await call("getChatMember", **HERE, user_id=ALICE))["result"]
    assert member == {"status": "member", "user": member["user"]}


async def test_nobody_has_an_empty_name(telegram):
    with pytest.raises(SandboxError, match="a name has at least one character"):
        telegram.join(name="  ")
