"""Payloads and answers that a seed garbles, hundreds at a time, cost nothing but themselves."""

import random
from functools import partial
from typing import Any

import pytest
from structlog.testing import capture_logs

import bots.features.guessing.room
from bots.features.guessing.game import XP_PER_WIN, GameService
from bots.runtime.member_limits import MemberLimits
from db import RuleBroken
from sandbox import Call, Fault
from schemas import SchemaError
from tests.support.garbling import garbled, garbled_fields
from tests.support.patience import PATIENCE_S
from tests.support.recorded_events import until

GROUP = -1001000000001
GUILD, CHANNEL, ROLE = "900000000000000001", "900000000000000010", "900000000000000020"
ALICE, BORIS, DMITRI, DISCORD_ALICE = 1001, 1002, 1004, 800000000000000101
COMMANDS = ("/help", "/profile", "/guess 3", "/top", "/why")
FEW, MANY = 120, 3_000
#: Payloads between two members who win the game.
WIN_EVERY = 10


def person(user_id: int) -> dict[str, Any]:
    return {"id": user_id, "is_bot": False, "first_name": "Zoe", "language_code": "en"}


def written(text: str, **more: Any) -> dict[str, Any]:
    """A message in private, so that answers do not use up what the group may be told a minute."""
    return {
        "message_id": 900,
        "date": 1_790_000_000,
        "chat": {"id": ALICE, "type": "private", "first_name": "Zoe"},
        "from": person(ALICE),
        "text": text,
        "entities": [{"type": "bot_command", "offset": 0, "length": len(text.split()[0])}],
        **more,
    }


def standing(status: str) -> dict[str, Any]:
    return {"status": status, "user": person(5001), "tag": "Regular", "until_date": 0}


UPDATES = (
    {"message": written("/guess 7")},
    {"message": written("/why 1001", reply_to_message=written("hello"))},
    {"message": written("/link ABCDEFGHJK")},
    {"message": written("/top", message_thread_id=3, is_topic_message=True)},
    {"message": written("hello", chat={"id": GROUP, "type": "supergroup", "title": "T"})},
    {"message": written("x", sender_chat={"id": -100777, "type": "channel", "title": "C"})},
    {"message": written("x", new_chat_members=[person(5002)], left_chat_member=person(5003))},
    {"edited_message": written("/profile")},
    {
        "callback_query": {
            "id": "4",
            "from": person(ALICE),
            "chat_instance": "1",
            "data": "top:2",
            "message": written("a board"),
        }
    },
    {
        "chat_member": {
            "chat": {"id": GROUP, "type": "supergroup", "title": "Twin Harbour"},
            "from": person(5001),
            "date": 1,
            "old_chat_member": standing("left"),
            "new_chat_member": standing("member"),
        }
    },
    {
        "my_chat_member": {
            "chat": {"id": -100888, "type": "supergroup", "title": "Elsewhere"},
            "from": person(5001),
            "date": 1,
            "old_chat_member": standing("left"),
            "new_chat_member": standing("administrator"),
        }
    },
)

USER = {"id": "800000000000000777", "username": "zoe", "discriminator": "0", "avatar": None}
MEMBER = {
    "user": USER,
    "nick": None,
    "roles": [ROLE],
    "joined_at": "2026-01-01T00:00:00+00:00",
    "deaf": False,
    "mute": False,
    "flags": 0,
    "pending": False,
}


def interaction(kind: int, **data: Any) -> dict[str, Any]:
    return {
        "id": "970000000000000001",
        "application_id": "950000000000000001",
        "type": kind,
        "token": "t",
        "version": 1,
        "guild_id": GUILD,
        "channel_id": CHANNEL,
        "channel": {"id": CHANNEL, "type": 0, "name": "general", "guild_id": GUILD},
        "member": {**MEMBER, "permissions": "0"},
        "locale": "en-US",
        "guild_locale": "en-US",
        "app_permissions": "0",
        "entitlements": [],
        "data": {"id": "960000000000000001", **data},
    }


