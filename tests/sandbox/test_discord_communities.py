"""The guild as a whole on the real discord.py: outages, removal, rights, a newer platform."""

from typing import Any

import pytest

from sandbox import Fault, SandboxError
from tests.support.discord_sandbox import (
    ALICE,
    BORIS,
    BOT_ROLE,
    GENERAL,
    GUILD,
    LUCKY,
    NEWCOMER,
    Bot,
    connected,
    discord,
)
from tests.support.patience import PATIENCE_S

pytest_plugins = ["tests.support.discord_sandbox"]

NO_INTENTS = discord.Intents(guilds=True)


def heard(bot: Any, event: str, check: Any = None) -> Any:
    return bot.wait_for(event, check=check, timeout=PATIENCE_S)


async def test_an_outage_hides_the_guild_until_it_ends(bench):
    async with connected(bench) as bot:
        owner = bench.platform.administration
        gone = heard(bot, "guild_unavailable")
        owner.set_available(available=False)
        assert (await gone).id == GUILD
        bench.platform.say(GENERAL, ALICE, "into the void")
        with pytest.raises(discord.Forbidden) as refused:
            await bot.http.get_guild(GUILD)
        assert refused.value.code == 50001
        with pytest.raises(SandboxError, match="unavailable"):
            owner.set_available(available=False)
        back = heard(bot, "guild_available")
        owner.set_available(available=True)
        assert (await back).name == "Twin Harbour"
        got = heard(bot, "message")
        bench.platform.say(GENERAL, ALICE, "hello again")
        assert (await got).content == "hello again"


async def test_a_client_that_starts_in_an_outage_gets_the_guild_when_it_ends(bench):
    bench.platform.administration.set_available(available=False)
    async with connected(bench) as bot:
        assert bot.get_guild(GUILD).unavailable
        back = heard(bot, "guild_available")
        bench.platform.administration.set_available(available=True)
        assert (await back).get_channel(GENERAL) is not None


async def test_a_bot_that_was_removed_and_invited_again_has_its_managed_role_alone(bench):
    async with connected(bench) as bot:
        owner = bench.platform.administration
        owner.give_role(bot.user.id, LUCKY)
        removed = heard(bot, "guild_remove")
        owner.kick_bot()
        assert (await removed).id == GUILD
        assert list(bot.guilds) == []
        with pytest.raises(discord.Forbidden):
            await bot.get_partial_messageable(GENERAL).send("hello?")
        joined = heard(bot, "guild_join")
        owner.invite_bot()
        guild = await joined
        assert [role.id for role in guild.me.roles] == [GUILD, BOT_ROLE]
        await guild.get_channel(GENERAL).send("hello!")


async def test_rights_that_change_reach_the_bot_and_count_at_once(bench):
    async with connected(bench) as bot:
        channel = bot.get_channel(GENERAL)
        changed = heard(bot, "guild_role_update")
        bench.platform.administration.set_permissions(BOT_ROLE, "SEND_MESSAGES")
        await changed
        assert not bot.get_guild(GUILD).me.guild_permissions.manage_roles
        with pytest.raises(discord.Forbidden) as refused:
            await bot.get_guild(GUILD).get_member(ALICE).add_roles(discord.Object(NEWCOMER))
        assert refused.value.code == 50013
        bench.platform.administration.set_permissions(GUILD, "VIEW_CHANNEL")
        bench.platform.administration.set_permissions(BOT_ROLE)
        with pytest.raises(discord.Forbidden):
            await channel.send("may I?")


@pytest.mark.parametrize(
    "changes",
    [
        {"telepathy": {"thought": "hello"}},
        {"type": 999, "flags": 1 << 40},
        {"components": [{"type": 77, "id": 1}]},
        {"embeds": [{"type": "hologram"}]},
        {"author": {"clan_of_clans": [1]}},
    ],
    ids=str,
)
async def test_a_message_of_a_newer_discord_reaches_the_bot(bench, changes):
    async with connected(bench) as bot:
        fault = Fault("discord", "gateway MESSAGE_CREATE", 0, when="garbled", changes=changes)
        bench.faults.add(fault)
        got = heard(bot, "message")
        bench.platform.say(GENERAL, ALICE, "hello")
        assert (await got).content == "hello"


