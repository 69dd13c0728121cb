"""Reactions on both platforms and time in voice channels, through the real bots."""

import asyncio
import contextlib
import time

import msgspec

from sandbox import Fault
from sandbox.discord_api.gateway.intents import Intent
from tests.support.settling import LOOK_AGAIN_S, until

GROUP = -1001000000001
ALICE, BORIS, CLARA, ADMIN = 1001, 1002, 1003, 1009
CHANNEL, HARBOUR, AWAY = 900000000000000010, 900000000000000011, 900000000000000012
DISCORD_ALICE, DISCORD_BORIS, DISCORD_CLARA = (
    800000000000000101,
    800000000000000102,
    800000000000000103,
)


async def earned(stage, account_id, *reasons):
    """The XP of an account for these reasons, in open windows and in the ledger."""
    return await stage.pool.fetchval(
        """
        SELECT coalesce((
            SELECT sum(w.xp) FROM twinstream.earning_windows AS w
            WHERE w.account_id = $1 AND w.reason = ANY ($2)
        ), 0)::bigint + coalesce((
            SELECT sum(t.delta_xp) FROM twinstream.transactions AS t
            WHERE t.account_id = $1 AND t.reason = ANY ($2) AND t.platform = t.source
        ), 0)::bigint
        """,
        account_id,
        list(reasons),
    )


async def has_earned(stage, account_id, xp, reason):
    async def holds():
        return await earned(stage, account_id, reason) == xp

    await until(holds, what=f"{account_id} has {xp} XP by {reason}")


async def has_spoken(stage, account_id, xp):
    """Wait for XP by voice. More of it may come before anybody looks."""

    async def holds():
        return await earned(stage, account_id, "voice") >= xp

    await until(holds, what=f"{account_id} has {xp} XP by voice")


@contextlib.contextmanager
def speaking(stage, user_id):
    """Let a member mute and unmute, so that the bot hears more of Discord than its heartbeat."""

    async def toggle():
        is_muted = False
        while True:
            is_muted = not is_muted
            stage.discord.people.set_voice(user_id, self_mute=is_muted)
            await asyncio.sleep(LOOK_AGAIN_S)

    toggling = asyncio.ensure_future(toggle())
    try:
        yield
    finally:
        toggling.cancel()


def with_earning(stage, **settings):
    """Change settings of sections of [earning], and switch XP for messages off."""
    earning = stage.community.earning
    settings.setdefault("messages", {"enabled": False})
    earning = msgspec.structs.replace(
        earning,
        **{
            name: msgspec.structs.replace(getattr(earning, name), **changes)
            for name, changes in settings.items()
        },
    )
    stage.community = msgspec.structs.replace(stage.community, earning=earning)


async def test_the_author_of_a_message_on_telegram_earns_by_reactions_of_others(stage):
    with_earning(stage)
    async with stage.telegram_bot():
        await stage.tell_telegram(ALICE, "/help")  # from its first poll on, Telegram tells the bot
        words = stage.telegram.say(GROUP, CLARA, "Look!")
        stage.telegram.react(GROUP, words, CLARA, "👍")
        stage.telegram.react(GROUP, words, ADMIN, "👍", anonymous=True)
        stage.telegram.react(GROUP, words, ALICE, "👍")
        await has_earned(stage, CLARA, 2, "reactions")
        stage.telegram.react(GROUP, words, ALICE, "❤")
        stage.telegram.react(GROUP, words, ALICE, None)
        stage.telegram.react(GROUP, words, ALICE, "👍")
        stage.telegram.react(GROUP, words, BORIS, "🔥")
        await has_earned(stage, CLARA, 4, "reactions")

    assert await earned(stage, ALICE, "reactions", "reactions_given") == 0


async def test_authors_are_known_after_a_restart_of_the_telegram_bot(stage):
    with_earning(stage, reactions={"giver_xp": 1})
    async with stage.telegram_bot():
        words = stage.telegram.say(GROUP, CLARA, "Look!")
        await stage.tell_telegram(ALICE, "/help")
    async with stage.telegram_bot():
        stage.telegram.react(GROUP, words, ALICE, "👍")
        await has_earned(stage, CLARA, 2, "reactions")

    assert await earned(stage, ALICE, "reactions_given") == 1


