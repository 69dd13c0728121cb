"""XP for messages on both bots, through real clients: what earns, and what does not."""

import asyncio

import msgspec
import pytest

import bots.discord_bot.app
import bots.telegram_bot.app
from bots.runtime.errors import Refused
from bots.runtime.supervisor import Supervisor
from config.community_sections.earning import EarningSetting, MessageSetting, PlaceSetting
from sandbox import Fault, Transcript, load_seed
from sandbox.discord_api import DiscordPlatform, Intent
from sandbox.telegram_api.people.chatting import Manner
from tests.support.settling import until

GROUP = -1001000000001
CHANNEL, FORUM = 900000000000000010, 900000000000000013
ALICE, BORIS, CLARA, ADA = 1001, 1002, 1003, 1009
DISCORD_ALICE, DISCORD_BORIS, DISCORD_CLARA = (
    800000000000000101,
    800000000000000102,
    800000000000000103,
)


def earning(stage, **messages: object) -> None:
    """Let each message earn 10 XP, with a cooldown that no test outlasts."""
    setting = MessageSetting(xp_min=10, xp_max=10, cooldown_s=3_600, **messages)  # type: ignore[arg-type]
    community = msgspec.structs.replace(stage.community, earning=EarningSetting(messages=setting))
    stage.community = community


async def today(stage) -> dict[tuple[str, int], int]:
    """The XP of each account today: 10 XP are a rank, which closes the window at once."""
    rows = await stage.pool.fetch("SELECT platform, account_id, day_xp FROM earning_windows")
    return {(row["platform"], row["account_id"]): row["day_xp"] for row in rows}


async def earned(stage, *accounts: tuple[str, int]) -> None:
    """Wait until exactly these accounts have earned 10 XP each."""

    async def it_is_so() -> bool:
        return await today(stage) == dict.fromkeys(accounts, 10)

    await until(it_is_so, what=f"{accounts} have earned")


async def test_a_member_writes_and_sees_the_xp_at_once(stage):
    earning(stage)
    async with stage.telegram_bot():
        stage.telegram.say(GROUP, ALICE, "Good morning, everybody")
        await earned(stage, ("telegram", ALICE))
        stage.telegram.say(GROUP, ALICE, "And what are we playing today?")
        answer = await stage.tell_telegram(ALICE, "/profile")

        assert "XP: 10" in answer
        assert await stage.totals("telegram", ALICE) == (10, 0)
        assert "messages: +10 XP" in await stage.tell_telegram(ALICE, "/why", chat_id=ALICE)

    row = await stage.pool.fetchrow("SELECT status, left_to_relay FROM sync_events")
    assert tuple(row) == ("pending", True)


async def test_a_member_who_writes_on_discord_earns_without_being_read(stage):
    earning(stage)
    async with stage.discord_bot():
        stage.discord.say(CHANNEL, DISCORD_ALICE, "ok")
        await earned(stage, ("discord", DISCORD_ALICE))
        assert "XP: 10" in await stage.tell_discord(DISCORD_ALICE, "profile")

    assert await stage.totals("discord", DISCORD_ALICE) == (10, 0)


async def test_what_nobody_wrote_by_themselves_earns_nothing_on_telegram(stage):
    earning(stage)
    async with stage.telegram_bot():
        telegram = stage.telegram
        post = telegram.say(GROUP, BORIS, "ok")  # too short
        telegram.edit(GROUP, post, BORIS, "A long text that was not there at first")
        telegram.say(GROUP, BORIS, "/roll 20 and tell me")  # another bot's
        telegram.say(GROUP, BORIS, "!play some music for us")
        telegram.say(GROUP, BORIS, "aaaaaaaaaaaaaaaaaaaaaaaa")
        telegram.say(GROUP, BORIS, "spam spam spam spam spam spam")
        telegram.people.forward(GROUP, BORIS, GROUP, post)
        telegram.people.send(GROUP, BORIS, "sticker")
        telegram.say(GROUP, ADA, "I am the group itself", manner=Manner(anonymous=True))
        telegram.say(BORIS, BORIS, "Only the bot reads this, in private")
        telegram.say(GROUP, ALICE, "This one counts, and it is the last")
        await earned(stage, ("telegram", ALICE))


