"""Several bots beside each other in one guild: each has its application, none acts for another."""

import asyncio
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from sandbox import SandboxError
from tests.support.discord_sandbox import (
    ALICE,
    BOT,
    BOT_ROLE,
    CLARA,
    GENERAL,
    GUILD,
    LUCKY,
    NEWCOMER,
    Bot,
    connected,
    discord,
    listening,
    new_bench,
)
from tests.support.patience import PATIENCE_S

pytest_plugins = ["tests.support.discord_sandbox"]

STRANGER_TOKEN = "THE.STRANGERS.TOKEN"
RIGHTS = ("VIEW_CHANNEL", "SEND_MESSAGES", "READ_MESSAGE_HISTORY", "MANAGE_MESSAGES")


def heard(bot, event, check=None):
    """The next event of this kind from now on; to be awaited."""
    return bot.wait_for(event, check=check, timeout=PATIENCE_S)


@pytest.fixture
def stranger(bench) -> int:
    """The id of a further bot in the guild, whose token is STRANGER_TOKEN."""
    return bench.platform.administration.add_bot(
        "stranger", token=STRANGER_TOKEN, permissions=RIGHTS
    )[0]


@asynccontextmanager
async def both(bench, ours=None, theirs=None):
    """The seed's bot and the stranger, both connected."""
    async with (
        connected(bench, ours) as one,
        connected(bench, theirs, token=STRANGER_TOKEN) as other,
    ):
        yield one, other


def answering(text, *, name="whoami", ephemeral=False) -> Any:
    """A bot with one command, which answers with a text and notes who used it."""
    bot: Any = Bot()
    bot.used = asyncio.Event()

    async def command(interaction: discord.Interaction) -> None:
        await interaction.response.send_message(text, ephemeral=ephemeral)
        bot.used.set()

    bot.tree.add_command(
        discord.app_commands.Command(name=name, description="Who?", callback=command)
    )
    return bot


async def test_each_bot_is_itself(bench, stranger):
    async with both(bench) as (ours, theirs):
        assert (ours.user.id, theirs.user.id) == (BOT, stranger)
        assert (ours.application_id, theirs.application_id) == (BOT, stranger)
        assert (await theirs.application_info()).name == "stranger"
        mine = theirs.get_guild(GUILD).me
        assert [role.name for role in mine.roles] == ["@everyone", "stranger"]
        assert mine.roles[1].tags.bot_id == stranger
        assert ours.get_guild(GUILD).get_role(BOT_ROLE).tags.bot_id == BOT
        assert mine.guild_permissions.manage_messages
        assert not mine.guild_permissions.manage_roles


async def test_a_bot_that_comes_is_a_member_with_its_role_to_those_who_are_there(bench):
    async with connected(bench) as ours:
        joined, made = heard(ours, "member_join"), heard(ours, "guild_role_create")
        bot_id, token = bench.platform.administration.add_bot("late", permissions=RIGHTS)
        member = await joined
        assert (member.id, member.bot, (await made).tags.bot_id) == (bot_id, True, bot_id)
        assert [role.name for role in member.roles] == ["@everyone", "late"]
        online = heard(ours, "presence_update")
        async with connected(bench, token=token) as theirs:
            assert theirs.get_guild(GUILD).get_member(BOT) is not None
            assert (await online)[1].status is discord.Status.online
            gone = heard(ours, "presence_update")
        assert (await gone)[1].status is discord.Status.offline


async def test_both_see_each_others_messages_as_from_a_bot(bench, stranger):
    async with both(bench) as (ours, theirs):
        got, echo = heard(ours, "message"), heard(theirs, "message")
        await theirs.get_channel(GENERAL).send("hello from afar")
        message = await got
        assert (message.author.id, message.author.bot) == (stranger, True)
        assert (message.content, message.application_id) == ("hello from afar", stranger)
        await echo
        got = heard(theirs, "message")
        await ours.get_channel(GENERAL).send("hello back")
        message = await got
        assert (message.author.id, message.author.bot) == (BOT, True)