async def test_reactions_wait_while_postgres_is_away(stage):
    with_earning(stage)
    async with stage.telegram_bot():
        words = stage.telegram.say(GROUP, CLARA, "Look!")
        await stage.tell_telegram(ALICE, "/help")
        await stage.gate.shut()
        stage.telegram.react(GROUP, words, ALICE, "👍")
        stage.telegram.say(GROUP, BORIS, "/help")
        await stage.gate.open()
        await has_earned(stage, CLARA, 2, "reactions")


async def test_a_message_of_a_place_that_is_too_old_earns_nothing(stage):
    """Of each place the newest messages are remembered; the setting says how many."""
    with_earning(stage, reactions={"messages_kept": 100})
    async with stage.telegram_bot():
        await stage.tell_telegram(ALICE, "/help")
        first = stage.telegram.say(GROUP, CLARA, "first")
        for number in range(205):
            stage.telegram.say(GROUP, BORIS, f"word {number}")
        last = stage.telegram.say(GROUP, CLARA, "last")
        stage.telegram.react(GROUP, first, ALICE, "👍")
        stage.telegram.react(GROUP, last, ALICE, "👍")
        await has_earned(stage, CLARA, 2, "reactions")


async def test_where_reactions_are_off_nothing_of_them_is_kept(stage):
    with_earning(stage, reactions={"enabled": False})
    async with stage.telegram_bot():
        await stage.tell_telegram(ALICE, "/help")
        words = stage.telegram.say(GROUP, CLARA, "Look!")
        stage.telegram.react(GROUP, words, ALICE, "👍")
        await stage.tell_telegram(ALICE, "/help")

    assert await stage.pool.fetchval("SELECT count(*) FROM twinstream.reactions") == 0
    assert await stage.pool.fetchval("SELECT count(*) FROM twinstream.message_authors") == 0


async def test_the_author_of_a_message_on_discord_earns_by_reactions_of_others(stage):
    with_earning(stage)
    async with stage.discord_bot():
        words = stage.discord.say(CHANNEL, DISCORD_CLARA, "Look!")
        stage.discord.people.react(CHANNEL, words, DISCORD_CLARA, "👍")
        stage.discord.people.react(CHANNEL, words, DISCORD_ALICE, "👍")
        await has_earned(stage, DISCORD_CLARA, 2, "reactions")
        stage.discord.people.react(CHANNEL, words, DISCORD_ALICE, "👍", added=False)
        stage.discord.people.react(CHANNEL, words, DISCORD_ALICE, "👍")
        stage.discord.people.react(CHANNEL, words, DISCORD_ALICE, "🔥")
        stage.discord.people.react(CHANNEL, words, DISCORD_BORIS, "🔥")
        await has_earned(stage, DISCORD_CLARA, 4, "reactions")


async def test_reactions_to_bots_on_discord_earn_nothing(stage):
    with_earning(stage)
    async with stage.discord_bot():
        await stage.discord_answer(DISCORD_ALICE, "thanks", member=DISCORD_CLARA)
        [of_bot] = [
            one
            for one in stage.discord.chats(10)["channels"][0]["messages"]
            if one["author"].get("bot")
        ]
        words = stage.discord.say(CHANNEL, DISCORD_CLARA, "Look!")
        stage.discord.people.react(CHANNEL, int(of_bot["id"]), DISCORD_ALICE, "👍")
        stage.discord.people.react(CHANNEL, words, DISCORD_ALICE, "👍")
        await has_earned(stage, DISCORD_CLARA, 2, "reactions")

    rows = await stage.pool.fetch("SELECT receiver_account_id FROM twinstream.reactions")
    assert [row[0] for row in rows] == [DISCORD_CLARA]


