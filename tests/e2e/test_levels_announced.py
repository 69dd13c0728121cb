"""A level from the game to its announcement: on the spot, in two languages, and once."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import partial

import msgspec
import pytest

import bots.features.announcements.announcer
import bots.features.guessing.room
from bots.features.guessing.game import GameService
from config.community_file import AnnouncementSetting
from config.levels import LevelSetting
from consumers.levels.role import Levels
from consumers.runtime.resources import open_resources
from tests.support.settling import until

GROUP, ALICE = -1001000000001, 1001
DISCORD_ALICE, CHANNEL = 800000000000000101, 900000000000000010
POST = "POST /channels/{channel_id}/messages"


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(bots.features.announcements.announcer, "INTERVAL_S", 0.05)
    monkeypatch.setattr(
        bots.features.guessing.room, "GameService", partial(GameService, think=lambda *_: 7)
    )


def announce(stage, language: str) -> None:
    """Announce levels alone, where their members are; a win reaches level 1, two reach level 3."""
    setting = msgspec.convert(
        {
            "language": language,
            "rank": {"telegram": "off", "discord": "off"},
            "achievement": {"telegram": "off", "discord": "off"},
            "level": {"telegram": "here", "discord": "here"},
        },
        AnnouncementSetting,
    )
    stage.community = msgspec.structs.replace(
        stage.community,
        announcements=setting,
        levels=LevelSetting(table=(15, 25, 30)),
        game=msgspec.structs.replace(stage.community.game, pause_s=0),
    )


@contextlib.asynccontextmanager
async def noting_levels(stage) -> AsyncIterator[None]:
    """Run the role that finds levels."""
    stop = asyncio.Event()
    async with open_resources(stage.settings, stage.community, stop, keys=stage.keys) as resources:
        role = Levels(resources)

        async def run() -> None:
            while True:
                await role.step()
                await asyncio.sleep(0.02)

        running = asyncio.create_task(run())
        yield
        running.cancel()
        await asyncio.wait({running})


async def all_told(stage) -> None:
    """Return once a level was noted, and none waits to be announced."""

    async def holds() -> bool:
        rows = await stage.pool.fetch("SELECT announce FROM surfaces WHERE surface = 'level'")
        return bool(rows) and not any(row["announce"] for row in rows)

    await until(holds, what="the levels are announced")


async def test_a_level_is_announced_in_reply_to_the_member_and_once(stage):
    announce(stage, "ru")
    async with noting_levels(stage):
        async with stage.telegram_bot():
            await until_swept(stage)
            said = stage.telegram.say(GROUP, ALICE, "/guess 7")
            told = await stage.transcript.wait_for(
                lambda call: call.name == "sendMessage" and "⭐" in call.request["text"],
                timeout=20,
            )
        async with stage.telegram_bot():
            await all_told(stage)
            await stage.tell_telegram(ALICE, "/help")

    announced = [
        call.request["text"]
        for call in stage.transcript.calls(name="sendMessage")
        if "⭐" in call.request["text"]
    ]
    assert announced == ["⭐ Alice теперь на уровне <b>1</b>"]
    assert told.response["result"]["reply_to_message"]["message_id"] == said


async def test_levels_at_once_are_announced_as_the_highest_where_the_member_is(stage):
    announce(stage, "en")
    async with stage.discord_bot():
        await stage.tell_discord(DISCORD_ALICE, "guess", number=7)
        await stage.tell_discord(DISCORD_ALICE, "guess", number=7)
        async with noting_levels(stage):
            call = await stage.seen(POST)
            await all_told(stage)

    assert call.request["body"]["content"] == "⭐ Alice has reached level **3**"
    assert int(call.response["channel_id"]) == CHANNEL
    assert len(stage.transcript.calls(name=POST)) == 1


async def until_swept(stage) -> None:
    async def holds() -> bool:
        found: bool = await stage.pool.fetchval(
            "SELECT EXISTS (SELECT FROM level_curve WHERE noted_to = 9223372036854775807)"
        )
        return found

    await until(holds, what="the levels of all members are noted")
