"""Ends of links on both bots, through real clients: asked once, told once, undone, and /links."""

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

import bots.features.administration.room
import bots.features.notices.notifier
from bots.features.notices.notifier import Notifier
from db.links import links
from sandbox import Call
from sandbox.errors import SandboxError
from tests.support.patience import PATIENCE_S
from tests.support.recorded_events import record, settle, until_someone_waits_for_a_lock, xp

GROUP, CHANNEL = -1001000000001, 900000000000000010
ALICE, BORIS, ADMIN = 1001, 1002, 1009
OWNER, DISCORD_ALICE = 800000000000000100, 800000000000000101
EDIT = "PATCH /webhooks/{webhook_id}/{webhook_token}/messages/{message_id}"
FOLLOWUP = "POST /webhooks/{webhook_id}/{webhook_token}"
MESSAGES = "POST /channels/{channel_id}/messages"
EPHEMERAL = 64


@pytest.fixture(autouse=True)
def prompt_notices(monkeypatch):
    monkeypatch.setattr(bots.features.notices.notifier, "INTERVAL_S", 0.02)


async def earn(stage) -> None:
    """Alice has 20 XP on Telegram and 15 on Discord."""
    for one in (xp(20, user_id=ALICE), xp(15, user_id=DISCORD_ALICE, source="discord")):
        source = one.event.source
        await record(stage.pool, one, source=source)
        await settle(stage.pool, one, source=source)


async def link(stage) -> None:
    """Link Alice's accounts as the owner does, so that both wait to be told."""
    async with stage.pool.acquire() as conn, conn.transaction():
        await links.link(conn, telegram_account_id=ALICE, discord_account_id=DISCORD_ALICE)


async def linked(stage) -> None:
    """Link Alice's accounts, and forget that both wait to be told."""
    await earn(stage)
    await link(stage)
    await stage.pool.execute("DELETE FROM notices")


async def asked(stage, command: str) -> dict[str, Any]:
    """Send a command on Telegram in private; return the message that answers it."""
    after = stage.transcript.last
    stage.telegram.say(ALICE, ALICE, command)
    return (await stage.seen("sendMessage", after=after)).response["result"]


async def pressed(stage, message: dict[str, Any], row: int) -> str:
    """Press a button on Telegram; return the text that replaces the message."""
    data = message["reply_markup"]["inline_keyboard"][row][0]["callback_data"]
    after = stage.transcript.last
    stage.telegram.click(ALICE, message["message_id"], ALICE, data)
    return (await stage.seen("editMessageText", after=after)).request["text"]


async def told_on_telegram(stage, text: str, after: int = 0) -> Call:
    return await stage.transcript.wait_for(
        lambda call: call.name == "sendMessage" and text in call.request["text"],
        timeout=PATIENCE_S,
        after=after,
    )