async def test_two_members_who_talk_earn_by_the_interval_and_one_alone_does_not(stage):
    with_earning(stage, voice={"interval_s": 1, "xp": 7, "xp_per_day_max": 21})
    async with stage.discord_bot():
        stage.discord.people.connect(DISCORD_ALICE, HARBOUR)
        stage.discord.people.connect(DISCORD_CLARA, HARBOUR, self_mute=True)
        stage.discord.people.connect(DISCORD_BORIS, AWAY)
        with speaking(stage, DISCORD_BORIS):
            await has_spoken(stage, DISCORD_ALICE, 14)
            await has_spoken(stage, DISCORD_ALICE, 21)

    assert await earned(stage, DISCORD_ALICE, "voice") == 21  # the limit of the day
    assert await earned(stage, DISCORD_CLARA, "voice") == 0
    assert await earned(stage, DISCORD_BORIS, "voice") == 0


async def test_members_who_were_there_before_a_start_earn_from_the_start_on(stage):
    with_earning(stage, voice={"interval_s": 1, "xp": 7})
    stage.discord.people.connect(DISCORD_ALICE, HARBOUR)
    stage.discord.people.connect(DISCORD_CLARA, HARBOUR)
    async with stage.discord_bot():
        began = time.monotonic()
        with speaking(stage, DISCORD_ALICE):
            await has_spoken(stage, DISCORD_CLARA, 7)

    assert time.monotonic() - began > 0.5


async def test_excluded_channels_and_people_earn_nothing(stage):
    excluded = {"discord": (DISCORD_CLARA,)}
    with_earning(stage, voice={"interval_s": 1, "xp": 7}, excluded=excluded)
    async with stage.discord_bot():
        stage.discord.people.connect(DISCORD_ALICE, HARBOUR)
        stage.discord.people.connect(DISCORD_CLARA, HARBOUR)
        with speaking(stage, DISCORD_CLARA):
            await has_spoken(stage, DISCORD_ALICE, 7)

    assert await earned(stage, DISCORD_CLARA, "voice") == 0


async def test_an_outage_of_the_server_shows_nobody_and_its_end_everybody(stage):
    with_earning(stage, voice={"interval_s": 1, "xp": 7})
    async with stage.discord_bot():
        stage.discord.people.connect(DISCORD_ALICE, HARBOUR)
        stage.discord.people.connect(DISCORD_CLARA, HARBOUR)
        with speaking(stage, DISCORD_CLARA):
            await has_spoken(stage, DISCORD_ALICE, 7)
        stage.discord.administration.set_available(available=False)
        with contextlib.suppress(Exception):
            stage.discord.people.disconnect(DISCORD_CLARA)
        stage.discord.administration.set_available(available=True)
        before = await earned(stage, DISCORD_ALICE, "voice")
        stage.discord.people.connect(DISCORD_CLARA, HARBOUR)
        with speaking(stage, DISCORD_CLARA):
            await has_spoken(stage, DISCORD_ALICE, before + 7)


async def test_after_a_lost_connection_the_voice_channels_are_watched_again(stage):
    with_earning(stage, voice={"interval_s": 1, "xp": 7})
    async with stage.discord_bot():
        stage.discord.people.connect(DISCORD_ALICE, HARBOUR)
        stage.discord.people.connect(DISCORD_CLARA, HARBOUR)
        with speaking(stage, DISCORD_CLARA):
            await has_spoken(stage, DISCORD_ALICE, 7)
        stage.faults.add(Fault("discord", "gateway VOICE_STATE_UPDATE", 0, when="hangup"))
        after = stage.transcript.last
        stage.discord.people.connect(DISCORD_BORIS, HARBOUR)
        await stage.seen("gateway RESUME", after=after)
        with speaking(stage, DISCORD_CLARA):
            await has_spoken(stage, DISCORD_BORIS, 7)


async def test_intents_are_asked_for_only_where_a_setting_needs_them(stage):
    with_earning(stage, voice={"enabled": False}, reactions={"enabled": False})
    async with stage.discord_bot():
        [identify] = stage.transcript.calls(name="gateway IDENTIFY")

    intents = Intent(identify.request["intents"])
    assert not intents & (Intent.GUILD_VOICE_STATES | Intent.GUILD_MESSAGE_REACTIONS)