async def test_without_its_intent_no_event_of_a_kind_comes(bench):
    async with connected(bench, Bot(NO_INTENTS)) as bot:
        people, owner = bench.platform.people, bench.platform.administration
        message = await bot.get_channel(GENERAL).send("react!")
        people.react(GENERAL, message.id, ALICE, "\N{FIRE}")
        people.type_in(GENERAL, ALICE)
        people.set_presence(ALICE, "online")
        people.connect(ALICE, 900000000000000011)
        people.say(GENERAL, ALICE, "hello")
        people.set_nick(ALICE, "Al")
        last = heard(bot, "guild_channel_create")
        owner.create_channel("the end")
        await last
        seen = {call.name for call in bench.transcript.calls(platform="discord") if not call.status}
        assert {name for name in seen if name.startswith("gateway ")} == {
            "gateway IDENTIFY",
            "gateway READY",
            "gateway GUILD_CREATE",
            "gateway CHANNEL_CREATE",
        }


async def test_a_channel_that_is_hidden_from_the_bot_is_silent_and_closed(bench):
    async with connected(bench) as bot:
        owner, channel = bench.platform.administration, bot.get_channel(GENERAL)
        owner.set_overwrite(GENERAL, GUILD, deny=["VIEW_CHANNEL"])
        owner.set_overwrite(GENERAL, ALICE, allow=["VIEW_CHANNEL"])
        got = heard(bot, "message")
        bench.platform.say(GENERAL, ALICE, "in secret")
        with pytest.raises(SandboxError, match="SEND_MESSAGES"):
            bench.platform.people.type_in(GENERAL, BORIS)
        with pytest.raises(discord.Forbidden) as hidden:
            await channel.send("hello?")
        assert hidden.value.code == 50001
        owner.set_overwrite(GENERAL, BOT_ROLE, allow=["VIEW_CHANNEL"], deny=["SEND_MESSAGES"])
        bench.platform.say(GENERAL, ALICE, "in public")
        assert (await got).content == "in public"
        with pytest.raises(discord.Forbidden) as mute:
            await channel.send("hello?")
        assert mute.value.code == 50013
        assert not channel.permissions_for(channel.guild.me).send_messages


async def test_the_bot_closes_a_channel_to_a_role_and_opens_it(bench):
    bench.platform.administration.set_permissions(BOT_ROLE, "ADMINISTRATOR")
    async with connected(bench) as bot:
        channel = bot.get_channel(GENERAL)
        role = channel.guild.default_role
        await channel.set_permissions(role, send_messages=False)
        with pytest.raises(SandboxError, match="SEND_MESSAGES"):
            bench.platform.say(GENERAL, ALICE, "hello?")
        await channel.set_permissions(role, overwrite=None)
        bench.platform.say(GENERAL, ALICE, "hello!")


async def test_the_channels_of_the_guild_are_without_its_threads(bench):
    bench.platform.administration.set_permissions(BOT_ROLE, "ADMINISTRATOR")
    async with connected(bench) as bot:
        guild = bot.get_guild(GUILD)
        channels = await guild.fetch_channels()
        thread = await bot.get_channel(GENERAL).create_thread(name="Talk")
        assert [one.id for one in await guild.fetch_channels()] == [one.id for one in channels]
        made = await bot.http.request(
            discord.http.Route("POST", f"/guilds/{GUILD}/channels"), json={"name": "by the bot"}
        )
        by_owner = bench.platform.administration.create_channel("by the owner")
        places = {one.id: one.position for one in await guild.fetch_channels()}
        assert places[int(made["id"])] == len(channels)
        assert places[by_owner] == len(channels) + 1
        assert [one.id for one in await guild.active_threads()] == [thread.id]