async def test_neither_edits_the_others_messages_and_rights_are_each_ones_own(bench, stranger):
    async with both(bench) as (ours, theirs):
        sent = await ours.get_channel(GENERAL).send("ours")
        seen = await theirs.get_channel(GENERAL).fetch_message(sent.id)
        with pytest.raises(discord.Forbidden) as refused:
            await seen.edit(content="theirs now")
        assert refused.value.code == 50005
        their_own = await theirs.get_channel(GENERAL).send("theirs")
        with pytest.raises(discord.Forbidden) as refused:
            await ours.get_channel(GENERAL).get_partial_message(their_own.id).delete()
        assert refused.value.code == 50013
        alice = discord.Object(ALICE)
        with pytest.raises(discord.Forbidden) as refused:
            await theirs.http.add_role(GUILD, alice.id, NEWCOMER)
        assert refused.value.code == 50013
        await ours.http.add_role(GUILD, alice.id, NEWCOMER)
        gone = heard(ours, "message_delete")
        await seen.delete()
        assert (await gone).content == "ours"


async def test_a_managed_role_is_no_other_bots_to_give(bench, stranger):
    async with both(bench) as (ours, theirs):
        theirs_role = theirs.get_guild(GUILD).me.top_role
        with pytest.raises(discord.Forbidden):
            await ours.http.add_role(GUILD, ALICE, theirs_role.id)
        with pytest.raises(discord.HTTPException):
            await ours.http.delete_role(GUILD, theirs_role.id)


async def test_commands_belong_to_one_application(bench, stranger):
    async with both(bench, answering("ours"), answering("theirs")) as (ours, theirs):
        await ours.tree.sync()
        [theirs_command] = await theirs.tree.sync()
        [listed] = await ours.tree.fetch_commands()
        assert listed.id != theirs_command.id
        assert (listed.application_id, theirs_command.application_id) == (BOT, stranger)
        with pytest.raises(discord.Forbidden) as refused:
            await theirs.http.get_global_commands(BOT)
        assert refused.value.code == 20012
        await theirs.http.bulk_upsert_global_commands(stranger, [])
        assert len(await ours.tree.fetch_commands()) == 1


async def test_an_interaction_reaches_the_bot_whose_command_it_is(bench, stranger):
    async with both(bench, answering("ours"), answering("theirs")) as (ours, theirs):
        await ours.tree.sync()
        await theirs.tree.sync()
        for bot, bot_id, text in [(ours, None, "ours"), (theirs, stranger, "theirs")]:
            got = heard(ours, "message")
            bench.platform.people.slash(GENERAL, ALICE, "whoami", {}, bot_id=bot_id)
            message = await got
            assert (message.content, message.author.id) == (text, bot.user.id)
            assert message.webhook_id == bot.user.id
            await asyncio.wait_for(bot.used.wait(), PATIENCE_S)
            bot.used.clear()
        assert not ours.used.is_set()


async def test_a_command_that_one_bot_alone_has_is_found_without_its_id(bench, stranger):
    theirs = answering("found", name="only_theirs")
    async with both(bench, None, theirs) as (ours, _):
        await theirs.tree.sync()
        got = heard(ours, "message")
        bench.platform.slash(GENERAL, ALICE, "only_theirs")
        assert (await got).author.id == stranger
        with pytest.raises(SandboxError, match="not synced"):
            bench.platform.people.slash(GENERAL, ALICE, "only_theirs", {}, bot_id=BOT)


async def test_an_ephemeral_answer_is_for_the_person_and_its_bot_alone(bench, stranger):
    theirs = answering("between us", name="secret", ephemeral=True)
    async with both(bench, None, theirs) as (ours, _):
        await theirs.tree.sync()
        interaction = bench.platform.slash(GENERAL, ALICE, "secret")
        await asyncio.wait_for(theirs.used.wait(), PATIENCE_S)
        [message] = [
            one
            for one in bench.platform.world()["messages"]
            if one.get("interaction_metadata", {}).get("id") == str(interaction)
        ]
        assert (message["author"]["id"], message["flags"] & 64) == (str(stranger), 64)
        for bot in (ours, theirs):
            channel: Any = bot.get_channel(GENERAL)
            with pytest.raises(discord.NotFound):
                await channel.fetch_message(int(message["id"]))


