"""Thanks on both platforms, through the real bots: by command and by a word, and what fails."""

import asyncio

import msgspec
import pytest

import bots.telegram_bot.app
from bots.runtime.supervisor import Supervisor
from config.community_sections.earning import ExcludedSetting, PlaceSetting
from sandbox import Fault
from sandbox.discord_api.gateway.intents import Intent
from tests.support.settling import until

GROUP = -1001000000001
ALICE, BORIS, CLARA, ADMIN = 1001, 1002, 1003, 1009
CHANNEL, NEWCOMER = 900000000000000010, 900000000000000101
DISCORD_ALICE, DISCORD_BORIS, DISCORD_CLARA = (
    800000000000000101,
    800000000000000102,
    800000000000000103,
)
BOT = 800000000000000042
REPLY = "POST /channels/{channel_id}/messages"


async def reputation(stage, account_id):
    found = await stage.pool.fetchval(
        "SELECT reputation FROM twinstream.account_scores WHERE account_id = $1", account_id
    )
    return found or 0


async def thank_xp(stage, account_id):
    """The XP of all thanks in the ledger of the account's own platform."""
    return await stage.pool.fetchval(
        "SELECT sum(delta_xp)::bigint FROM twinstream.transactions"
        " WHERE account_id = $1 AND reason = 'thanks' AND platform = source",
        account_id,
    )


async def has_reputation(stage, account_id, points):
    async def holds():
        return await reputation(stage, account_id) == points

    await until(holds, what=f"{account_id} has {points} points")


def with_thanks(stage, **settings):
    earning = stage.community.earning
    thanks = msgspec.structs.replace(earning.thanks, **settings)
    earning = msgspec.structs.replace(earning, thanks=thanks)
    stage.community = msgspec.structs.replace(stage.community, earning=earning)


def excluding(stage, **excluded):
    earning = msgspec.structs.replace(stage.community.earning, excluded=ExcludedSetting(**excluded))
    stage.community = msgspec.structs.replace(stage.community, earning=earning)


def reading(stage):
    discord = msgspec.structs.replace(stage.community.discord, read_messages=True)
    stage.community = msgspec.structs.replace(stage.community, discord=discord)


async def answer_on_telegram(stage, user_id, text, **where):
    after = stage.transcript.last
    stage.telegram.say(GROUP, user_id, text, **where)
    return (await stage.seen("sendMessage", after=after)).request["text"]


@pytest.mark.parametrize(
    ("user", "text", "answer"),
    [
        (ALICE, "/thanks for the help!", "Thanks noted. Reputation of <b>Clara</b>: 1. +5 XP"),
        (BORIS, "/спасибо", "Благодарность засчитана. Репутация <b>Clara</b>: 1. +5 очков опыта"),
        (ALICE, "Thank you so much!", "Thanks noted. Reputation of <b>Clara</b>: 1. +5 XP"),
        (BORIS, "+", "Благодарность засчитана. Репутация <b>Clara</b>: 1. +5 очков опыта"),
    ],
)
async def test_a_reply_on_telegram_thanks_the_author(stage, user, text, answer):
    async with stage.telegram_bot():
        words = stage.telegram.say(GROUP, CLARA, "Turn it off and on again")

        assert await answer_on_telegram(stage, user, text, reply_to=words) == answer
        assert await reputation(stage, CLARA) == 1
        assert await thank_xp(stage, CLARA) == 5
        again = await answer_on_telegram(stage, user, "/thanks", reply_to=words)

    assert again.startswith(("You have thanked", "Вы уже благодарили"))
    assert await reputation(stage, CLARA) == 1


async def test_words_that_do_not_count_are_not_answered(stage):
    """Own messages, bots, negations, second thanks, anonymous and forwarded ones."""
    async with stage.telegram_bot():
        own = stage.telegram.say(GROUP, ALICE, "done")
        words = stage.telegram.say(GROUP, CLARA, "Turn it off and on again")
        await stage.tell_telegram(ALICE, "/help")
        of_bot = stage.telegram.messages(GROUP)[-1]["message_id"]
        after = stage.transcript.last
        stage.telegram.say(GROUP, ALICE, "thanks", reply_to=own)
        stage.telegram.say(GROUP, ALICE, "thanks", reply_to=of_bot)
        stage.telegram.say(GROUP, ALICE, "no thanks", reply_to=words)
        stage.telegram.say(GROUP, ALICE, "thanks")
        stage.telegram.say(GROUP, ADMIN, "thanks", reply_to=words, anonymous=True)
        await stage.tell_telegram(BORIS, "/help")  # everything before it was handled

    answers = [one.request["text"] for one in stage.transcript.calls(name="sendMessage")]
    assert len(answers) == 2
    assert await reputation(stage, CLARA) == 0
    assert stage.transcript.last > after


