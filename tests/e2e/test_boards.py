"""/top on both bots, through real clients: its pages, its boards, and the asker's own place."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

import schemas
from bus import Publisher, connect
from db import Producer
from sandbox import Call

GROUP, ALICE, BORIS = -1001000000001, 1001, 1002
DISCORD_ALICE, DISCORD_BORIS = 800000000000000101, 800000000000000102
CHANNEL = 900000000000000010
CALLBACK = "POST /interactions/{interaction_id}/{interaction_token}/callback"
EDIT = "PATCH /webhooks/{webhook_id}/{webhook_token}/messages/{message_id}"
EPHEMERAL = 64
#: Members besides Alice: number n has n XP on Telegram.
OTHERS = 23
HOSTILE = "<b>@everyone</b> עומר"


@pytest.fixture
async def producer(stage, redis_server) -> AsyncIterator[Producer]:
    redis = connect(redis_server.url, name="test")
    producer = Producer(stage.pool, schemas, Publisher(redis, stage.keys))
    yield producer
    await producer.close()
    await redis.aclose()


@pytest.fixture
async def community(stage, producer) -> None:
    """Alice has earned 3 XP on Telegram and 2 on Discord, where she is the same member."""
    for number in range(1, OTHERS + 1):
        await win(producer, 5_000 + number, number)
    await win(producer, ALICE, 3)
    await win(producer, DISCORD_ALICE, 2, source="discord")
    await stage.pool.execute(
        "UPDATE accounts SET display_name = 'Member ' || account_id - 5000 WHERE account_id > 5000"
        " AND account_id < 6000"
    )
    await stage.pool.execute(
        "UPDATE accounts SET display_name = $1 WHERE account_id = 5023", HOSTILE
    )
    await stage.pool.execute("SELECT twinstream.link_accounts($1, $2)", ALICE, DISCORD_ALICE)


async def win(producer: Producer, user_id: int, delta_xp: int, *, source: Any = "telegram") -> None:
    await producer.create_xp_change_event(
        user_id=user_id, delta_xp=delta_xp, source=source, reason="game_guess", entity_id="1"
    )


async def asked(stage, text: str, *, user_id: int = ALICE) -> dict[str, Any]:
    """Send a command in the group; return the message that answers it."""
    after = stage.transcript.last
    stage.telegram.say(GROUP, user_id, text)
    return (await stage.seen("sendMessage", after=after)).response["result"]


async def pressed(stage, message: dict[str, Any], label: str) -> dict[str, Any]:
    """Press a button on Telegram; return the message as it is then."""
    after = stage.transcript.last
    stage.telegram.click(GROUP, message["message_id"], ALICE, labels(message)[label])
    return (await stage.seen("editMessageText", after=after)).response["result"]


def labels(message: dict[str, Any]) -> dict[str, str]:
    rows = message["reply_markup"]["inline_keyboard"]
    return {button["text"]: button["callback_data"] for row in rows for button in row}


def places(text: str) -> list[str]:
    return [line.split(".")[0] for line in text.splitlines() if ". " in line]


async def test_telegram_turns_pages_in_place_and_finds_the_asker(stage, community):
    async with stage.telegram_bot():
        first = await asked(stage, "/top")
        second = await pressed(stage, first, "Next ›")
        back = await pressed(stage, second, "‹ Back")
        mine = await pressed(stage, back, "My place")

    assert places(first["text"]) == [str(place) for place in range(1, 11)]
    assert "@\u2060everyone" in first["text"]
    assert first["text"].endswith("\n\nYour place: 20, 5 XP")
    assert {"« First", "‹ Back"}.isdisjoint(labels(first))
    assert places(second["text"])[0] == "11"
    assert "➤ 20. Alice" in second["text"]
    assert "My place" not in labels(second)
    assert back["text"] == first["text"]
    assert mine["text"] == second["text"]
    assert {one["message_id"] for one in (second, back, mine)} == {first["message_id"]}


async def test_a_press_after_a_restart_turns_the_page(stage, community):
    async with stage.telegram_bot():
        first = await asked(stage, "/top неделя")
    async with stage.telegram_bot():
        second = await pressed(stage, first, "Next ›")
        coins = await pressed(stage, second, "Coins")

    assert second["text"].startswith("The most XP this week\n11. ")
    assert coins["text"] == "The members with the most coins\nNobody is on this board yet."


async def test_telegrams_boards_by_words_in_both_languages(stage, community):
    async with stage.telegram_bot():
        week = await asked(stage, "/top week")
        month = await asked(stage, "/топ месяц", user_id=BORIS)
        page = await asked(stage, "/top 3")
        mine = await asked(stage, "/top week me")
        unclear = await asked(stage, "/top bananas")

    assert week["text"].startswith("The most XP this week\n1. ")
    assert month["text"].startswith("Больше всего опыта за этот месяц\n1. ")
    assert month["text"].endswith("\n\nУ вас пока нет очков в этой таблице.")
    assert "Моё место" not in labels(month)
    assert places(page["text"]) == ["21", "22", "23", "24"]
    assert "➤ 20. Alice — 5 XP" in mine["text"]
    assert unclear["text"].startswith("I know these boards: /top xp")


async def test_others_open_a_board_of_their_own(stage, community):
    async with stage.telegram_bot(), stage.discord_bot():
        message = await asked(stage, "/top")
        after = stage.transcript.last
        stage.telegram.click(GROUP, message["message_id"], BORIS, labels(message)["Next ›"])
        told = await stage.seen("answerCallbackQuery", after=after)
        shown = await stage.discord_answer(DISCORD_ALICE, "top")
        refused = await clicked(stage, shown, "Next ›", user_id=DISCORD_BORIS, name=CALLBACK)

    assert told.request["text"] == (
        "Эту таблицу открыл другой участник. Чтобы открыть свою, отправьте /top."
    )
    assert refused.request["body"]["data"]["flags"] == EPHEMERAL
    assert "Send /top" in refused.request["body"]["data"]["content"] or (
        "отправьте /top" in refused.request["body"]["data"]["content"]
    )


async def clicked(
    stage, shown: Call, label: str, *, user_id: int = DISCORD_ALICE, name: str = EDIT
) -> Call:
    """Press a button on Discord; return the call that answers it."""
    message = shown.response
    ids = {
        button["label"]: button["custom_id"]
        for row in message["components"]
        for button in row["components"]
    }
    after = stage.transcript.last
    stage.discord.click(CHANNEL, int(message["id"]), user_id, ids[label])
    return await stage.seen(name, after=after)


async def test_discord_shows_the_same_board_and_turns_its_pages(stage, community):
    async with stage.discord_bot():
        first = await stage.discord_answer(DISCORD_ALICE, "top", board="week")
        second = await clicked(stage, first, "Next ›")
        coins = await clicked(stage, second, "Coins")

    text = first.response["content"]
    assert first.response.get("flags", 0) & EPHEMERAL == 0
    assert text.startswith("**The most XP this week**\n1. ")
    assert text.endswith("\n\nYour place: 20, 5 XP")
    assert "➤ 20. Alice" in second.response["content"]
    assert second.response["id"] == first.response["id"]
    assert coins.response["content"].endswith("Nobody is on this board yet.")


async def test_discord_offers_the_boards_in_both_languages(stage):
    async with stage.discord_bot():
        [published] = stage.transcript.calls(
            name="PUT /applications/{application_id}/guilds/{guild_id}/commands"
        )
    [top] = [one for one in published.request["body"] if one["name"] == "top"]
    [option] = top["options"]

    assert [one["value"] for one in option["choices"]] == [
        *("xp", "month", "week", "coins", "streak", "thanks"),
    ]
    assert option["choices"][2]["name"] == "XP this week"
    assert option["choices"][2]["name_localizations"]["ru"] == "Опыт за неделю"
