"""/profile on both bots, through real clients: pictures, other members, avatars, and refusals."""

import asyncio
import io

import aiohttp
import msgspec
import pytest
from PIL import Image

import schemas
from bots.cards import drawing
from bots.telegram_bot.messages.sent import CAPTION_CHARS_MAX
from bus import Publisher, connect
from db import Producer
from db.members.privacy import set_hidden
from sandbox import Fault
from sandbox.telegram_api.people import Manner
from tests.e2e.conftest import CHANNEL, GROUP

CREATOR, ALICE, BORIS, ADMIN = 1000, 1001, 1002, 1009
DISCORD_ALICE, DISCORD_BORIS = 800000000000000101, 800000000000000102
ANSWER = "POST /webhooks/{webhook_id}/{webhook_token}"
ALICE_XP = 300


@pytest.fixture
async def earned(stage, redis_server):
    """Alice has XP on both platforms, as two members."""
    redis = connect(redis_server.url, name="test")
    producer = Producer(stage.pool, schemas, Publisher(redis, stage.keys))
    accounts: tuple[tuple[int, schemas.Source], ...] = (
        (ALICE, "telegram"),
        (DISCORD_ALICE, "discord"),
    )
    for user_id, source in accounts:
        await producer.create_xp_change_event(
            user_id=user_id, delta_xp=ALICE_XP, source=source, reason="quest", entity_id="1"
        )
    yield
    await producer.close()
    await redis.aclose()


def picture_of(color: tuple[int, int, int]) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (256, 256), color).save(file, "PNG")
    return file.getvalue()


