"""/reward on both bots, through real clients: for administrators, to members who are here."""

import pytest

from sandbox.errors import SandboxError

GROUP = -1001000000001
CREATOR, ALICE, BORIS, ADMIN = 1000, 1001, 1002, 1009
OWNER, DISCORD_ALICE, DISCORD_BORIS = (
    800000000000000100,
    800000000000000101,
    800000000000000102,
)
REFUSED = "Only administrators can give rewards."


async def replied(stage, asker: int, text: str, to: int) -> str:
    """Send a command as a reply to a message of another one, and return the bot's answer."""
    words = stage.telegram.say(GROUP, to, "hi")
    after = stage.transcript.last
    stage.telegram.say(GROUP, asker, text, reply_to=words)
    return (await stage.seen("sendMessage", after=after)).request["text"]


async def test_an_administrator_rewards_by_replying_and_the_member_reads_why(stage):
    async with stage.telegram_bot():
        given = await replied(stage, ADMIN, "/reward 50 xp 10 coins for the <quiz>", ALICE)
        own = await stage.tell_telegram(ALICE, "/why", chat_id=ALICE)
        asked = await stage.tell_telegram(ADMIN, f"/why {ALICE}", chat_id=ADMIN)

    assert given.startswith("<b>Alice</b>: +50 XP, +10 coins. Reason: ")
    assert "&lt;quiz&gt;" in given
    assert "reward by an administrator (" in own
    assert "quiz&gt;" in own
    assert str(ADMIN) not in own
    assert f"reward by an administrator <code>{ADMIN}</code> (" in asked
    assert await stage.totals("telegram", ALICE) == (50, 10)


async def test_it_works_by_number_in_russian_and_takes_to_zero_only(stage):
    async with stage.telegram_bot():
        given = await stage.tell_telegram(
            ADMIN, f"/наградить {BORIS} 5 монет за помощь", chat_id=ADMIN
        )
        taken = await stage.tell_telegram(ADMIN, f"/reward #{BORIS} -6 coins spam", chat_id=ADMIN)
        own = await stage.tell_telegram(BORIS, "/why", chat_id=BORIS)

    assert given == "<b>Boris</b>: +5 coins. Reason: за помощь"
    assert taken == "Nothing was taken: <b>Boris</b> has 0 XP and 5 coins."
    assert "награда от администратора (за помощь): +5 монет" in own
    assert await stage.totals("telegram", BORIS) == (0, 5)


async def test_members_are_refused_and_telegram_is_not_asked_about_anybody(stage):
    async with stage.telegram_bot():
        by_reply = await replied(stage, ALICE, "/reward 50 xp please", BORIS)
        looked_up = [
            call.request["user_id"] for call in stage.transcript.calls(name="getChatMember")
        ]

    assert by_reply.startswith(REFUSED)
    assert BORIS not in [int(one) for one in looked_up]
    assert await stage.totals("telegram", BORIS) is None


async def test_bots_strangers_and_the_unclear_get_nothing(stage):
    async with stage.telegram_bot():
        stage.telegram.people.leave(BORIS)
        gone = await stage.tell_telegram(ADMIN, f"/reward {BORIS} 5 xp thanks", chat_id=ADMIN)
        stranger = await stage.tell_telegram(ADMIN, "/reward 77 5 xp thanks", chat_id=ADMIN)
        unclear = await stage.tell_telegram(ADMIN, "/reward @alice 5 xp thanks", chat_id=ADMIN)
        no_reason = await stage.tell_telegram(ADMIN, f"/reward {ALICE} 5 xp", chat_id=ADMIN)
        unknown = await stage.tell_telegram(
            ADMIN, f"/reward {ALICE} achievement oops for it", chat_id=ADMIN
        )
        themselves = await stage.tell_telegram(ADMIN, f"/reward {ADMIN} 5 xp me", chat_id=ADMIN)

    assert gone == "<b>Boris</b> is not a member here at the moment, so nothing was given."
    assert stranger.startswith("<code>77</code> is not a member here")
    assert unclear.startswith("Reply with this to a message of the member")
    assert no_reason == unclear
    assert unknown == (
        "There is no achievement <code>oops</code>. There are: <code>lucky_guess</code>"
    )
    assert themselves == "You cannot reward yourself."
    assert await stage.pool.fetchval("SELECT count(*) FROM twinstream.rewards") == 0


async def test_an_answer_of_the_bot_is_no_member(stage):
    async with stage.telegram_bot():
        await stage.tell_telegram(ALICE, "/profile")
        [answer] = [
            one for one in stage.telegram.messages(GROUP) if one["from"].get("is_bot", False)
        ]
        after = stage.transcript.last
        stage.telegram.say(GROUP, ADMIN, "/reward 50 xp for you", reply_to=answer["message_id"])
        said = (await stage.seen("sendMessage", after=after)).request["text"]

    assert said.endswith("is a bot, and bots get no rewards.")


async def test_on_discord_an_administrator_fills_in_the_options(stage):
    async with stage.discord_bot():
        given = await stage.tell_discord(
            OWNER,
            "reward",
            member=DISCORD_ALICE,
            xp=50,
            achievement="lucky_guess",
            reason="for the *quiz*",
        )
        incomplete = await stage.tell_discord(OWNER, "reward", member=DISCORD_ALICE, xp=50)
        why = await stage.tell_discord(DISCORD_ALICE, "why")

    assert given == ("**Alice**: +50 XP, achievement “Lucky guess”. Reason: for the \\*quiz\\*")
    assert incomplete.startswith("Please name a member, an amount or an achievement")
    assert "reward by an administrator (for the \\*quiz\\*): +50 XP" in why
    assert "Achievement unlocked: Lucky guess" in why
    assert await stage.totals("discord", DISCORD_ALICE) == (50, 0)


async def test_on_discord_members_are_refused(stage):
    async with stage.discord_bot():
        # Discord asks for the right to manage the server, as the bot does.
        with pytest.raises(SandboxError, match="may not use /reward"):
            await stage.tell_discord(
                DISCORD_ALICE, "reward", member=DISCORD_BORIS, xp=50, reason="please"
            )

    assert await stage.totals("discord", DISCORD_BORIS) is None
