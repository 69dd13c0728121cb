"""The real discord.py on the sandbox: the calls of a bot, and the faults of the gateway."""

import asyncio
from typing import Any

import pytest

from sandbox import Fault, SandboxError
from sandbox.discord_api import Intent
from tests.support.discord_sandbox import (
    ALICE,
    BORIS,
    BOT_ROLE,
    CLARA,
    GENERAL,
    GUILD,
    LEGEND,
    LUCKY,
    MEMBER_ROLE,
    NEWCOMER,
    REGULAR,
    VERA,
    Bot,
    connected,
    discord,
    listening,
    new_bench,
    pointed_at,
)
from tests.support.patience import PATIENCE_S

pytest_plugins = ["tests.support.discord_sandbox"]

IDENTIFY, RESUME = "gateway IDENTIFY", "gateway RESUME"
CALLBACK = "POST /interactions/{interaction_id}/{interaction_token}/callback"
WEBHOOK = "/webhooks/{webhook_id}/{webhook_token}"
PUT_ROLE, DELETE_ROLE = f"PUT {MEMBER_ROLE}", f"DELETE {MEMBER_ROLE}"


def heard(bot: Any, event: str, check: Any = None) -> Any:
    """The events that the bot receives from now on; to be awaited."""
    return bot.wait_for(event, check=check, timeout=PATIENCE_S)


class Play(discord.ui.View):
    def __init__(self) -> None:
        super().__init__(timeout=None)

    @discord.ui.button(label="Play", custom_id="play")
    async def play(self, interaction: discord.Interaction, button: Any) -> None:
        await interaction.response.edit_message(content="played", view=None)


