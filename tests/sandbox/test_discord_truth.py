"""Fields and requests that are easily granted without effect, on the real discord.py."""

import pytest

from sandbox import SandboxError
from sandbox.discord_api.gateway.intents import PRIVILEGED_INTENTS, Intent
from tests.support.discord_sandbox import (
    ALICE,
    AWAY,
    BORIS,
    BOT,
    BOT_ROLE,
    FORUM,
    GENERAL,
    GUILD,
    HARBOUR,
    LUCKY,
    VERA,
    Bot,
    connected,
    discord,
    listening,
    new_bench,
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


async def test_without_the_granted_intent_no_route_tells_what_members_wrote():
    privileged = PRIVILEGED_INTENTS & ~Intent.MESSAGE_CONTENT
    client = Bot(discord.Intents.default())
    async with (
        listening(new_bench(privileged=privileged)) as bench,
        connected(bench, client) as bot,
    ):
        channel = bot.get_channel(GENERAL)
        secret = bench.platform.say(GENERAL, ALICE, "for people")
        meant = bench.platform.say(GENERAL, ALICE, f"<@{BOT}> for you")
        own = await channel.send("mine")
        assert (await channel.fetch_message(secret)).content == ""
        found = {one.id: one.content async for one in channel.history()}
        assert found == {secret: "", meant: f"<@{BOT}> for you", own.id: "mine"}
        direct = bench.platform.people.open_direct(ALICE)
        private = bench.platform.say(direct, ALICE, "in private")
        read = await bot.get_partial_messageable(direct).fetch_message(private)
        assert read.content == "in private"


@pytest.mark.parametrize("by_bot", [True, False])
async def test_a_message_with_a_thread_says_so(bench, by_bot):
    async with connected(bench) as bot:
        channel = bot.get_channel(GENERAL)
        said = bench.platform.say(GENERAL, ALICE, "hello")
        told = bot.wait_for("raw_message_edit", timeout=PATIENCE_S)
        if by_bot:
            await (await channel.fetch_message(said)).create_thread(name="Talk")
        else:
            bench.platform.people.start_thread(GENERAL, ALICE, "Talk", message_id=said)
        assert (await told).data["flags"] & discord.MessageFlags.has_thread.flag
        assert (await channel.fetch_message(said)).flags.has_thread
        bench.platform.people.edit(GENERAL, said, ALICE, "hello again")
        assert (await channel.fetch_message(said)).flags.has_thread


async def test_a_thread_counts_its_messages_without_the_first_one_of_a_post(bench):
    people = bench.platform.people
    async with connected(bench) as bot:
        post = people.start_thread(FORUM, ALICE, "Help", text="How?")
        answers = [people.say(post, ALICE, text) for text in ("one", "two", "three")]
        people.delete(post, answers[0], ALICE)
        thread = await bot.fetch_channel(post)
        assert (thread.message_count, thread.total_message_sent) == (2, 3)
        people.delete(post, post, ALICE)
        thread = await bot.fetch_channel(post)
        assert (thread.message_count, thread.total_message_sent) == (2, 3)


async def hello(interaction: discord.Interaction) -> None:
    await interaction.response.send_message("Hello")


async def test_an_answer_in_a_direct_channel_belongs_to_no_guild(bench):
    async with connected(bench) as bot:
        bot.tree.command(description="Says hello")(hello)
        await bot.tree.sync()
        direct = bench.platform.people.open_direct(ALICE)
        bench.platform.slash(direct, ALICE, "hello")
        await bench.seen("POST /interactions/{interaction_id}/{interaction_token}/callback")
        shown = bench.platform.world()["messages"][-1]["interaction_metadata"]
        assert shown["authorizing_integration_owners"] == {"0": "0"}


async def test_the_list_of_guilds_has_counts_and_ends(bench):
    async with connected(bench) as bot:
        [guild] = [one async for one in bot.fetch_guilds(with_counts=True)]
        assert (guild.approximate_member_count, guild.approximate_presence_count) == (6, 1)
        after = bot.fetch_guilds(after=discord.Object(GUILD))
        assert [one async for one in after] == []
        before = bot.fetch_guilds(before=discord.Object(GUILD))
        assert [one async for one in before] == []


async def test_a_bot_that_renames_itself_is_told_its_new_name(bench):
    async with connected(bench) as bot:
        await bot.user.edit(username="harbour_master")
        told = await bench.seen("gateway USER_UPDATE")
        assert (told.response["id"], told.response["username"]) == (str(BOT), "harbour_master")


async def test_a_private_thread_says_whether_members_may_invite_others(bench):
    bench.platform.administration.set_permissions(BOT_ROLE, "ADMINISTRATOR")
    async with connected(bench) as bot:
        channel = bot.get_channel(GENERAL)
        made = await channel.create_thread(name="Secret", invitable=False)
        assert made.invitable is False
        await made.edit(invitable=True)
        assert (await bot.fetch_channel(made.id)).invitable is True
        public = await channel.create_thread(
            name="Open", type=discord.ChannelType.public_thread, invitable=True
        )
        shown = await bot.http.get_channel(public.id)
        assert "invitable" not in shown["thread_metadata"]


async def test_messages_around_one_are_read_and_a_forward_by_a_bot_is_refused_by_name(bench):
    async with connected(bench) as bot:
        channel = bot.get_channel(GENERAL)
        said = [bench.platform.say(GENERAL, ALICE, f"{number}") for number in range(9)]
        around = channel.history(around=discord.Object(said[4]), limit=5)
        assert [one.id async for one in around] == said[6:1:-1]
        first = channel.history(around=discord.Object(said[0]), limit=3)
        assert [one.id async for one in first] == said[2::-1]
        message = await channel.fetch_message(said[0])
        with pytest.raises(discord.HTTPException, match="not imitate a forward by a bot"):
            await message.forward(channel)
