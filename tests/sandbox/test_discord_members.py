"""Members on the real discord.py: they edit, reply, react, start threads, speak and are renamed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox import SandboxError
from sandbox.discord_api import Upload
from tests.support.discord_sandbox import (
    ALICE,
    AWAY,
    BORIS,
    BOT_ROLE,
    CLARA,
    FORUM,
    GENERAL,
    GUILD,
    HARBOUR,
    VERA,
    Bot,
    connected,
    discord,
)
from tests.support.patience import PATIENCE_S

pytest_plugins = ["tests.support.discord_sandbox"]

FAMILY = "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}"
WAVE = "\N{WAVING HAND SIGN}\N{EMOJI MODIFIER FITZPATRICK TYPE-4}"
FLAG = "\N{REGIONAL INDICATOR SYMBOL LETTER D}\N{REGIONAL INDICATOR SYMBOL LETTER E}"


def heard(bot: Any, event: str, check: Any = None) -> Any:
    return bot.wait_for(event, check=check, timeout=PATIENCE_S)


async def test_an_edit_and_a_deletion_by_a_member_reach_the_bot(bench):
    async with connected(bench) as bot:
        created = heard(bot, "message")
        written = bench.platform.say(GENERAL, ALICE, "  helo ")
        assert (await created).content == "helo"
        edited = heard(bot, "message_edit")
        bench.platform.people.edit(GENERAL, written, ALICE, "hello")
        before, after = await edited
        assert (before.content, after.content, after.edited_at is not None) == (
            "helo",
            "hello",
            True,
        )
        with pytest.raises(SandboxError, match="did not write"):
            bench.platform.people.edit(GENERAL, written, BORIS, "bye")
        with pytest.raises(SandboxError, match="MANAGE_MESSAGES"):
            bench.platform.people.delete(GENERAL, written, BORIS)
        deleted = heard(bot, "message_delete")
        bench.platform.people.delete(GENERAL, written, VERA)
        assert (await deleted).id == written


async def test_a_reply_of_a_member_carries_the_message_and_mentions_its_author(bench):
    async with connected(bench) as bot:
        asked = await bot.get_channel(GENERAL).send("How are you?")
        got = heard(bot, "message", lambda one: one.author.id == ALICE)
        bench.platform.say(GENERAL, ALICE, "fine", reply_to=asked.id)
        reply = await got
        assert reply.type is discord.MessageType.reply
        assert reply.reference.resolved.content == "How are you?"
        assert reply.reference.guild_id == GUILD
        assert [one.id for one in reply.mentions] == [bot.user.id]
        event = (await bench.seen("gateway MESSAGE_CREATE", times=2)).response
        assert event["mentions"][0]["member"]["joined_at"]
        await asked.delete()
        again = await bot.get_channel(GENERAL).fetch_message(reply.id)
        assert isinstance(again.reference.resolved, discord.DeletedReferencedMessage)


async def test_a_reply_without_a_ping_mentions_nobody(bench):
    async with connected(bench) as bot:
        written = bench.platform.say(GENERAL, ALICE, "hello")
        message = await bot.get_channel(GENERAL).fetch_message(written)
        assert (await message.reply("quietly", mention_author=False)).mentions == []
        assert [one.id for one in (await message.reply("loudly")).mentions] == [ALICE]


@pytest.mark.parametrize("emoji", ["\N{THUMBS UP SIGN}", FAMILY, WAVE, FLAG, "1\ufe0f\u20e3"])
async def test_a_reaction_of_any_length_comes_and_goes(bench, emoji):
    async with connected(bench) as bot:
        message = await bot.get_channel(GENERAL).send("react!")
        added = heard(bot, "raw_reaction_add", lambda one: one.user_id == ALICE)
        bench.platform.people.react(GENERAL, message.id, ALICE, emoji)
        event = await added
        assert (str(event.emoji), event.member.id) == (emoji, ALICE)
        assert event.message_author_id == bot.user.id
        await message.add_reaction(emoji)
        (reaction,) = (await message.channel.fetch_message(message.id)).reactions
        assert (str(reaction.emoji), reaction.count, reaction.me) == (emoji, 2, True)
        assert {one.id async for one in reaction.users()} == {ALICE, bot.user.id}
        removed = heard(bot, "raw_reaction_remove", lambda one: one.user_id == ALICE)
        bench.platform.people.react(GENERAL, message.id, ALICE, emoji, added=False)
        assert str((await removed).emoji) == emoji
        await message.remove_reaction(emoji, bot.user)
        assert (await message.channel.fetch_message(message.id)).reactions == []


async def test_a_reaction_that_is_no_emoji_is_refused_to_bots_and_members(bench):
    async with connected(bench) as bot:
        message = await bot.get_channel(GENERAL).send("react!")
        with pytest.raises(discord.NotFound) as unknown:
            await message.add_reaction("hello")
        assert unknown.value.code == 10014
        with pytest.raises(SandboxError, match="not one emoji"):
            bench.platform.people.react(GENERAL, message.id, ALICE, "hello")
        with pytest.raises(SandboxError, match="no reaction"):
            bench.platform.people.react(GENERAL, message.id, ALICE, WAVE, added=False)


async def test_reactions_are_cleared_by_a_moderator_only(bench):
    async with connected(bench) as bot:
        message = await bot.get_channel(GENERAL).send("react!")
        bench.platform.people.react(GENERAL, message.id, ALICE, WAVE)
        with pytest.raises(discord.Forbidden):
            await message.clear_reactions()
        bench.platform.administration.set_permissions(BOT_ROLE, "MANAGE_MESSAGES")
        cleared = heard(bot, "raw_reaction_clear")
        await message.clear_reactions()
        assert (await cleared).message_id == message.id


async def test_members_start_threads_and_posts_and_write_in_them(bench):
    async with connected(bench) as bot:
        made = heard(bot, "thread_create")
        written = bench.platform.say(GENERAL, ALICE, "who sails?")
        thread_id = bench.platform.people.start_thread(
            GENERAL, ALICE, "Sailing", message_id=written
        )
        thread = await made
        assert (thread.id, thread.owner_id, thread.parent_id) == (written, ALICE, GENERAL)
        got = heard(bot, "message", lambda one: one.channel.id == thread_id)
        bench.platform.say(thread_id, BORIS, "I do")
        assert (await got).channel.name == "Sailing"
        assert {one.id for one in await thread.fetch_members()} == {ALICE, BORIS}
        await thread.join()
        assert (await thread.send("aboard")).channel.id == thread_id
        assert (await bot.get_channel(GENERAL).fetch_message(written)).thread.id == thread_id
        post = bench.platform.people.start_thread(FORUM, CLARA, "Help", text="How?")
        assert (await (await bot.fetch_channel(post)).fetch_message(post)).content == "How?"
        bench.platform.administration.archive_thread(post, locked=True)
        with pytest.raises(SandboxError, match="MANAGE_MESSAGES"):
            bench.platform.say(post, ALICE, "like this")
        with pytest.raises(SandboxError, match="takes threads"):
            bench.platform.say(FORUM, ALICE, "hello")
        assert {one.id for one in await bot.get_guild(GUILD).active_threads()} == {thread_id}


async def test_voice_states_follow_a_member_through_channels(bench):
    async with connected(bench) as bot:
        people, owner = bench.platform.people, bench.platform.administration
        steps = [
            lambda: people.connect(ALICE, HARBOUR, self_mute=True),
            lambda: people.set_voice(ALICE, self_mute=False, self_stream=True),
            lambda: owner.set_voice(ALICE, mute=True),
            lambda: owner.move_member(ALICE, AWAY),
            lambda: people.connect(ALICE, HARBOUR),
            lambda: people.fall_idle(ALICE),
            lambda: people.disconnect(ALICE),
        ]
        seen = []
        for step in steps:
            update = heard(bot, "voice_state_update")
            step()
            member, _, after = await update
            assert member.id == ALICE
            place = None if after.channel is None else after.channel.id
            seen.append((place, after.self_mute, after.self_stream, after.mute, after.afk))
        assert seen == [
            (HARBOUR, True, False, False, False),
            (HARBOUR, False, True, False, False),
            (HARBOUR, False, True, True, False),
            (AWAY, False, False, True, True),
            (HARBOUR, False, False, True, False),
            (AWAY, False, False, True, True),
            (None, False, False, True, False),
        ]
        with pytest.raises(SandboxError, match="no voice channel"):
            people.disconnect(ALICE)
        with pytest.raises(SandboxError, match="no voice channel"):
            people.connect(ALICE, GENERAL)


async def test_a_client_that_comes_later_finds_members_in_voice_channels(bench):
    bench.platform.people.connect(ALICE, HARBOUR)
    async with connected(bench, Bot(discord.Intents.default())) as bot:
        (member,) = bot.get_channel(HARBOUR).members
        assert member.id == ALICE
        assert (await member.fetch_voice()).channel.id == HARBOUR


async def test_the_bot_enters_a_voice_channel_itself(bench):
    async with connected(bench) as bot:
        update = heard(bot, "voice_state_update")
        await bot.get_guild(GUILD).change_voice_state(channel=bot.get_channel(HARBOUR))
        member, _, after = await update
        assert (member.id, after.channel.id) == (bot.user.id, HARBOUR)
        await bench.seen("gateway VOICE_SERVER_UPDATE")


async def test_the_bot_moves_mutes_and_times_out_members_with_the_permission(bench):
    async with connected(bench) as bot:
        alice = await bot.get_guild(GUILD).fetch_member(ALICE)
        bench.platform.people.connect(ALICE, HARBOUR)
        with pytest.raises(discord.Forbidden):
            await alice.edit(mute=True)
        bench.platform.administration.set_permissions(
            BOT_ROLE, "MUTE_MEMBERS", "MOVE_MEMBERS", "MODERATE_MEMBERS"
        )
        muted = heard(bot, "voice_state_update", lambda _, before, after: after.mute)
        await alice.edit(mute=True)
        await muted
        update = heard(bot, "voice_state_update", lambda _, before, after: after.channel is None)
        await alice.move_to(None)
        await update
        with pytest.raises(discord.HTTPException) as outside:
            await alice.edit(mute=False)
        assert outside.value.code == 40032
        until = datetime.now(UTC) + timedelta(hours=1)
        assert (await alice.edit(timed_out_until=until)).timed_out_until == until
        with pytest.raises(SandboxError, match="timed out"):
            bench.platform.say(GENERAL, ALICE, "hello?")
        with pytest.raises(discord.HTTPException):
            await alice.edit(timed_out_until=until + timedelta(days=28))
        await alice.edit(timed_out_until=None)
        bench.platform.say(GENERAL, ALICE, "hello!")


async def test_presence_and_typing_reach_a_bot_with_the_intents(bench):
    async with connected(bench) as bot:
        changed = heard(bot, "presence_update")
        bench.platform.people.set_presence(ALICE, "dnd", "Chess")
        _, after = await changed
        assert (after.status, after.activity.name) == (discord.Status.dnd, "Chess")
        typing = heard(bot, "raw_typing")
        bench.platform.people.type_in(GENERAL, ALICE)
        assert (await typing).user.id == ALICE
    async with connected(bench) as bot:
        assert bot.get_guild(GUILD).get_member(ALICE).status is discord.Status.dnd
        changed = heard(bot, "presence_update", lambda _, after: after.id == bot.user.id)
        await bot.change_presence(status=discord.Status.idle)
        assert (await changed)[1].status is discord.Status.idle


@pytest.mark.parametrize("name", ["\u202eevil", "\u200b", "a" * 32, "@everyone", "<@1> **b**", "ﷺ"])
async def test_nicknames_of_any_kind_reach_the_bot_as_they_are(bench, name):
    async with connected(bench) as bot:
        update = heard(bot, "member_update")
        bench.platform.people.set_nick(ALICE, name)
        _, after = await update
        assert after.nick == name
        found = await bot.get_guild(GUILD).query_members(name)
        assert [one.id for one in found] == [ALICE]


async def test_a_new_name_of_a_person_reaches_the_bot(bench):
    async with connected(bench) as bot:
        await bot.get_guild(GUILD).query_members(user_ids=[ALICE], cache=True)
        update = heard(bot, "user_update")
        bench.platform.people.rename(ALICE, "alice2", "Alice the Second")
        _, after = await update
        assert (after.name, after.global_name) == ("alice2", "Alice the Second")


async def test_another_bot_writes_beside_ours(bench):
    async with connected(bench) as bot:
        got = heard(bot, "message")
        other = bench.platform.join(name="Stranger", bot=True)
        bench.platform.say(GENERAL, other, "I am a bot")
        message = await got
        assert (message.author.bot, message.author.id) == (True, other)
        assert message.application_id is None


async def test_pins_and_bulk_deletion_are_announced(bench):
    bench.platform.administration.set_permissions(BOT_ROLE, "ADMINISTRATOR")
    async with connected(bench) as bot:
        channel = bot.get_channel(GENERAL)
        message = await channel.send("important")
        pinned = heard(bot, "guild_channel_pins_update")
        await message.pin()
        await pinned
        assert [one.id async for one in channel.pins()] == [message.id]
        await message.unpin()
        assert [one.id async for one in channel.pins()] == []
        deleted = heard(bot, "raw_bulk_message_delete")
        await channel.delete_messages([message, await channel.send("too")])
        assert message.id in (await deleted).message_ids


async def test_a_member_forwards_a_message_with_what_it_shows(bench):
    people = bench.platform.people
    async with connected(bench) as bot:
        files = [Upload("notes.txt", b"hi")]
        said = people.say(GENERAL, ALICE, "read this", files=files)
        arrived = heard(bot, "message", lambda one: one.author.id == BORIS)
        made = people.forward(HARBOUR, BORIS, GENERAL, said)
        message = await arrived
        assert (message.id, message.content, message.attachments) == (made, "", [])
        assert message.flags.forwarded
        assert (message.reference.message_id, message.reference.channel_id) == (said, GENERAL)
        people.edit(GENERAL, said, ALICE, "never mind")
        read = await bot.get_channel(HARBOUR).fetch_message(made)
        [snapshot] = read.message_snapshots
        assert (snapshot.content, snapshot.attachments[0].filename) == ("read this", "notes.txt")
        again = people.forward(GENERAL, ALICE, HARBOUR, made)
        copied = await bot.get_channel(GENERAL).fetch_message(again)
        assert copied.message_snapshots[0].content == "read this"
        with pytest.raises(SandboxError, match="is a forward"):
            people.edit(HARBOUR, made, BORIS, "mine")


async def test_a_forward_shows_nothing_without_the_intent(bench):
    client = Bot(discord.Intents.default())
    async with connected(bench, client) as bot:
        said = bench.platform.say(GENERAL, ALICE, "secret")
        arrived = heard(bot, "message", lambda one: one.author.id == BORIS)
        bench.platform.people.forward(GENERAL, BORIS, GENERAL, said)
        assert [one.content for one in (await arrived).message_snapshots] == [""]


async def test_a_member_sends_a_sticker(bench):
    async with connected(bench) as bot:
        arrived = heard(bot, "message")
        made = bench.platform.people.say(GENERAL, ALICE, sticker="Wave")
        message = await arrived
        assert (message.id, message.content) == (made, "")
        assert [one.name for one in message.stickers] == ["Wave"]