EVENTS = (
    ("GUILD_MEMBER_ADD", {"guild_id": GUILD, **MEMBER}),
    ("GUILD_MEMBER_UPDATE", {"guild_id": GUILD, **MEMBER}),
    ("GUILD_MEMBER_REMOVE", {"guild_id": GUILD, "user": USER}),
    ("GUILD_MEMBERS_CHUNK", {"guild_id": GUILD, "members": [MEMBER], "chunk_index": 0}),
    ("GUILD_ROLE_UPDATE", {"guild_id": GUILD, "role": {"id": ROLE, "name": "r", "position": 1}}),
    ("GUILD_UPDATE", {"id": "900000000000000099", "name": "another server", "roles": []}),
    ("CHANNEL_UPDATE", {"id": CHANNEL, "guild_id": GUILD, "type": 0, "name": "general"}),
    ("PRESENCE_UPDATE", {"guild_id": GUILD, "user": USER, "status": "online", "activities": []}),
    ("MESSAGE_CREATE", {"id": "980000000000000001", "channel_id": CHANNEL, "author": USER}),
    ("VOICE_STATE_UPDATE", {"guild_id": GUILD, "user_id": USER["id"], "session_id": "s"}),
    ("INTERACTION_CREATE", interaction(2, name="guess", type=1, options=[{"name": "number"}])),
    ("INTERACTION_CREATE", interaction(2, name="top", type=1)),
    ("INTERACTION_CREATE", interaction(3, custom_id="top:2", component_type=2)),
    ("INTERACTION_CREATE", interaction(4, name="guess", type=1, options=[{"focused": True}])),
    ("INTERACTION_CREATE", interaction(5, custom_id="x", components=[])),
)