async def until_no_notice_is_left(stage) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while await stage.pool.fetchval("SELECT count(*) FROM notices"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def until_refused(stage) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await stage.pool.fetchval(  # noqa: ASYNC110
            "SELECT count(*) FROM notices WHERE refused_at IS NOT NULL"
        ):
            await asyncio.sleep(0.01)


async def test_unlink_asks_once_and_the_other_account_can_undo_it(stage):
    await linked(stage)
    async with stage.telegram_bot(), stage.discord_bot():
        message = await asked(stage, "/unlink")
        assert await stage.totals("discord", DISCORD_ALICE) == (35, 0)
        after = stage.transcript.last
        done = await pressed(stage, message, 0)
        notice = await stage.seen(MESSAGES, after=after)
        assert await stage.totals("telegram", ALICE) == (35, 0)
        assert await stage.totals("discord", DISCORD_ALICE) == (0, 0)
        after = stage.transcript.last
        body = notice.response
        custom_id = body["components"][0]["components"][0]["custom_id"]
        stage.discord.click(int(body["channel_id"]), int(body["id"]), DISCORD_ALICE, custom_id)
        undone = await stage.seen(EDIT, after=after)
        await told_on_telegram(stage, "was undone: each account has again", after)
        await until_no_notice_is_left(stage)

    assert "XP and balance stay with the Telegram account" in message["text"]
    assert "For 24 h you cannot link" in message["text"]
    assert "no longer linked with" in done
    assert "was unlinked from" in notice.request["body"]["content"]
    assert "is undone" in undone.request["body"]["content"]
    assert len(stage.transcript.calls(name=MESSAGES)) == 1
    assert await stage.totals("telegram", ALICE) == (20, 0)
    assert await stage.totals("discord", DISCORD_ALICE) == (15, 0)


async def test_a_member_is_told_although_the_duty_that_tells_died_once(stage, monkeypatch):
    faults = {"telegram", "discord"}
    step = Notifier.step

    async def dying(self: Notifier) -> int:
        platform = self._database.platform
        if platform in faults:
            faults.remove(platform)
            raise RuntimeError("a fault of ours")
        return await step(self)

    monkeypatch.setattr(Notifier, "step", dying)
    await earn(stage)
    await link(stage)
    with capture_logs() as logs:
        async with stage.telegram_bot(), stage.discord_bot():
            await stage.seen(MESSAGES)
            await until_refused(stage)  # she has not written to the bot of Telegram yet

    assert [line["duty"] for line in logs if line["event"] == "duty.failed"] == ["notices"] * 2


async def test_whoever_leaves_it_as_it_is_changes_nothing(stage):
    await linked(stage)
    async with stage.telegram_bot():
        message = await asked(stage, "/unlink")
        assert await pressed(stage, message, 2) == "Nothing was changed."

    assert await stage.pool.fetchval("SELECT count(*) FROM link_acts") == 1


async def test_a_member_who_left_the_group_can_still_press_undo(stage):
    await linked(stage)
    async with stage.telegram_bot():
        message = await asked(stage, "/undo")
        stage.telegram.leave(ALICE)
        refused = await asked(stage, "/undo")
        undone = await pressed(stage, message, 0)

    assert "please join it first" in refused["text"]
    assert "is undone" in undone
    assert await stage.totals("telegram", ALICE) == (20, 0)


async def test_undo_gives_each_account_back_what_it_had(stage):
    await linked(stage)
    async with stage.telegram_bot():
        message = await asked(stage, "/undo")
        assert "is undone" in await pressed(stage, message, 0)
        assert "no link of your account that can be undone" in (await asked(stage, "/undo"))["text"]

    assert await stage.totals("telegram", ALICE) == (20, 0)


async def test_link_says_with_whom_a_member_is_linked(stage):
    await linked(stage)
    async with stage.telegram_bot(), stage.discord_bot():
        await stage.tell_telegram(ALICE, "/profile", chat_id=ALICE)
        there = await stage.tell_discord(DISCORD_ALICE, "link")
        here = (await asked(stage, "/link"))["text"]

    assert there.startswith("Your account is linked with **Alice** on Telegram, since")
    assert "send /unlink" in there
    assert "send /undo" in there
    assert here.startswith("Your account is linked with Alice on Discord, since")
    assert await stage.pool.fetchval("SELECT count(*) FROM link_offers") == 0


async def test_a_group_is_not_told_with_whom_a_member_is_linked(stage):
    await linked(stage)
    async with stage.telegram_bot():
        assert "in private" in await stage.tell_telegram(ALICE, "/unlink")


async def test_a_member_who_takes_no_direct_messages_is_told_once_at_the_next_command(stage):
    stage.discord.administration.refuse_direct_messages(DISCORD_ALICE)
    await linked(stage)
    async with stage.telegram_bot(), stage.discord_bot():
        await pressed(stage, await asked(stage, "/unlink"), 0)
        await until_refused(stage)
        after = stage.transcript.last
        await stage.tell_discord(DISCORD_ALICE, "top")
        shown = await stage.transcript.wait_for(
            lambda call: (
                call.name == FOLLOWUP and "was unlinked from" in call.request["body"]["content"]
            ),
            timeout=PATIENCE_S,
            after=after,
        )
        await until_no_notice_is_left(stage)
        after = stage.transcript.last
        await stage.tell_discord(DISCORD_ALICE, "top")
        await stage.tell_discord(DISCORD_ALICE, "profile")

    assert shown.request["body"]["flags"] & EPHEMERAL
    assert "components" in shown.request["body"]
    again = stage.transcript.calls(name=FOLLOWUP, after=after)
    assert not [call for call in again if "unlinked" in str(call.response)]


@pytest.mark.parametrize("chat_id", [ALICE, GROUP])
async def test_a_member_who_blocked_the_bot_is_told_once_at_the_next_command(stage, chat_id):
    stage.telegram.people.block(ALICE)
    await earn(stage)
    await link(stage)
    async with stage.telegram_bot():
        await until_refused(stage)
        stage.telegram.people.block(ALICE, blocked=False)
        after = stage.transcript.last
        stage.telegram.say(chat_id, ALICE, "/top")
        told = await told_on_telegram(stage, "has linked your account with", after)
        async with asyncio.timeout(PATIENCE_S):
            while await stage.pool.fetchval(  # noqa: ASYNC110
                "SELECT count(*) FROM notices WHERE platform = 'telegram'"
            ):
                await asyncio.sleep(0.01)
        stage.telegram.say(chat_id, ALICE, "/top")
        stage.telegram.say(ALICE, ALICE, "/help")
        await told_on_telegram(stage, "What I can do", after)

    assert told.request["chat_id"] == chat_id
    if chat_id == GROUP:
        assert told.request["ephemeral_message_parameters"]["receiver_user_id"] == ALICE
    sent = stage.transcript.calls(name="sendMessage", after=after)
    assert len([call for call in sent if "has linked" in call.request["text"]]) == 1


async def test_administrators_see_and_change_links_in_the_chat(stage):
    await linked(stage)
    async with stage.telegram_bot(), stage.discord_bot():
        seen = await stage.tell_telegram(ADMIN, f"/links see {ALICE}", chat_id=ADMIN)
        unreasoned = await stage.tell_telegram(ADMIN, f"/links undo {ALICE}", chat_id=ADMIN)
        undone = await stage.tell_telegram(ADMIN, f"/links undo {ALICE} mistake", chat_id=ADMIN)
        there = await stage.tell_discord(
            OWNER, "links", words=f"link <@{DISCORD_ALICE}> {ALICE} asked for it"
        )
        forbidden = await stage.tell_discord(OWNER, "links", words=f"forbid {DISCORD_ALICE} spam")
        acts = await stage.tell_discord(OWNER, "links", words="acts")
        after = stage.transcript.last
        stage.telegram.say(ALICE, ALICE, "/why")
        why = await told_on_telegram(stage, "by an administrator: mistake", after)

    assert f"is linked with <code>{DISCORD_ALICE}</code>" in seen
    assert "here 20 XP" in seen
    assert unreasoned.startswith("Please add a reason.")
    assert undone.startswith("Done: the link is undone")
    assert there.startswith("Done: the two accounts are one member now")
    assert forbidden.startswith("Done: this account may not link any more")
    assert acts.count(f"`{OWNER}`") == 2
    assert "asked for it" in acts
    assert str(ADMIN) not in why.request["text"]
    assert "may not link accounts (by an administrator: spam)" in why.request["text"]


async def test_a_deadlock_costs_the_member_a_moment(stage):
    """Postgres ends the transaction of the bot, which tries once more."""
    await linked(stage)
    async with stage.telegram_bot():
        message = await asked(stage, "/unlink")
        async with stage.pool.acquire() as conn, conn.transaction():
            await conn.execute("SELECT FROM links FOR UPDATE")
            pressing = asyncio.create_task(pressed(stage, message, 0))
            await until_someone_waits_for_a_lock(stage.pool)
            async with asyncio.timeout(PATIENCE_S):
                await conn.execute("SELECT FROM accounts ORDER BY platform FOR UPDATE")
        done = await pressing

    assert "no longer linked with" in done
    assert await stage.pool.fetchval("SELECT count(*) FROM link_acts") == 2


async def test_administrators_see_who_earns_on_one_side_only(stage, monkeypatch):
    monkeypatch.setattr(bots.features.administration.room, "PAGE_MEMBERS", 2)
    await linked(stage)
    for number in (1, 2, 3):
        one = xp(number, user_id=5000 + number)
        await record(stage.pool, one)
        await settle(stage.pool, one)
    async with stage.telegram_bot():
        first = await stage.tell_telegram(ADMIN, "/links one-sided", chat_id=ADMIN)
        second = await stage.tell_telegram(ADMIN, "/links one-sided 2", chat_id=ADMIN)
        third = await stage.tell_telegram(ADMIN, "/links one-sided 3", chat_id=ADMIN)
        refused = await stage.tell_telegram(BORIS, "/links one-sided", chat_id=BORIS)

    assert first.splitlines() == [
        "Members who earn here only, most XP first:",
        "1. (name unknown) (<code>5003</code>): 3 XP, 0 coins",
        "2. (name unknown) (<code>5002</code>): 2 XP, 0 coins",
        "More of them: <code>/links one-sided 2</code>",
    ]
    assert second.splitlines()[1:] == ["3. (name unknown) (<code>5001</code>): 1 XP, 0 coins"]
    assert third == "There is nobody here who earns on this side only."
    assert refused.startswith("Это могут только администраторы.")


async def test_an_ambiguous_reply_of_an_administrator_changes_nothing(stage):
    await linked(stage)
    async with stage.telegram_bot():
        quoted = stage.telegram.say(GROUP, ALICE, "hello")
        after = stage.transcript.last
        stage.telegram.say(GROUP, ADMIN, f"/links forbid {BORIS} spam", reply_to=quoted)
        unclear = await stage.seen("sendMessage", after=after)
        after = stage.transcript.last
        stage.telegram.say(GROUP, ADMIN, "/links forbid 3 strikes", reply_to=quoted)
        done = await stage.seen("sendMessage", after=after)

    assert unclear.request["text"].startswith("You replied to one member and named another one.")
    assert done.request["text"].startswith("Done: this account may not link any more.")
    [act] = await stage.pool.fetch("SELECT * FROM link_acts WHERE operation = 'forbid'")
    assert (act["telegram_account_id"], act["reason"]) == (ALICE, "3 strikes")


async def test_members_who_are_no_administrators_change_nothing(stage):
    await linked(stage)
    async with stage.telegram_bot(), stage.discord_bot():
        here = await stage.tell_telegram(BORIS, f"/links undo {ALICE} x", chat_id=BORIS)
        # Discord asks for the right to manage the server, as the bot does.
        with pytest.raises(SandboxError, match="may not use /links"):
            await stage.tell_discord(DISCORD_ALICE, "links", words=f"undo {DISCORD_ALICE} x")
        [published] = stage.transcript.calls(
            name="PUT /applications/{application_id}/guilds/{guild_id}/commands"
        )

    assert here.startswith("Это могут только администраторы.")
    assert await stage.pool.fetchval("SELECT count(*) FROM link_acts") == 1
    rights = {
        one["name"]: one.get("default_member_permissions") for one in published.request["body"]
    }
    assert int(rights["links"]) == 1 << 5
    assert rights["link"] is None


async def test_an_administrator_names_a_member_by_a_reply(stage):
    await linked(stage)
    async with stage.telegram_bot():
        quoted = stage.telegram.say(GROUP, ALICE, "hello")
        after = stage.transcript.last
        stage.telegram.say(GROUP, ADMIN, "/links see", reply_to=quoted)
        call = await stage.seen("sendMessage", after=after)

    assert f"<code>{ALICE}</code> is linked with" in call.request["text"]
    assert call.request["ephemeral_message_parameters"]["receiver_user_id"] == ADMIN