async def test_a_bot_that_reads_judges_messages_on_discord_too(stage):
    earning(stage)
    setting = msgspec.structs.replace(stage.community.discord, read_messages=True)
    stage.community = msgspec.structs.replace(stage.community, discord=setting)
    async with stage.discord_bot():
        post = stage.discord.say(CHANNEL, DISCORD_BORIS, "ok")
        stage.discord.people.edit(
            CHANNEL, post, DISCORD_BORIS, "A long text that was not there at first"
        )
        stage.discord.say(CHANNEL, DISCORD_BORIS, "!play some music for us")
        stage.discord.people.forward(CHANNEL, DISCORD_BORIS, CHANNEL, post)
        stage.discord.say(CHANNEL, DISCORD_ALICE, "This one counts, and it is the last")
        await earned(stage, ("discord", DISCORD_ALICE))


async def test_a_sticker_on_discord_earns_nothing_although_the_bot_does_not_read(stage):
    earning(stage)
    async with stage.discord_bot():
        stage.discord.people.say(CHANNEL, DISCORD_BORIS, "", sticker="wave")
        stage.discord.say(CHANNEL, DISCORD_ALICE, "This one counts, and it is the last")
        await earned(stage, ("discord", DISCORD_ALICE))


async def test_a_bot_that_may_not_read_says_which_intent_to_switch_on(stage):
    earning(stage)
    setting = msgspec.structs.replace(stage.community.discord, read_messages=True)
    stage.community = msgspec.structs.replace(stage.community, discord=setting)
    server = DiscordPlatform(
        load_seed(), Transcript(), stage.faults, privileged=Intent.GUILD_MEMBERS
    )
    await server.start()
    stage.settings = msgspec.structs.replace(
        stage.settings,
        discord_api_base=server.api_base,
        discord_gateway_url=server.gateway_url,
    )
    try:
        with pytest.raises(Refused, match=r"^Discord does not let the bot read .*Content Intent"):
            await stage.served(bots.discord_bot.app.serve, Supervisor(asyncio.Event()))
    finally:
        await server.stop()


async def test_a_thread_counts_as_the_channel_that_it_is_in(stage):
    earning(stage, places=(PlaceSetting(discord_channel=FORUM),))
    async with stage.discord_bot():
        stage.discord.say(CHANNEL, DISCORD_BORIS, "This channel is not on the list")
        stage.discord.people.start_thread(
            FORUM, DISCORD_ALICE, "A question", text="How does this work?"
        )
        await earned(stage, ("discord", DISCORD_ALICE))


async def test_the_cooldown_of_linked_accounts_is_one(stage):
    earning(stage)
    await stage.pool.execute("SELECT twinstream.link_accounts($1, $2)", ALICE, DISCORD_ALICE)
    async with stage.telegram_bot(), stage.discord_bot():
        stage.telegram.say(GROUP, ALICE, "Good morning, everybody")
        await earned(stage, ("telegram", ALICE))
        stage.discord.say(CHANNEL, DISCORD_ALICE, "And good morning here")
        stage.discord.say(CHANNEL, DISCORD_CLARA, "This one is somebody else")
        await earned(stage, ("telegram", ALICE), ("discord", DISCORD_CLARA))


async def test_messages_that_come_while_postgres_is_away_count_afterwards(stage):
    earning(stage)
    async with stage.telegram_bot():
        stage.telegram.say(GROUP, BORIS, "Before the outage of the database")
        await earned(stage, ("telegram", BORIS))
        await stage.gate.shut()
        stage.telegram.say(GROUP, ALICE, "While nothing can be recorded at all")
        assert "try again" in (await stage.tell_telegram(ALICE, "/top")).lower()
        await stage.gate.open()
        await earned(stage, ("telegram", BORIS), ("telegram", ALICE))


async def test_a_message_whose_update_comes_again_after_a_kill_counts_once(stage):
    """The bot dies after Postgres has the XP, and before Telegram knows that it has the update."""
    earning(stage)
    serve = bots.telegram_bot.app.serve
    dying = asyncio.create_task(stage.served(serve, Supervisor(asyncio.Event())))

    async def polls() -> bool:
        return bool(stage.telegram.world()["bot_polls"])

    await until(polls, what="the bot polls")
    stage.faults.add(Fault("telegram", "getUpdates", 429, retry_after=20))
    stage.telegram.say(GROUP, ALICE, "Good morning, everybody")
    await stage.transcript.wait_for(lambda call: call.status == 429, timeout=10)
    dying.cancel()
    await asyncio.wait([dying])
    # The poll that would have confirmed the update waited for Postgres.
    assert await today(stage) == {("telegram", ALICE): 10}

    async with stage.telegram_bot():
        stage.telegram.say(GROUP, BORIS, "This one comes after the repeated one")
        await earned(stage, ("telegram", ALICE), ("telegram", BORIS))
    assert await stage.pool.fetchval("SELECT sum(delta_xp) FROM transactions") == 20