async def test_neither_answers_the_others_interactions(bench, stranger):
    """The token of an interaction opens its own application's webhook alone."""
    quiet = Bot()
    taken = asyncio.get_running_loop().create_future()
    other: list[discord.Interaction] = []

    async def command(interaction: discord.Interaction) -> None:
        await interaction.response.defer()
        taken.set_result(interaction)

    quiet.tree.add_command(
        discord.app_commands.Command(name="hold", description=".", callback=command)
    )
    theirs = Bot()
    async with both(bench, quiet, theirs) as (ours, _):
        theirs.event(_noting(other))
        await ours.tree.sync()
        bench.platform.slash(GENERAL, ALICE, "hold")
        held = await asyncio.wait_for(taken, PATIENCE_S)
        forged = f"{bench.platform.api_base}/webhooks/{stranger}/{held.token}"
        async with (
            aiohttp.ClientSession() as session,
            session.post(forged, json={"content": "mine"}) as answer,
        ):
            assert (answer.status, (await answer.json())["code"]) == (404, 10015)
        got = heard(theirs, "raw_message_edit")
        await held.followup.send("still ours")
        assert (await got).data["author"]["id"] == str(BOT)
        assert other == []


def _noting(found):
    async def on_interaction(interaction: discord.Interaction) -> None:
        found.append(interaction)

    return on_interaction


async def test_a_button_answers_to_the_bot_that_sent_it(bench, stranger):
    pressed = []
    async with both(bench) as (ours, theirs):
        for bot in (ours, theirs):
            view = discord.ui.View(timeout=None)
            button: Any = discord.ui.Button(label="Go", custom_id="go")

            async def go(interaction: discord.Interaction, bot=bot) -> None:
                pressed.append((bot.user.id, interaction.application_id))
                await interaction.response.edit_message(content="gone", view=None)

            button.callback = go
            view.add_item(button)
            message = await bot.get_channel(GENERAL).send("press", view=view)
            edited = heard(ours, "message_edit")
            bench.platform.click(GENERAL, message.id, ALICE, "go")
            assert (await edited)[1].content == "gone"
    assert pressed == [(BOT, BOT), (stranger, stranger)]


async def test_each_bot_sees_its_own_reaction_as_its_own(bench, stranger):
    async with both(bench) as (ours, theirs):
        message = await ours.get_channel(GENERAL).send("like?")
        added = heard(theirs, "raw_reaction_add")
        await message.add_reaction("\N{FIRE}")
        assert (await added).user_id == BOT
        [mine] = (await ours.get_channel(GENERAL).fetch_message(message.id)).reactions
        [seen] = (await theirs.get_channel(GENERAL).fetch_message(message.id)).reactions
        assert (mine.me, seen.me, seen.count) == (True, False, 1)
        updates = heard(ours, "raw_message_edit"), heard(theirs, "raw_message_edit")
        await message.edit(content="like it?")
        marked = [(await update).data["reactions"][0]["me"] for update in updates]
        assert marked == [True, False]


async def test_a_channel_that_one_bot_may_not_see_tells_it_nothing(bench, stranger):
    owner = bench.platform.administration
    async with both(bench) as (ours, theirs):
        got, first = heard(ours, "message"), heard(theirs, "message")
        owner.set_overwrite(GENERAL, stranger, deny=["VIEW_CHANNEL"])
        bench.platform.say(GENERAL, ALICE, "between ours")
        assert (await got).content == "between ours"
        owner.set_overwrite(GENERAL, stranger)
        bench.platform.say(GENERAL, ALICE, "for all")
        assert (await first).content == "for all"


async def test_direct_channels_belong_to_one_bot(bench, stranger):
    async with both(bench) as (ours, theirs):
        channel_id = bench.platform.people.open_direct(ALICE, bot_id=stranger)
        assert bench.platform.people.open_direct(ALICE) != channel_id
        got, other = heard(theirs, "message"), heard(ours, "message")
        bench.platform.say(channel_id, ALICE, "for you alone")
        assert (await got).content == "for you alone"
        with pytest.raises(discord.Forbidden) as refused:
            await ours.http.send_message(channel_id, params=_text("hi"))
        assert refused.value.code == 50001
        sent = await (await theirs.fetch_user(ALICE)).send("hi")
        assert sent.channel.id == channel_id
        with pytest.raises(discord.HTTPException) as unheard:
            await (await theirs.fetch_user(BOT)).create_dm()
        assert unheard.value.code == 50007
        bench.platform.say(GENERAL, ALICE, "for all")
        assert (await other).content == "for all"


