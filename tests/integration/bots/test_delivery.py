"""Messages that answer no command: the platform's answer decides if they may be sent again."""

import dataclasses
import json
import warnings
from collections.abc import AsyncIterator, Awaitable

import pytest
from aiogram import Bot

from bots.runtime.delivery import Delivery, PerhapsSent, PublicPlace, Unsent, Unwanted
from bots.telegram_bot.delivery import TelegramDelivery
from config import Community, Settings, telegram_session
from config.community import DiscordSetting, TelegramSetting
from sandbox import Fault
from tests.support import discord_display, telegram_display
from tests.support.discord_sandbox import GENERAL, TOKEN, discord, pointed_at

with warnings.catch_warnings():
    # discord.py 2.7.1 imports audioop, which Python 3.11 and 3.12 deprecate.
    warnings.simplefilter("ignore", DeprecationWarning)
    from bots.discord_bot.delivery import DiscordDelivery

SEND, POST = "sendMessage", "POST /channels/{channel_id}/messages"
PAGE = "<html>an error</html>"
MOVED = {
    "ok": False,
    "error_code": 400,
    "description": "Bad Request: group chat was upgraded to a supergroup chat",
    "parameters": {"migrate_to_chat_id": -1001000000077},
}
COMMUNITY = Community(
    telegram=TelegramSetting(chat_id=-1001000000001),
    discord=DiscordSetting(guild_id=discord_display.GUILD),
    ranks=(),
)


@pytest.fixture
async def group() -> AsyncIterator[telegram_display.Group]:
    """The sandbox's Telegram, where Alice has begun a private chat with the bot."""
    async with telegram_display.Group() as group:
        group.platform.say(telegram_display.ALICE, telegram_display.ALICE, "/start")
        yield group


@pytest.fixture
async def on_telegram(group: telegram_display.Group) -> AsyncIterator[Delivery]:
    settings = group.known_to(Settings())
    async with Bot(settings.telegram_token or "", session=telegram_session(settings)) as bot:
        yield TelegramDelivery(bot, COMMUNITY)


@pytest.fixture
async def server() -> AsyncIterator[discord_display.Server]:
    async with discord_display.Server() as server:
        yield server


@pytest.fixture
async def on_discord(server: discord_display.Server) -> AsyncIterator[Delivery]:
    client = discord.Client(intents=discord.Intents.none(), max_ratelimit_timeout=30.0)
    with pointed_at(server.platform):
        async with client:
            await client.login(TOKEN)
            yield DiscordDelivery(client, COMMUNITY)


async def refusal(sending: Awaitable[None]) -> type[Exception] | None:
    try:
        await sending
    except (PerhapsSent, Unsent, Unwanted) as error:
        return type(error)
    return None


@pytest.mark.parametrize(
    ("fault", "announced", "told"),
    [
        (Fault("telegram", SEND, 400), Unsent, Unwanted),
        (Fault("telegram", SEND, 403), Unsent, Unwanted),
        (Fault("telegram", SEND, 429, retry_after=1), Unsent, Unsent),
        (Fault("telegram", SEND, 500), PerhapsSent, PerhapsSent),
        (Fault("telegram", SEND, 500, when="hangup"), PerhapsSent, PerhapsSent),
        (Fault("telegram", SEND, 502, when="garbled", page=PAGE), PerhapsSent, PerhapsSent),
        (Fault("telegram", SEND, 0, when="garbled", changes={"result": 17}), None, None),
    ],
    ids=["bad", "forbidden", "flood", "broken", "hangup", "proxy", "unreadable"],
)
async def test_telegrams_answer_decides(
    on_telegram: Delivery,
    group: telegram_display.Group,
    fault: Fault,
    announced: type[Exception] | None,
    told: type[Exception] | None,
):
    group.faults.add(dataclasses.replace(fault))
    assert await refusal(on_telegram.announce(PublicPlace(), "<b>Ann</b>")) is announced

    group.faults.add(dataclasses.replace(fault))
    assert await refusal(on_telegram.tell(telegram_display.ALICE, "a notice")) is told


async def test_an_announcement_to_a_group_that_moved_is_certainly_not_sent(
    on_telegram: Delivery, group: telegram_display.Group
):
    group.faults.add(Fault("telegram", SEND, 400, when="garbled", page=json.dumps(MOVED)))

    assert await refusal(on_telegram.announce(PublicPlace(), "<b>Ann</b>")) is Unsent


@pytest.mark.parametrize(
    ("fault", "announced", "told"),
    [
        (Fault("discord", POST, 400), PerhapsSent, Unwanted),
        (Fault("discord", POST, 403), Unsent, Unwanted),
        (Fault("discord", POST, 404), Unsent, Unwanted),
        (Fault("discord", POST, 429, retry_after=60), Unsent, Unsent),
        (Fault("discord", POST, 429, retry_after=60, description="cloudflare"), Unsent, Unsent),
        (Fault("discord", POST, 501), PerhapsSent, PerhapsSent),
        (Fault("discord", POST, 500, when="hangup"), PerhapsSent, PerhapsSent),
        (Fault("discord", POST, 0, when="garbled", page=PAGE), PerhapsSent, PerhapsSent),
    ],
    ids=["bad", "forbidden", "unknown", "flood", "ban", "broken", "hangup", "proxy"],
)
async def test_discords_answer_decides(
    on_discord: Delivery,
    server: discord_display.Server,
    fault: Fault,
    announced: type[Exception] | None,
    told: type[Exception] | None,
):
    server.faults.add(dataclasses.replace(fault))
    assert await refusal(on_discord.announce(PublicPlace(GENERAL), "**Ann**")) is announced

    server.faults.add(dataclasses.replace(fault))
    assert await refusal(on_discord.tell(discord_display.ALICE, "a notice")) is told


@pytest.mark.parametrize(("scope", "after"), [("user", 60.0), ("cloudflare", 60.0)])
async def test_a_wait_that_discord_asks_for_is_passed_on(
    on_discord: Delivery, server: discord_display.Server, scope: str, after: float
):
    server.faults.add(Fault("discord", POST, 429, retry_after=after, description=scope))

    with pytest.raises(Unsent) as refused:
        await on_discord.announce(PublicPlace(GENERAL), "**Ann**")

    assert refused.value.retry_s == after