async def test_a_command_that_thanks_nobody_says_how(stage):
    async with stage.telegram_bot():
        own = stage.telegram.say(GROUP, ALICE, "done")
        alone = await answer_on_telegram(stage, ALICE, "/thanks")
        oneself = await answer_on_telegram(stage, ALICE, "/thanks", reply_to=own)

    assert alone == oneself
    assert alone.startswith("Reply with /thanks to a message of the member")


async def test_members_who_left_and_strangers_get_no_thanks(stage):
    async with stage.telegram_bot():
        words = stage.telegram.say(GROUP, CLARA, "Bye")
        stage.telegram.leave(CLARA)
        left = await answer_on_telegram(stage, ALICE, "/thanks", reply_to=words)
        stranger = await answer_on_telegram(stage, ALICE, "/thanks 77")

    assert left == "<b>Clara</b> is not here any more, so this does not count."
    assert stranger == "<b>(name unknown)</b> is not here any more, so this does not count."
    assert await reputation(stage, CLARA) == 0


async def test_while_telegram_does_not_say_who_is_there_nothing_counts(stage):
    async with stage.telegram_bot():
        await stage.tell_telegram(ALICE, "/help")
        words = stage.telegram.say(GROUP, CLARA, "hello")
        stage.faults.add(Fault("telegram", "getChatMember", 500))
        answer = await answer_on_telegram(stage, ALICE, "/thanks", reply_to=words)

    assert answer.startswith("I cannot see at the moment")
    assert await reputation(stage, CLARA) == 0


async def test_an_update_that_comes_again_after_a_kill_counts_once(stage):
    """The bot dies after it recorded the thank, and before it could confirm the update."""
    serve = bots.telegram_bot.app.serve
    dying = asyncio.create_task(stage.served(serve, Supervisor(asyncio.Event())))

    async def polls() -> bool:
        return bool(stage.telegram.world()["bot_polls"])

    await until(polls, what="the bot polls")
    words = stage.telegram.say(GROUP, CLARA, "hello")
    await stage.tell_telegram(ALICE, "/help")
    await until(polls, what="the bot polls again")
    stage.faults.add(Fault("telegram", "getUpdates", 429, retry_after=20))
    stage.telegram.say(GROUP, ALICE, "/thanks", reply_to=words)
    await stage.transcript.wait_for(lambda call: call.status == 429, timeout=10)
    dying.cancel()
    await asyncio.wait([dying])
    assert await reputation(stage, CLARA) == 1
    after = stage.transcript.last
    async with stage.telegram_bot():
        again = await stage.seen("sendMessage", after=after)

    assert again.request["text"] == "Thanks noted. Reputation of <b>Clara</b>: 1. +5 XP"
    assert await reputation(stage, CLARA) == 1
    assert await thank_xp(stage, CLARA) == 5


async def test_a_quiet_bot_answers_no_word_and_the_command_in_private(stage):
    with_thanks(stage, quiet=True)
    async with stage.telegram_bot():
        words = stage.telegram.say(GROUP, CLARA, "hello")
        stage.telegram.say(GROUP, BORIS, "+", reply_to=words)
        await has_reputation(stage, CLARA, 1)
        after = stage.transcript.last
        stage.telegram.say(GROUP, ALICE, "/thanks", reply_to=words)
        sent = await stage.seen("sendMessage", after=after)

    assert sent.request["ephemeral_message_parameters"]["receiver_user_id"] == ALICE
    assert sent.request["text"].startswith("Thanks noted. Reputation of <b>Clara</b>: 2.")
    assert len(stage.transcript.calls(name="sendMessage")) == 1


