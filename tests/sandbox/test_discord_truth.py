"""Fields and requests that are easily granted without effect, on the real discord.py."""

import pytest

from sandbox import SandboxError
from tests.support.discord_sandbox import (
    ALICE,
    AWAY,
    BORIS,
    BOT_ROLE,
    GENERAL,
    GUILD,
    HARBOUR,
    LUCKY,
    VERA,
    Bot,
    connected,
    discord,
)
from tests.support.patience import PATIENCE_S

pytest_plugins = ["tests.support.discord_sandbox"]


async def test_only_those_with_the_permission_mention_everybody_and_roles(bench):
    async with connected(bench) as bot:
        channel = bot.get_channel(GENERAL)
        text = f"@everyone <@&{LUCKY}>"
        mentions = discord.AllowedMentions.all()
        quiet = await channel.send(text, allowed_mentions=mentions)
        assert (quiet.mention_everyone, quiet.raw_role_mentions) == (False, [LUCKY])
        assert (await channel.fetch_message(quiet.id)).role_mentions == []
        bench.platform.administration.set_permissions(BOT_ROLE, "SEND_MESSAGES", "MENTION_EVERYONE")
        loud = await channel.send(text, allowed_mentions=mentions)
        assert loud.mention_everyone
        assert [role.id for role in loud.role_mentions] == [LUCKY]
        by_owner = bench.platform.say(GENERAL, VERA, text)
        assert (await channel.fetch_message(by_owner)).mention_everyone


async def test_a_ban_deletes_the_latest_messages_if_it_says_so(bench):
    bench.platform.administration.set_permissions(BOT_ROLE, "ADMINISTRATOR")
    async with connected(bench) as bot:
        for text in ("one", "two"):
            bench.platform.say(GENERAL, ALICE, text)
        kept = bench.platform.say(GENERAL, BORIS, "three")
        guild = bot.get_guild(GUILD)
        await guild.ban(discord.Object(BORIS), delete_message_seconds=0)
        gone = bot.wait_for("raw_bulk_message_delete", timeout=PATIENCE_S)
        await guild.ban(discord.Object(ALICE), delete_message_seconds=3600)
        assert len((await gone).message_ids) == 2
        assert [one.id async for one in bot.get_channel(GENERAL).history()] == [kept]


async def test_the_audit_log_says_where_and_how_often(bench):
    bench.platform.administration.set_permissions(BOT_ROLE, "ADMINISTRATOR")
    async with connected(bench) as bot:
        guild = bot.get_guild(GUILD)
        written = bench.platform.say(GENERAL, ALICE, "hello")
        await (await bot.get_channel(GENERAL).fetch_message(written)).delete()
        bench.platform.people.connect(ALICE, HARBOUR)
        await (await guild.fetch_member(ALICE)).move_to(guild.get_channel(AWAY))
        entries = {entry.action.name: entry.extra async for entry in guild.audit_logs()}
        assert entries["message_delete"].channel.id == GENERAL
        assert entries["member_move"].channel.id == AWAY


async def test_members_wait_in_a_slow_channel_and_bots_do_not(bench):
    bench.platform.administration.set_permissions(BOT_ROLE, "MANAGE_CHANNELS")
    async with connected(bench) as bot:
        channel = bot.get_channel(GENERAL)
        await channel.edit(slowmode_delay=60)
        bench.platform.say(GENERAL, ALICE, "one")
        with pytest.raises(SandboxError, match="one message in 60 s"):
            bench.platform.say(GENERAL, ALICE, "two")
        bench.platform.say(GENERAL, BORIS, "three")
        for text in ("four", "five"):
            await channel.send(text)


async def test_suppressed_embeds_are_not_shown_until_the_flag_is_taken_away(bench):
    async with connected(bench) as bot:
        embed = discord.Embed(title="Rank")
        sent = await bot.get_channel(GENERAL).send("x", embed=embed, suppress_embeds=True)
        assert sent.embeds == []
        assert (await sent.edit(suppress=False)).embeds[0].title == "Rank"


async def test_a_search_finds_members_by_nickname_and_by_username(bench):
    bench.platform.people.set_nick(ALICE, "Zoe")
    async with connected(bench) as bot:
        guild = bot.get_guild(GUILD)
        for query in ("zo", "ali"):
            assert [one.id for one in await guild.query_members(query)] == [ALICE]
            found = await bot.http.request(
                discord.http.Route("GET", f"/guilds/{GUILD}/members/search"),
                params={"query": query},
            )
            assert [one["user"]["id"] for one in found] == [str(ALICE)]


async def test_the_number_of_members_online_is_that_of_presences(bench):
    bench.platform.people.set_presence(ALICE, "idle")
    async with connected(bench, Bot()) as bot:
        guild = await bot.fetch_guild(GUILD, with_counts=True)
        assert (guild.approximate_member_count, guild.approximate_presence_count) == (6, 2)


async def test_a_second_colour_of_a_role_is_refused_in_a_guild_without_boosts(bench):
    async with connected(bench) as bot:
        guild = bot.get_guild(GUILD)
        with pytest.raises(discord.HTTPException) as refused:
            await guild.get_role(LUCKY).edit(color=5, secondary_color=6)
        assert refused.value.code == 50101
        assert (await guild.get_role(LUCKY).edit(color=5)).color.value == 5
