"""/why on both bots, through real clients: what changed, who may ask, and who reads along."""

import pytest

import schemas
from bus import Publisher, connect
from db import Producer
from db.ledger import events
from db.ledger.envelopes import Envelope
from sandbox import Fault

GROUP = -1001000000001
CREATOR, ALICE, BORIS, ADMIN = 1000, 1001, 1002, 1009
OWNER, DISCORD_ALICE, DISCORD_BORIS = (
    800000000000000100,
    800000000000000101,
    800000000000000102,
)
REFUSED = "Only administrators can ask about others."
CALLBACK = "POST /interactions/{interaction_id}/{interaction_token}/callback"
EPHEMERAL = 64


@pytest.fixture
async def producer(stage, redis_server):
    redis = connect(redis_server.url, name="test")
    producer = Producer(stage.pool, schemas, Publisher(redis, stage.keys))
    yield producer
    await producer.close()
    await redis.aclose()


@pytest.fixture
async def earned(stage, producer):
    """Alice won twice on Telegram; the first win has arrived on Discord."""

    async def win(user_id: int, delta_xp: int, entity_id: str, source="telegram"):
        return await producer.create_xp_change_event(
            user_id=user_id,
            delta_xp=delta_xp,
            source=source,
            reason="game_guess",
            entity_id=entity_id,
        )

    first = await win(ALICE, 15, "1")
    await win(ALICE, 20, "2")
    await win(DISCORD_ALICE, 7, "3", source="discord")
    async with stage.pool.acquire() as conn, conn.transaction():
        envelope = Envelope(schemas.decode(first.payload), first.payload)
        await events.settle(conn, "discord", "telegram", [envelope])


async def test_members_see_their_own_changes_in_private(stage, earned):
    async with stage.telegram_bot():
        answer = await stage.tell_telegram(ALICE, "/why", chat_id=ALICE)

    heading, second, first = answer.splitlines()
    assert heading == "<b>Alice</b>: the last changes, newest first"
    assert second.endswith(
        "· Telegram · guessing game: +20 XP (35 XP in all) — on its way to Discord"
    )
    assert first.endswith("· Telegram · guessing game: +15 XP (15 XP in all)")


async def test_in_the_group_nobody_else_sees_the_answer(stage, earned):
    async with stage.telegram_bot():
        assert "35 XP in all" in await stage.tell_telegram(ALICE, "/why")
    [sent] = stage.transcript.calls(name="sendMessage")

    assert sent.request["ephemeral_message_parameters"]["receiver_user_id"] == ALICE
    assert not [one for one in stage.telegram.messages(GROUP) if "35 XP" in one.get("text", "")]


async def test_without_ephemeral_messages_the_member_is_asked_to_come_in_private(stage, earned):
    async with stage.telegram_bot():
        stage.faults.add(Fault("telegram", "sendMessage", 400))
        answer = await stage.tell_telegram(ALICE, "/why")

    assert answer.startswith("I cannot show this to you alone here.")


@pytest.mark.parametrize("asker", [ADMIN, CREATOR])
async def test_an_administrator_asks_by_replying(stage, earned, asker):
    async with stage.telegram_bot():
        words = stage.telegram.say(GROUP, ALICE, "hello")
        after = stage.transcript.last
        stage.telegram.say(GROUP, asker, "/why", reply_to=words)
        sent = await stage.seen("sendMessage", after=after)

    assert sent.request["text"].startswith("<b>Alice</b>: the last changes")
    assert sent.request["ephemeral_message_parameters"]["receiver_user_id"] == asker


async def test_an_administrator_asks_by_the_number_of_an_account(stage, earned):
    async with stage.telegram_bot():
        known = await stage.tell_telegram(ADMIN, f"/why {ALICE}", chat_id=ADMIN)
        unknown = await stage.tell_telegram(ADMIN, "/why 77", chat_id=ADMIN)
        unclear = await stage.tell_telegram(ADMIN, "/why Alice", chat_id=ADMIN)

    assert "35 XP in all" in known
    assert unknown == "<b>#\u206077</b>\nNothing has happened here yet."
    assert unclear.startswith("Reply with /why")


