"""/daily on both bots, through real clients: once per person and day, in their own language."""

import asyncio

import msgspec

from db.links import links
from db.upkeep.audit import audit
from sandbox import Fault
from tests.support import processes
from tests.support.processes import BARE_ENVIRONMENT
from tests.support.recorded_events import until

GROUP = -1001000000001
ALICE, BORIS = 1001, 1002
DISCORD_ALICE, DISCORD_BORIS = 800000000000000101, 800000000000000102
FIRST_DAY = "Your reward for today: +20 XP, +10 coins\n1 day in a row.\n"
COUNTED = "You have had today's reward already"


async def test_a_day_is_paid_once_on_both_platforms_together(stage):
    async with stage.pool.acquire() as conn, conn.transaction():
        await links.link(conn, telegram_account_id=ALICE, discord_account_id=DISCORD_ALICE)
    async with stage.telegram_bot(), stage.discord_bot():
        paid = await stage.tell_telegram(ALICE, "/daily")
        there = await stage.tell_discord(DISCORD_ALICE, "daily")
        again = await stage.tell_telegram(ALICE, "/bonus", chat_id=ALICE)
        why = await stage.tell_telegram(ALICE, "/why", chat_id=ALICE)

    assert paid.startswith(FIRST_DAY + "Each further day in a row adds to it: +2 XP, +1 coin")
    assert "The next one: in " in paid
    assert there.startswith(f"{COUNTED}, on Telegram: +20 XP, +10 coins\n1 day in a row.")
    assert ":R>." in there
    assert again.startswith(f"{COUNTED}: +20 XP")
    assert "Telegram · daily reward: +20 XP, +10 coins (20 XP, 10 coins in all)" in why
    assert await stage.totals("telegram", ALICE) == (20, 10)


async def test_members_read_it_in_russian(stage):
    async with stage.telegram_bot(), stage.discord_bot():
        paid = await stage.tell_telegram(BORIS, "/ежедневно")
        why = await stage.tell_telegram(BORIS, "/why", chat_id=BORIS)
        there = await stage.tell_discord(DISCORD_BORIS, "daily")

    assert paid.startswith("Ваша награда за сегодня: +20 очков опыта, +10 монет\n1 день подряд.\n")
    assert "ежедневная награда: +20" in why
    assert there.startswith("Ваша награда за сегодня: +20 очков опыта, +10 монет\n")
    assert "Следующая награда: <t:" in there


async def test_strangers_and_muted_members_get_nothing(stage):
    async with stage.telegram_bot():
        stage.telegram.people.mute(BORIS)
        muted = await stage.tell_telegram(BORIS, "/daily", chat_id=BORIS)
        stage.telegram.people.leave(ALICE)
        stranger = await stage.tell_telegram(ALICE, "/daily", chat_id=ALICE)

    assert "группе" in muted
    assert stranger.startswith("I answer members of our Telegram group only")
    assert await stage.totals("telegram", BORIS) is None


async def test_while_postgres_is_away_nothing_is_lost(stage):
    async with stage.telegram_bot(), stage.discord_bot():
        await stage.tell_telegram(ALICE, "/profile")
        await stage.gate.shut()
        away = [
            await stage.tell_telegram(ALICE, "/daily"),
            await stage.tell_discord(DISCORD_ALICE, "daily"),
        ]
        await stage.gate.open()
        paid = [
            await stage.tell_telegram(ALICE, "/daily"),
            await stage.tell_discord(DISCORD_ALICE, "daily"),
        ]

    assert all("cannot reach my records" in answer for answer in away)
    assert all(answer.startswith(FIRST_DAY) for answer in paid)


async def test_a_bot_that_dies_between_the_claim_and_its_answer_says_later_that_it_counted(
    stage, checkout
):
    async def claimed() -> bool:
        return bool(await stage.pool.fetchval("SELECT count(*) FROM twinstream.daily_claims"))

    stage.faults.add(Fault("telegram", "sendMessage", 500, times=1_000))
    config = checkout / "sandbox" / "twinstream.toml"
    values = msgspec.to_builtins(stage.settings) | {"twinstream_config": str(config)}
    process = await processes.start(
        "bots.telegram_bot",
        environ=BARE_ENVIRONMENT
        | {name.upper(): str(value) for name, value in values.items() if value is not None},
        stderr=asyncio.subprocess.DEVNULL,
    )
    stage.telegram.say(GROUP, ALICE, "/daily")
    await until(claimed, what="the claim")
    process.kill()
    await process.wait()
    while stage.faults.take("telegram", "sendMessage") is not None:
        pass

    async with stage.telegram_bot():
        answer = await stage.tell_telegram(ALICE, "/daily")

    assert answer.startswith(f"{COUNTED}: +20 XP, +10 coins\n1 day in a row.")
    assert await stage.totals("telegram", ALICE) == (20, 10)
    async with stage.pool.acquire() as conn:
        found = await audit(conn, {})
    assert [one for check in found.checks for one in check.examples] == []