async def test_the_excluded_neither_give_nor_get_thanks_on_telegram(stage):
    excluding(stage, telegram=(CLARA,), places=(PlaceSetting(telegram_topic=1),))
    async with stage.telegram_bot():
        hers = stage.telegram.say(GROUP, CLARA, "hello")
        his = stage.telegram.say(GROUP, BORIS, "hello")
        asked = [
            await answer_on_telegram(stage, ALICE, "/thanks", reply_to=hers),
            await answer_on_telegram(stage, CLARA, "/thanks", reply_to=his),
        ]
        stage.telegram.say(GROUP, ALICE, "thanks", reply_to=his)  # a word, in an excluded place
        counted = await answer_on_telegram(stage, ALICE, "/thanks", reply_to=his)

    assert asked == ["This does not count: the settings exclude you or this member."] * 2
    assert counted.startswith("Thanks noted.")  # so the word before it did not count
    assert (await reputation(stage, CLARA), await reputation(stage, BORIS)) == (0, 1)


async def test_holders_of_an_excluded_role_neither_give_nor_get_thanks(stage):
    excluding(stage, roles=(NEWCOMER,))
    stage.discord.administration.give_role(DISCORD_CLARA, NEWCOMER)
    async with stage.discord_bot():
        asked = [
            await stage.tell_discord(DISCORD_ALICE, "thanks", member=DISCORD_CLARA),
            await stage.tell_discord(DISCORD_CLARA, "thanks", member=DISCORD_ALICE),
        ]

    assert asked == ["This does not count: the settings exclude you or this member."] * 2


async def test_where_thanks_are_off_there_is_no_command(stage):
    with_thanks(stage, enabled=False)
    async with stage.telegram_bot():
        words = stage.telegram.say(GROUP, CLARA, "hello")
        stage.telegram.say(GROUP, ALICE, "thanks", reply_to=words)
        listed = await stage.tell_telegram(ALICE, "/help")

    assert "/thanks" not in listed
    assert await reputation(stage, CLARA) == 0


async def test_a_member_is_named_on_discord(stage):
    async with stage.discord_bot():
        first = await stage.tell_discord(DISCORD_ALICE, "thanks", member=DISCORD_CLARA)
        russian = await stage.tell_discord(DISCORD_BORIS, "thanks", member=DISCORD_CLARA)
        again = await stage.tell_discord(DISCORD_ALICE, "thanks", member=DISCORD_CLARA)
        oneself = await stage.tell_discord(DISCORD_ALICE, "thanks", member=DISCORD_ALICE)
        nobody = await stage.tell_discord(DISCORD_ALICE, "thanks")
        bot = await stage.tell_discord(DISCORD_ALICE, "thanks", member=BOT)

    assert first == "Thanks noted. Reputation of **Clara**: 1. +5 XP"
    assert russian == "Благодарность засчитана. Репутация **Clara**: 2. +5 очков опыта"
    assert again.startswith("You have thanked **Clara** today already.")
    assert oneself == nobody == "Name another member to thank, as in /thanks member."
    assert bot == "Bots collect no reputation."
    assert await reputation(stage, DISCORD_CLARA) == 2
    assert await thank_xp(stage, DISCORD_CLARA) == 10


async def test_a_word_thanks_on_discord_where_the_bot_may_read(stage):
    reading(stage)
    async with stage.discord_bot():
        words = stage.discord.say(CHANNEL, DISCORD_CLARA, "Turn it off and on again")
        stage.discord.say(CHANNEL, DISCORD_ALICE, "no thanks", reply_to=words)
        stage.discord.say(CHANNEL, DISCORD_ALICE, "Thanks a lot!", reply_to=words)
        sent = await stage.seen(REPLY)
        await has_reputation(stage, DISCORD_CLARA, 1)
        stage.discord.say(CHANNEL, DISCORD_ALICE, "thanks again", reply_to=words)
        stage.discord.say(CHANNEL, DISCORD_CLARA, "thanks", reply_to=words)
        stage.discord.say(CHANNEL, DISCORD_BORIS, "спасибо", reply_to=words)
        await has_reputation(stage, DISCORD_CLARA, 2)

    assert sent.request["body"]["content"] == "Thanks noted. Reputation of **Clara**: 1. +5 XP"
    assert sent.request["body"]["message_reference"]["message_id"] is not None
    assert sent.request["body"]["allowed_mentions"]["parse"] == []


async def test_without_the_content_intent_words_are_not_asked_for(stage):
    async with stage.discord_bot():
        [identify] = stage.transcript.calls(name="gateway IDENTIFY")

    intents = Intent(identify.request["intents"])
    assert Intent.MESSAGE_CONTENT not in intents
    assert Intent.GUILD_VOICE_STATES in intents
    assert Intent.GUILD_MESSAGE_REACTIONS in intents