async def test_others_are_refused_kindly_and_learn_nothing(stage, earned):
    async with stage.telegram_bot():
        words = stage.telegram.say(GROUP, ADMIN, "hello")
        after = stage.transcript.last
        stage.telegram.say(GROUP, ALICE, "/why", reply_to=words)
        by_reply = await stage.seen("sendMessage", after=after)
        by_number = await stage.tell_telegram(ALICE, f"/why {ADMIN}", chat_id=ALICE)
        own = await stage.tell_telegram(ALICE, f"/why {ALICE}", chat_id=ALICE)

    assert by_reply.request["text"].startswith(REFUSED)
    assert by_number.startswith(REFUSED)
    assert "35 XP in all" in own


async def test_an_asker_whom_telegram_cannot_confirm_is_no_administrator(stage, earned):
    async with stage.telegram_bot():
        await stage.tell_telegram(ADMIN, "/help")
        stage.faults.add(Fault("telegram", "getChatMember", 500))
        answer = await stage.tell_telegram(ADMIN, f"/why {ALICE}")

    assert answer.startswith(REFUSED)


async def test_a_reply_to_a_bot_asks_about_oneself(stage, earned):
    async with stage.telegram_bot():
        await stage.tell_telegram(ALICE, "/help")
        [help_] = [
            one["message_id"]
            for one in stage.telegram.messages(GROUP)
            if "What I can do" in one.get("text", "")
        ]
        after = stage.transcript.last
        stage.telegram.say(GROUP, ALICE, "/why", reply_to=help_)
        sent = await stage.seen("sendMessage", after=after)

    assert sent.request["text"].startswith("<b>Alice</b>: the last changes")


async def test_on_discord_only_the_asker_sees_it(stage, earned):
    async with stage.discord_bot():
        answer = await stage.tell_discord(DISCORD_ALICE, "why")
    [acknowledged] = stage.transcript.calls(name=CALLBACK)

    heading, change = answer.splitlines()
    assert heading == "**Alice**: the last changes, newest first"
    assert change.endswith(
        "· Discord · guessing game: +7 XP (7 XP in all) — on its way to Telegram"
    )
    assert acknowledged.request["body"]["data"]["flags"] == EPHEMERAL


async def test_on_discord_a_manager_of_the_server_may_ask_about_others(stage, earned):
    async with stage.discord_bot():
        answer = await stage.tell_discord(OWNER, "why", member=DISCORD_ALICE)

    assert answer.startswith("**Alice**: the last changes")
    assert "7 XP in all" in answer


async def test_on_discord_others_are_refused_kindly(stage, earned):
    async with stage.discord_bot():
        after = stage.transcript.last
        stage.discord.slash(900000000000000010, DISCORD_BORIS, "why", {"member": DISCORD_ALICE})
        refused = await stage.seen(CALLBACK, after=after)
        own = await stage.tell_discord(DISCORD_ALICE, "why", member=DISCORD_ALICE)

    data = refused.request["body"]["data"]
    assert data["content"].startswith("О других могут спрашивать только администраторы.")
    assert data["flags"] == EPHEMERAL
    assert "7 XP in all" in own


async def test_discord_is_told_of_the_command_and_its_option(stage):
    async with stage.discord_bot():
        [published] = stage.transcript.calls(
            name="PUT /applications/{application_id}/guilds/{guild_id}/commands"
        )
    [why] = [one for one in published.request["body"] if one["name"] == "why"]

    [member] = why["options"]
    assert (member["name"], member["type"], member["required"]) == ("member", 6, False)
    assert why["description_localizations"]["ru"] == "Как и почему менялись ваш опыт и баланс"


async def test_why_says_so_while_postgres_is_away(stage, earned):
    async with stage.discord_bot():
        await stage.gate.shut()
        answer = await stage.tell_discord(DISCORD_ALICE, "why")
        await stage.gate.open()

    assert "cannot reach my records" in answer