class Name(discord.ui.Modal, title="Name"):
    name: Any = discord.ui.TextInput(label="Name", custom_id="name")

    async def on_submit(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_message(f"hello {self.name.value}", ephemeral=True)


def commanded() -> Bot:
    """A bot with a few commands, not yet synced."""
    bot = Bot()

    @bot.tree.command()
    async def rank(
        interaction: discord.Interaction, who: discord.Member, top: int = 3, note: str = "-"
    ) -> None:
        """Shows a rank"""
        sent = await interaction.response.send_message(
            f"{who.display_name} {top} {note}", ephemeral=True
        )
        assert sent.message_id is not None

    @bot.tree.command()
    async def slow(interaction: discord.Interaction) -> None:
        """Answers late"""
        await interaction.response.defer()
        await interaction.edit_original_response(content="done")
        extra = await interaction.followup.send("and more", wait=True)
        await extra.edit(content="and less")
        await extra.delete()

    @bot.tree.command()
    async def form(interaction: discord.Interaction) -> None:
        """Shows a modal"""
        await interaction.response.send_modal(Name(custom_id="who"))

    return bot


async def synced(bot: Bot) -> None:
    bot.tree.copy_global_to(guild=discord.Object(GUILD))
    await bot.tree.sync(guild=discord.Object(GUILD))


async def test_a_client_is_ready_and_sees_the_guild(bench):
    async with connected(bench) as bot:
        guild = bot.get_guild(GUILD)
        assert (guild.name, guild.owner_id) == ("Twin Harbour", VERA)
        assert guild.get_channel(GENERAL).name == "general"
        assert guild.get_role(NEWCOMER) < guild.me.top_role
        assert guild.self_role.id == BOT_ROLE
        assert guild.get_role(LUCKY).is_assignable()
        assert guild.premium_subscriber_role is not None
        assert not guild.premium_subscriber_role.is_assignable()


async def test_the_gateway_speaks_compressed(bench):
    async with connected(bench):
        assert bench.calls("gateway connect")[0].request["compress"] == "zlib-stream"


async def test_a_role_is_given_and_taken_with_its_reason_in_the_audit_log(bench):
    async with connected(bench) as bot:
        guild = bot.get_guild(GUILD)
        alice = await guild.fetch_member(ALICE)
        reason = "Уровень 5 / level up 🎉"
        await alice.add_roles(guild.get_role(NEWCOMER), reason=reason)
        await alice.remove_roles(guild.get_role(NEWCOMER))
        await alice.edit(roles=[guild.get_role(REGULAR), guild.get_role(LUCKY)])
        assert {role.id for role in (await guild.fetch_member(ALICE)).roles} == {
            GUILD,
            REGULAR,
            LUCKY,
        }
        assert bench.calls(PUT_ROLE)[0].reason == reason
        entries = [entry async for entry in guild.audit_logs(user=guild.me)]
        assert [entry.reason for entry in entries] == [None, None, reason]
        assert [role.id for role in entries[2].after.roles] == [NEWCOMER]
        assert (await guild.role_member_counts())[guild.get_role(REGULAR)] == 1


async def test_members_are_listed_searched_and_queried(bench):
    async with connected(bench) as bot:
        guild = bot.get_guild(GUILD)
        assert len([member async for member in guild.fetch_members()]) == 6
        found = await guild.query_members("ali")
        assert [member.id for member in found] == [ALICE]
        both = await guild.query_members(user_ids=[ALICE, BORIS, 5], limit=100)
        assert {member.id for member in both} == {ALICE, BORIS}


async def test_members_who_join_change_and_leave_are_announced_to_the_bot(bench):
    async with connected(bench) as bot:
        join = heard(bot, "member_join")
        newcomer = bench.platform.join(name="Eve", pending=True)
        member = await join
        assert (member.id, member.pending) == (newcomer, True)
        with pytest.raises(SandboxError, match="screening"):
            bench.platform.say(GENERAL, newcomer, "hello")
        update = heard(bot, "member_update")
        bench.platform.pass_screening(newcomer)
        _, after = await update
        assert not after.pending
        remove = heard(bot, "raw_member_remove")
        bench.platform.leave(newcomer)
        assert (await remove).user.id == newcomer
        with pytest.raises(discord.NotFound) as gone:
            await member.add_roles(discord.Object(NEWCOMER))
        assert gone.value.code == 10007
        bench.platform.join(newcomer)
        assert (await bot.get_guild(GUILD).fetch_member(newcomer)).flags.did_rejoin


async def test_a_role_given_by_hand_is_announced_to_the_bot(bench):
    async with connected(bench) as bot:
        update = heard(bot, "member_update")
        await bot.get_guild(GUILD).query_members(user_ids=[CLARA], cache=True)
        bench.platform.administration.give_role(CLARA, LEGEND)
        _, after = await update
        assert [role.id for role in after.roles] == [GUILD, LEGEND]


async def test_a_slash_command_gets_typed_options_and_answers_for_one_person(bench):
    async with connected(bench, commanded()) as bot:
        await synced(bot)
        made = bench.platform.slash(GENERAL, BORIS, "rank", {"who": ALICE, "top": "7"})
        call = await bench.seen(CALLBACK)
        assert call.request["path"]["interaction_id"] == str(made)
        shown = call.response["resource"]["message"]
        assert shown["content"] == "Alice 7 -"
        assert shown["flags"] & 64
        event = await bench.seen("gateway INTERACTION_CREATE")
        assert event.response["locale"] == "ru"
        with pytest.raises(discord.NotFound):
            await bot.get_channel(GENERAL).fetch_message(int(shown["id"]))


async def test_a_deferred_answer_is_filled_followed_edited_and_deleted(bench):
    async with connected(bench, commanded()) as bot:
        await synced(bot)
        bench.platform.slash(GENERAL, ALICE, "slow")
        await bench.seen(f"DELETE {WEBHOOK}/messages/{{message_id}}")
        latest = bench.platform.world()["messages"]
        assert [message["content"] for message in latest] == ["done"]
        assert latest[0]["flags"] == 0


async def test_a_click_edits_the_message_it_was_made_on(bench):
    async with connected(bench) as bot:
        message = await bot.get_channel(GENERAL).send("ready?", view=Play())
        bench.platform.click(GENERAL, message.id, ALICE, "play")
        call = await bench.seen(CALLBACK)
        assert call.response["resource"]["message"]["content"] == "played"
        with pytest.raises(SandboxError, match="nothing with the custom id"):
            bench.platform.click(GENERAL, message.id, ALICE, "play")


async def test_a_modal_is_shown_filled_in_and_answered(bench):
    async with connected(bench, commanded()) as bot:
        await synced(bot)
        bench.platform.slash(GENERAL, ALICE, "form")
        await bench.seen(CALLBACK)
        bench.platform.people.submit(ALICE, "who", {"name": "Al"})
        call = await bench.seen(CALLBACK, times=2)
        assert call.response["resource"]["message"]["content"] == "hello Al"


async def test_an_ephemeral_message_is_clicked_by_its_person_only(bench):
    async with connected(bench) as bot:
        bot.tree.command(name="open", description="-")(_shows_play)
        await bot.tree.sync()
        bench.platform.slash(GENERAL, ALICE, "open")
        message_id = (await bench.seen(CALLBACK)).response["resource"]["message"]["id"]
        with pytest.raises(SandboxError, match="does not see"):
            bench.platform.click(GENERAL, int(message_id), BORIS, "play")
        bench.platform.click(GENERAL, int(message_id), ALICE, "play")
        call = await bench.seen(CALLBACK, times=2)
        assert call.response["resource"]["message"]["content"] == "played"


async def _shows_play(interaction: discord.Interaction) -> None:
    await interaction.response.send_message("ready?", view=Play(), ephemeral=True)


@pytest.mark.parametrize(
    ("command", "options", "sentence"),
    [
        ("missing", {}, "not synced"),
        ("rank", {}, "needs the option 'who'"),
        ("rank", {"who": 5}, "no such one"),
        ("rank", {"who": ALICE, "top": "many"}, "a whole number"),
        ("rank", {"who": ALICE, "colour": 1}, "no option 'colour'"),
    ],
)
async def test_an_impossible_command_is_a_sentence(bench, command, options, sentence):
    async with connected(bench, commanded()) as bot:
        await synced(bot)
        with pytest.raises(SandboxError, match=sentence):
            bench.platform.slash(GENERAL, ALICE, command, options)


async def test_a_sync_removes_commands_that_left_the_tree(bench):
    async with connected(bench, commanded()) as bot:
        await synced(bot)
        guild = discord.Object(GUILD)
        before = {
            command.name: command.id for command in await bot.tree.fetch_commands(guild=guild)
        }
        bot.tree.remove_command("slow", guild=guild)
        await bot.tree.sync(guild=guild)
        after = {command.name: command.id for command in await bot.tree.fetch_commands(guild=guild)}
        assert after == {name: before[name] for name in ("rank", "form")}


async def test_an_interaction_is_acknowledged_once_and_in_time():
    now = [100.0]
    async with listening(new_bench(clock=lambda: now[0])) as bench, connected(bench) as bot:
        bot.tree.command(name="wait", description="-")(_nothing)
        await bot.tree.sync()
        got = heard(bot, "interaction")
        bench.platform.slash(GENERAL, ALICE, "wait")
        interaction = await got
        again = discord.InteractionResponse(interaction)
        await interaction.response.defer()
        with pytest.raises(discord.HTTPException) as twice:
            await again.defer()
        assert twice.value.code == 40060
        got = heard(bot, "interaction")
        bench.platform.slash(GENERAL, ALICE, "wait")
        interaction = await got
        now[0] += 3.1
        with pytest.raises(discord.NotFound) as late:
            await interaction.response.send_message("late")
        assert late.value.code == 10062


async def _nothing(interaction: discord.Interaction) -> None:
    """Leaves the acknowledgement to the test."""


async def test_messages_are_sent_once_edited_and_deleted(bench):
    async with connected(bench) as bot:
        channel = bot.get_channel(GENERAL)
        embed = discord.Embed(title="Rank", description="Regular").add_field(name="XP", value="5")
        message = await channel.send("first", embed=embed, nonce=7)
        age = discord.utils.utcnow() - discord.utils.snowflake_time(message.id)
        assert abs(age.total_seconds()) < PATIENCE_S
        assert (await channel.send("second", nonce=7)).id == message.id
        edited = await message.edit(content="third", embed=None)
        assert (edited.content, edited.embeds) == ("third", [])
        reply = await message.reply("fourth", mention_author=False)
        assert reply.reference.message_id == message.id
        await message.delete()
        assert [found.id async for found in channel.history()] == [reply.id]


async def test_a_layout_carries_no_content_and_content_no_layout(bench):
    async with connected(bench) as bot:
        view = discord.ui.LayoutView(timeout=None)
        view.add_item(discord.ui.Container(discord.ui.TextDisplay("# Top 10")))
        message = await bot.get_channel(GENERAL).send(view=view)
        assert message.flags.components_v2
        await message.edit(view=view)
        with pytest.raises(discord.HTTPException) as refused:
            await bot.get_channel(GENERAL).send("text", view=view)
        assert refused.value.code == 50035


async def test_a_direct_message_reaches_a_person_who_takes_them(bench):
    async with connected(bench) as bot:
        alice = await bot.fetch_user(ALICE)
        message = await alice.send("psst")
        got = heard(bot, "message", lambda one: one.author.id == ALICE)
        bench.platform.say(message.channel.id, ALICE, "yes?")
        assert (await got).guild is None
        bench.platform.administration.refuse_direct_messages(ALICE)
        with pytest.raises(discord.Forbidden) as closed:
            await alice.send("still there?")
        assert closed.value.code == 50007


@pytest.mark.parametrize(("content", "seen"), [(True, "hello"), (False, "")])
async def test_content_is_hidden_without_its_intent(bench, content, seen):
    intents = discord.Intents.default()
    intents.message_content = content
    async with connected(bench, Bot(intents)) as bot:
        got = heard(bot, "message")
        bench.platform.say(GENERAL, ALICE, "hello")
        assert (await got).content == seen


async def test_member_events_are_not_sent_without_their_intent(bench):
    async with connected(bench, Bot(discord.Intents.default())):
        bench.platform.join(name="Eve")
        bench.platform.say(GENERAL, ALICE, "hello")
        await bench.seen("gateway MESSAGE_CREATE")
        assert bench.calls("gateway GUILD_MEMBER_ADD") == []


async def test_an_intent_that_was_not_granted_closes_the_gateway():
    async with listening(new_bench(privileged=Intent.MESSAGE_CONTENT)) as bench:
        with pytest.raises(discord.PrivilegedIntentsRequired):
            async with connected(bench):
                pass


async def test_members_are_not_listed_without_the_granted_intent_but_found_one_by_one():
    async with listening(new_bench(privileged=Intent.MESSAGE_CONTENT)) as bench:
        intents = discord.Intents.default()
        intents.message_content = True
        async with connected(bench, Bot(intents)) as bot:
            with pytest.raises(discord.Forbidden) as refusal:
                await bot.http.get_members(GUILD, 1000, None)
            assert refusal.value.code == 50001
            assert (await bot.get_guild(GUILD).fetch_member(ALICE)).name == "alice"


async def test_a_wrong_token_is_no_login(bench):
    with pointed_at(bench.platform):
        async with Bot() as bot:
            with pytest.raises(discord.LoginFailure):
                await bot.login("wrong")


@pytest.mark.parametrize("end", ["cut", "close", "reconnect", "invalid but resumable"])
async def test_a_broken_connection_is_resumed_and_nothing_is_missed(bench, end):
    async with connected(bench) as bot:
        resumed = heard(bot, "resumed")
        got = heard(bot, "message")
        gateway = bench.platform.gateway
        {
            "cut": gateway.disconnect,
            "close": lambda: gateway.disconnect(4000),
            "reconnect": gateway.ask_to_reconnect,
            "invalid but resumable": lambda: gateway.invalidate(resumable=True),
        }[end]()
        bench.platform.say(GENERAL, ALICE, "while you were out")
        assert (await got).content == "while you were out"
        await resumed
        assert len(bench.calls(IDENTIFY)) == 1


async def test_an_invalidated_session_identifies_anew(bench):
    async with connected(bench) as bot:
        ready = heard(bot, "ready")
        bench.platform.reset()
        await ready
        assert len(bench.calls(IDENTIFY)) == 2


async def test_an_event_whose_socket_breaks_comes_with_the_resume(bench):
    async with connected(bench) as bot:
        bench.faults.add(Fault("discord", "gateway MESSAGE_CREATE", 0, when="hangup"))
        got = heard(bot, "message")
        bench.platform.say(GENERAL, ALICE, "hello")
        assert (await got).content == "hello"
        assert len(bench.calls(RESUME)) == 1


async def test_a_dropped_event_is_lost(bench):
    async with connected(bench) as bot:
        bench.faults.add(Fault("discord", "gateway MESSAGE_CREATE", 0, when="dropped"))
        got = heard(bot, "message")
        bench.platform.say(GENERAL, ALICE, "lost")
        bench.platform.say(GENERAL, ALICE, "found")
        assert (await got).content == "found"


async def test_a_refused_first_connect_kills_the_client_and_a_new_one_lives(bench):
    bench.faults.add(Fault("discord", "gateway connect", 503))
    with pytest.raises(AttributeError):
        async with connected(bench):
            pass
    async with connected(bench) as bot:
        assert bot.get_guild(GUILD) is not None


async def test_all_members_are_sent_once_in_thirty_seconds():
    async with listening(new_bench(limit_scale=1.0)) as bench, connected(bench) as bot:
        guild = bot.get_guild(GUILD)
        await asyncio.wait_for(guild.chunk(), PATIENCE_S)
        # discord.py does not handle the refusal, so the second request never ends.
        again = asyncio.create_task(bot._connection.chunk_guild(guild))
        call = await bench.seen("gateway RATE_LIMITED")
        assert call.response["opcode"] == 8
        assert 29 < call.response["retry_after"] <= 30
        assert call.response["meta"]["guild_id"] == str(GUILD)
        again.cancel()
        assert [one.id for one in await guild.query_members("ali")] == [ALICE]


async def test_members_come_inline_with_presences_and_are_asked_for_without(bench):
    quiet = discord.Intents.all()
    quiet.presences = False
    async with connected(bench, Bot(quiet)) as bot:
        assert bot.get_guild(GUILD).get_member(ALICE) is None
    async with connected(bench, Bot(discord.Intents.all())) as bot:
        assert bot.get_guild(GUILD).get_member(ALICE) is not None


async def test_a_thousand_members_come_in_chunks(bench):
    for number in range(1500):
        bench.platform.join(name=f"person{number}")
    async with connected(bench, Bot(chunk_guilds_at_startup=True)) as bot:
        assert len(bot.get_guild(GUILD).members) == 1506
        assert len(bench.calls("gateway GUILD_MEMBERS_CHUNK")) == 2


async def test_a_sharded_client_is_ready(bench):
    client = discord.AutoShardedClient(
        intents=discord.Intents.default(), guild_ready_timeout=0.02, shard_count=1
    )
    async with connected(bench, client) as bot:
        assert bot.get_guild(GUILD).shard_id == 0


async def test_a_restarted_platform_remembers(bench):
    async with connected(bench, commanded()) as bot:
        await synced(bot)
        await (await bot.get_guild(GUILD).fetch_member(ALICE)).add_roles(discord.Object(LUCKY))
    state = bench.platform.dump()
    async with listening(new_bench()) as other:
        other.platform.load(state)
        async with connected(other) as bot:
            alice = await bot.get_guild(GUILD).fetch_member(ALICE)
            assert alice.get_role(LUCKY) is not None
            assert len(await bot.tree.fetch_commands(guild=discord.Object(GUILD))) == 3
            other.platform.slash(GENERAL, BORIS, "form")