def center_of_avatar(content: bytes) -> tuple[int, int, int]:
    image = Image.open(io.BytesIO(content)).convert("RGB")
    assert image.size == drawing.SIZE
    x, y = (place + drawing.AVATAR // 2 for place in drawing.AVATAR_AT)
    seen = image.getpixel((x, y))
    assert isinstance(seen, tuple)
    return seen  # type: ignore[return-value]


async def shown_on_telegram(stage, user_id: int, text: str, **how: object):
    after = stage.transcript.last
    stage.telegram.say(GROUP, user_id, text, **how)
    return await stage.answered(after=after)


def file_of(stage, answer) -> bytes:
    return stage.telegram.file(answer.response["result"]["photo"][-1]["file_id"])


async def downloaded(answer) -> tuple[dict, bytes]:
    [attachment] = answer.response["attachments"]
    async with aiohttp.ClientSession() as session, session.get(attachment["url"]) as response:
        return attachment, await response.read()


async def test_telegram_shows_a_card_with_the_profile_photo_and_the_text_below(stage, earned):
    stage.telegram.people.set_photo(ALICE, picture_of((200, 30, 30)))
    async with stage.telegram_bot():
        answer = await shown_on_telegram(stage, ALICE, "/profile")

    assert answer.name == "sendPhoto"
    assert answer.request["caption"].startswith("<b>Alice</b>\nRank: ")
    assert "\nLevel 2: 45 / 220 XP\nPlace: #1\n" in answer.request["caption"]
    assert answer.request["reply_parameters"]["message_id"]
    red, green, _ = center_of_avatar(file_of(stage, answer))
    assert red > 150 > 90 > green


async def test_discord_shows_a_card_with_the_avatar_and_a_description(stage, earned):
    stage.discord.people.set_avatar(DISCORD_ALICE, picture_of((30, 30, 200)))
    async with stage.discord_bot():
        answer = await stage.discord_answer(DISCORD_ALICE, "profile")
        attachment, content = await downloaded(answer)

    assert attachment["description"].startswith("Alice\nRank: ")
    assert answer.response["content"] == "Your other account is not linked yet: send /link."
    red, _, blue = center_of_avatar(content)
    assert blue > 150 > 90 > red


async def test_who_asks_for_words_gets_words(stage, earned):
    async with stage.telegram_bot(), stage.discord_bot():
        on_telegram = await shown_on_telegram(stage, ALICE, "/profile text")
        on_discord = await stage.discord_answer(DISCORD_ALICE, "profile", text=True)

    assert on_telegram.name == "sendMessage"
    assert on_telegram.request["text"].startswith("<b>Alice</b>\nRank: ")
    assert on_discord.response["content"].startswith("**Alice**\nRank: ")
    assert not on_discord.response["attachments"]


async def test_an_operator_can_have_words_for_everybody(stage, earned):
    cards = msgspec.structs.replace(stage.community.cards, pictures=False)
    stage.community = msgspec.structs.replace(stage.community, cards=cards)
    async with stage.telegram_bot():
        assert (await shown_on_telegram(stage, ALICE, "/profile")).name == "sendMessage"


async def test_others_are_shown_by_a_reply_by_an_option_and_by_the_menu(stage, earned):
    said = stage.telegram.say(GROUP, ALICE, "hi")
    async with stage.telegram_bot(), stage.discord_bot():
        replied = await shown_on_telegram(stage, BORIS, "/rank", reply_to=said)
        option = await stage.discord_answer(DISCORD_BORIS, "profile", member=DISCORD_ALICE)
        after = stage.transcript.last
        stage.discord.people.use_menu(CHANNEL, DISCORD_BORIS, "Profile", DISCORD_ALICE)
        menu = await stage.seen(ANSWER, after=after)

    assert replied.request["caption"].startswith("<b>Alice</b>\nРанг: ")
    assert "/link" not in replied.request["caption"]
    for answer in (option, menu):
        [attachment] = answer.response["attachments"]
        assert attachment["description"].startswith("Alice\nРанг: ")


async def test_a_member_without_a_username_is_shown_by_a_mention(stage, earned):
    async with stage.telegram_bot():
        message_id = stage.telegram.say(GROUP, BORIS, "hi")
        after = stage.transcript.last
        stage.telegram.send_update(
            {
                "message": {
                    "message_id": message_id,
                    "date": 1_796_000_000,
                    "chat": {"id": GROUP, "type": "supergroup", "title": "Group"},
                    "from": {"id": BORIS, "is_bot": False, "first_name": "Boris"},
                    "text": "/profile Alice",
                    "entities": [
                        {"type": "bot_command", "offset": 0, "length": 8},
                        {
                            "type": "text_mention",
                            "offset": 9,
                            "length": 5,
                            "user": {"id": ALICE, "is_bot": False, "first_name": "Alice"},
                        },
                    ],
                }
            }
        )
        answer = await stage.answered(after=after)

    assert answer.request["caption"].startswith("<b>Alice</b>\n")


async def test_a_name_alone_names_nobody_and_the_answer_says_what_does(stage, earned):
    async with stage.telegram_bot():
        for text in ("/profile @alice", "/profile Alice", "/profile текстом @alice"):
            answer = await shown_on_telegram(stage, CREATOR, text)
            assert "Reply to a message of theirs with /profile" in answer.request["text"]


async def test_a_hidden_member_is_shown_to_themselves_only(stage, earned):
    async with stage.pool.acquire() as conn:
        await set_hidden(conn, "telegram", ALICE, hidden=True)
        await set_hidden(conn, "discord", DISCORD_ALICE, hidden=True)
    said = stage.telegram.say(GROUP, ALICE, "hi")
    async with stage.telegram_bot(), stage.discord_bot():
        own = await shown_on_telegram(stage, ALICE, "/profile")
        theirs = await shown_on_telegram(stage, CREATOR, "/profile", reply_to=said)
        option = await stage.tell_discord(DISCORD_BORIS, "profile", member=DISCORD_ALICE)

    assert "Place" not in own.request["caption"]
    assert f"XP: {ALICE_XP}" in own.request["caption"]
    assert theirs.request["text"] == "This member keeps their profile to themselves."
    assert option == "Этот участник не показывает свой профиль другим."


async def test_strangers_bots_and_nameless_authors_are_said_to_be_so(stage, earned):
    eve = stage.telegram.join(name="Eve")
    by_eve = stage.telegram.say(GROUP, eve, "hi")
    nameless = stage.telegram.say(GROUP, ADMIN, "hi", manner=Manner(anonymous=True))
    robot = stage.discord.join(name="Robot", bot=True)
    async with stage.telegram_bot(), stage.discord_bot():
        of_eve = await shown_on_telegram(stage, ALICE, "/profile", reply_to=by_eve)
        of_nobody = await shown_on_telegram(stage, ALICE, "/profile", reply_to=nameless)
        of_robot = await stage.tell_discord(DISCORD_ALICE, "profile", member=robot)

    assert of_eve.request["text"] == "<b>Eve</b>\nThis member has earned nothing yet."
    assert "in the name of a group or a channel" in of_nobody.request["text"]
    assert of_robot == "That is a bot, and bots earn nothing."
    async with stage.pool.acquire() as conn:
        assert not await conn.fetchval(
            "SELECT count(*) FROM twinstream.accounts WHERE account_id = $1", robot
        )


async def test_a_member_who_left_is_shown_as_gone(stage, earned):
    said = stage.telegram.say(GROUP, ALICE, "hi")
    async with stage.telegram_bot():
        await stage.tell_telegram(ALICE, "/help")
        stage.telegram.people.leave(ALICE)
        async with asyncio.timeout(20):
            while True:
                answer = await shown_on_telegram(stage, CREATOR, "/profile", reply_to=said)
                if "This member has left." in answer.request["caption"]:
                    break

    assert "Place" not in answer.request["caption"]


async def test_an_avatar_that_is_not_to_be_had_costs_the_avatar_only(stage, earned):
    stage.telegram.people.set_photo(ALICE, picture_of((210, 40, 20)))
    async with stage.telegram_bot():
        for method, status in (("getFile", 400), ("getUserProfilePhotos", 500), ("getFile", 429)):
            stage.faults.add(Fault("telegram", method, status, times=50))
            answer = await shown_on_telegram(stage, ALICE, "/profile")

            red, _, blue = center_of_avatar(file_of(stage, answer))
            assert blue > red
            stage.faults.clear()


async def test_where_a_picture_is_refused_the_text_goes_out(stage, earned):
    async with stage.telegram_bot(), stage.discord_bot():
        stage.faults.add(Fault("telegram", "sendPhoto", 400))
        on_telegram = await shown_on_telegram(stage, ALICE, "/profile")
        stage.faults.add(Fault("discord", ANSWER, 403))
        on_discord = await stage.discord_answer(DISCORD_ALICE, "profile")

    assert on_telegram.name == "sendMessage"
    assert on_telegram.request["text"].startswith("<b>Alice</b>\nRank: ")
    assert on_discord.response["content"].startswith("**Alice**\nRank: ")


async def test_a_text_too_long_for_a_caption_follows_the_picture(stage, earned, monkeypatch):
    monkeypatch.setattr("bots.telegram_bot.messages.sent.CAPTION_CHARS_MAX", 20)
    assert CAPTION_CHARS_MAX == 1_024
    async with stage.telegram_bot():
        picture = await shown_on_telegram(stage, ALICE, "/profile")
        text = await stage.seen("sendMessage", after=picture.number)

    assert picture.name == "sendPhoto"
    assert "caption" not in picture.request
    assert text.request["text"].startswith("<b>Alice</b>\nRank: ")


async def test_an_avatar_that_is_slow_holds_up_no_other_member(stage, earned):
    async with stage.telegram_bot():
        await stage.tell_telegram(BORIS, "/help", chat_id=BORIS)
        slow = Fault("telegram", "getUserProfilePhotos", 429, times=20, retry_after=20)
        stage.faults.add(slow)
        after = stage.transcript.last
        stage.telegram.say(GROUP, ALICE, "/profile")
        stage.telegram.say(BORIS, BORIS, "/top")
        first = await stage.answered(after=after)
        second = await stage.answered(after=first.number)

        asked = stage.transcript.calls(name="getUserProfilePhotos")

    assert "1. Alice" in first.request["text"]
    # A handler that waited for the avatar would have given up on it before.
    assert len([one for one in asked if one.number < first.number]) <= 1
    assert second.request["caption"].startswith("<b>Alice</b>\n")