def _text(content):
    return discord.http.MultipartParameters({"content": content}, None, None)


async def test_each_bot_hears_of_its_own_removal_and_comes_back(bench, stranger):
    owner = bench.platform.administration
    async with both(bench) as (ours, theirs):
        removed, left = heard(theirs, "guild_remove"), heard(ours, "raw_member_remove")
        owner.kick_bot(stranger)
        assert ((await removed).id, (await left).user.id) == (GUILD, stranger)
        assert [guild.id for guild in ours.guilds] == [GUILD]
        with pytest.raises(discord.Forbidden):
            await theirs.get_partial_messageable(GENERAL).send("hello?")
        await ours.get_channel(GENERAL).send("it is quiet now")
        joined, known = heard(theirs, "guild_join"), heard(ours, "member_join")
        arrivals = len(bench.calls("gateway GUILD_MEMBER_ADD"))
        owner.invite_bot(stranger)
        assert (await known).id == stranger
        # Ours alone is told of the newcomer; the newcomer is sent the guild.
        assert len(bench.calls("gateway GUILD_MEMBER_ADD")) == arrivals + 1
        assert [role.name for role in (await joined).me.roles] == ["@everyone", "stranger"]
        await theirs.get_channel(GENERAL).send("back")


async def test_a_moderating_bot_bans_another_one(bench, stranger):
    owner = bench.platform.administration
    owner.set_permissions(BOT_ROLE, "BAN_MEMBERS")
    async with both(bench) as (ours, theirs):
        removed = heard(theirs, "guild_remove")
        await ours.get_guild(GUILD).ban(discord.Object(stranger))
        assert (await removed).id == GUILD
        with pytest.raises(SandboxError, match="banned"):
            owner.invite_bot(stranger)


async def test_limits_of_one_bot_leave_the_other_one_free():
    async with listening(new_bench(1.0)) as bench:
        bench.platform.administration.add_bot("stranger", token=STRANGER_TOKEN)
        address = f"{bench.platform.api_base}/channels/{GENERAL}/messages"
        async with aiohttp.ClientSession() as session:

            async def write(token):
                headers = {"Authorization": f"Bot {token}"}
                async with session.post(address, json={"content": "x"}, headers=headers) as answer:
                    return answer.status

            assert [await write(STRANGER_TOKEN) for _ in range(6)] == [200] * 5 + [429]
            assert await write("SANDBOX.DISCORD.TOKEN") == 200
            assert await write("NO.SUCH.TOKEN") == 401


async def test_a_session_is_resumed_with_the_token_of_its_bot_alone(bench, stranger):
    async with connected(bench) as ours:
        session_id = ours.ws.session_id
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(bench.platform.gateway_url) as socket,
        ):
            await socket.receive_json()
            data = {"token": STRANGER_TOKEN, "session_id": session_id, "seq": 1}
            await socket.send_json({"op": 6, "d": data})
            assert await socket.receive_json() == {"op": 9, "d": False, "s": None, "t": None}
        got = heard(ours, "message")
        bench.platform.say(GENERAL, CLARA, "ours still")
        assert (await got).content == "ours still"


async def test_a_saved_world_keeps_its_bots(bench, stranger):
    saved = bench.platform.dump()
    bench.platform.reset()
    with pytest.raises(SandboxError, match="no bot"):
        bench.platform.administration.kick_bot(stranger)
    bench.platform.load(saved)
    async with both(bench) as (ours, theirs):
        assert (ours.user.id, theirs.user.id) == (BOT, stranger)


async def test_a_bot_has_a_name_and_a_token_of_its_own(bench):
    owner = bench.platform.administration
    with pytest.raises(SandboxError, match="characters"):
        owner.add_bot("x")
    for token in ("SANDBOX.DISCORD.TOKEN", "two words"):
        with pytest.raises(SandboxError, match="no token of a new bot"):
            owner.add_bot("stranger", token=token)
    with pytest.raises(SandboxError, match="no bot 7"):
        owner.kick_bot(7)
    bot_id, _ = owner.add_bot("plain")
    with pytest.raises(SandboxError, match="invites"):
        bench.platform.join(bot_id)
    with pytest.raises(SandboxError, match="a bot can be kicked"):
        owner.exclude(bot_id, "kick")
    owner.give_role(bot_id, LUCKY)