@pytest.fixture(autouse=True)
def one_account_may_ask_often(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MemberLimits.__init__.__kwdefaults__ is not None
    monkeypatch.setitem(MemberLimits.__init__.__kwdefaults__, "burst", 100_000)


@pytest.fixture(autouse=True)
def bots_always_think_of_seven(monkeypatch: pytest.MonkeyPatch) -> None:
    game = partial(GameService, think=lambda *_: 7)
    monkeypatch.setattr(bots.features.guessing.room, "GameService", game)


async def until_each_has_won_once(stage: Any, platform: str, winners: list[int]) -> None:
    """Wait until the ledger has a win of each, and check that it has no second one of any."""

    async def have_won() -> bool:
        paid = await stage.pool.fetch(
            """
            SELECT account_id FROM transactions
            WHERE platform = $1 AND account_id = ANY ($2) AND delta_xp = $3
            """,
            platform,
            winners,
            XP_PER_WIN,
        )
        accounts = [row["account_id"] for row in paid]
        assert len(accounts) == len(set(accounts))
        return set(accounts) == set(winners)

    await until(have_won, what=f"a win of each of {len(winners)} members")


def helps(call: Call) -> bool:
    return call.name == "sendMessage" and "Что я умею" in call.request["text"]


COUNTS = [FEW, pytest.param(MANY, marks=pytest.mark.nightly)]


@pytest.mark.parametrize("count", COUNTS)
async def test_garbled_updates_cost_nothing_but_themselves(stage, count):
    chance = random.Random(count)
    winners = [stage.telegram.join(name=f"Guest {n}") for n in range(count // WIN_EVERY)]
    with capture_logs() as lines:  # else formatting the tracebacks takes seconds
        async with stage.telegram_bot():
            for number in range(count):
                stage.telegram.send_update(garbled(chance.choice(UPDATES), chance))
                if number % WIN_EVERY == 0:
                    winner = winners[number // WIN_EVERY]
                    stage.telegram.say(winner, winner, "/guess 7")
                if number % FEW == FEW - 1:
                    await until_each_has_won_once(
                        stage, "telegram", winners[: number // WIN_EVERY + 1]
                    )
            stage.telegram.say(GROUP, BORIS, "/help")
            await stage.transcript.wait_for(helps, timeout=PATIENCE_S)

    assert stage.telegram.world()["pending_updates"] == 0
    assert [line for line in lines if line["event"] == "update.skipped"]
    assert _mistakes(lines) == []


@pytest.mark.parametrize("count", COUNTS)
async def test_garbled_events_of_the_gateway_cost_nothing_but_themselves(stage, count):
    chance = random.Random(count)
    winners = [stage.discord.join(name=f"guest{n}") for n in range(count // WIN_EVERY)]
    with capture_logs() as lines:
        async with stage.discord_bot():
            await stage.tell_discord(DISCORD_ALICE, "top")
            for number in range(count):
                event, data = chance.choice(EVENTS)
                stage.discord.gateway.dispatch(event, garbled(data, chance))
                if number % WIN_EVERY == 0:
                    winner = winners[number // WIN_EVERY]
                    stage.discord.slash(int(CHANNEL), winner, "guess", {"number": 7})
                    # Discord waits three seconds for an answer to it.
                    await until_each_has_won_once(stage, "discord", [winner])
            await until_each_has_won_once(stage, "discord", winners)
            assert await stage.tell_discord(DISCORD_ALICE, "top")

    assert len(stage.transcript.calls(name="gateway connect")) == 1
    assert [line for line in lines if line["event"] == "gateway_event.skipped"]
    assert _mistakes(lines) == []


#: The calls whose answers the bots read, and fields of these.
TELEGRAM_ANSWERS = {
    "sendMessage": ("message_id", "chat", "from", "date", "text", "entities"),
    "getChatMember": ("status", "user", "tag", "can_manage_tags"),
}
DISCORD_ANSWERS = {
    "POST /interactions/{interaction_id}/{interaction_token}/callback": ("interaction", "resource"),
    "POST /webhooks/{webhook_id}/{webhook_token}": ("id", "channel_id", "author", "flags"),
}


@pytest.mark.parametrize("count", [20, pytest.param(400, marks=pytest.mark.nightly)])
async def test_garbled_answers_of_telegram_cost_nothing_but_their_call(stage, count):
    chance = random.Random(count)
    with capture_logs():
        async with stage.telegram_bot():
            for number in range(count):
                method, fields = chance.choice(list(TELEGRAM_ANSWERS.items()))
                garble = {"result": garbled_fields(fields, chance)}
                stage.faults.add(Fault("telegram", method, 0, when="garbled", changes=garble))
                asker = (ALICE, DMITRI)[number % 2]
                after = stage.transcript.last
                stage.telegram.say(asker, asker, chance.choice(COMMANDS))
                await stage.seen("sendMessage", after=after)
            stage.faults.clear()
            assert "Что я умею" in await stage.tell_telegram(BORIS, "/help")


@pytest.mark.parametrize("count", [20, pytest.param(400, marks=pytest.mark.nightly)])
async def test_garbled_answers_of_discord_cost_nothing_but_their_call(stage, count):
    chance = random.Random(count)
    with capture_logs():
        async with stage.discord_bot():
            for _ in range(count):
                route, fields = chance.choice(list(DISCORD_ANSWERS.items()))
                garble = garbled_fields(fields, chance)
                stage.faults.add(Fault("discord", route, 0, when="garbled", changes=garble))
                await stage.tell_discord(DISCORD_ALICE, chance.choice(("top", "profile")))
            stage.faults.clear()
            assert await stage.tell_discord(DISCORD_ALICE, "top")


def _mistakes(lines: list[Any]) -> list[Any]:
    """The lines about an error of ours: a payload that was taken for readable and was not.

    Some can be read and are refused later, such as the account 0 or a number of 400 digits.
    """
    return [
        line
        for line in lines
        if line["event"] in ("update.failed", "interaction.failed")
        and not isinstance(line["exc_info"], RuleBroken | SchemaError)
    ]
