"""Invitations through the real Telegram bot: by a member who adds, by an administrator's link."""

import dataclasses
import re

import msgspec
import pytest

from bots.features.invitations import room
from bots.telegram_bot.group import invite_links
from config.community_sections.invites import InviteSetting
from sandbox import Fault, SandboxError
from tests.support.recorded_events import until

ALICE, ADMIN = 1001, 1009
MAKE_LINK = "createChatInviteLink"
FORGET_SECRET = "a secret of the deployment"
SOON = InviteSetting(enabled=True, xp=50, balance=25, stay_hours=0, least_xp=20)


@pytest.fixture
def rewarded(stage, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(room, "PAY_S", 0.05)
    monkeypatch.setattr(invite_links, "REVOKE_S", 0.05)
    stage.community = msgspec.structs.replace(stage.community, invites=SOON)
    return stage


async def noted(stage, count: int) -> list[tuple[int, str]]:
    async def are_there() -> bool:
        found = await stage.pool.fetchval("SELECT count(*) FROM twinstream.invites")
        return bool(found == count)

    await until(are_there, what=f"{count} invitations")
    rows = await stage.pool.fetch(
        "SELECT inviter_id, status FROM twinstream.invites ORDER BY joined_at"
    )
    return [tuple(row) for row in rows]


async def test_who_brings_a_member_along_is_paid_once_that_one_takes_part(rewarded):
    stage = rewarded
    stage.telegram.people.set_bot("administrator")

    async def is_paid() -> bool:
        return bool(await stage.totals("telegram", ALICE) == (50, 25))

    async with stage.telegram_bot():
        await stage.tell_telegram(ALICE, "/help")  # the bot polls
        added = stage.telegram.join(name="Gus", added_by=ALICE)
        by_link = stage.telegram.join(
            name="Lea", invite_link=stage.telegram.people.make_invite_link(ADMIN)
        )
        stage.telegram.join(name="Own")  # by the public name
        assert await noted(stage, 2) == [(ALICE, "waiting"), (ADMIN, "waiting")]
        stage.telegram.leave(by_link)
        await stage.tell_telegram(added, "/daily")
        await until(is_paid, what="the reward")
        why = await stage.tell_telegram(ALICE, "/why", chat_id=ALICE)
        stage.telegram.leave(added)
        stage.telegram.join(added, added_by=ALICE)
        stage.telegram.join(by_link, added_by=ALICE)
        await stage.tell_telegram(by_link, "/daily")

    assert "invited a member: +50 XP, +25 coins" in why
    assert sorted(await noted(stage, 2)) == [(ALICE, "paid"), (ADMIN, "void")]
    assert await stage.totals("telegram", ADMIN) is None


async def own_link(stage) -> str:
    answer = await stage.tell_telegram(ALICE, "/invite", chat_id=ALICE)
    found = re.search(r"<code>(https://t\.me/\S+)</code>", answer)
    assert found is not None, answer
    return found[1]


async def test_a_member_has_one_link_that_says_by_whom_an_account_came(rewarded):
    stage = rewarded
    stage.telegram.people.set_bot("administrator")
    async with stage.telegram_bot():
        link = await own_link(stage)
        stage.telegram.join(name="Gus", invite_link=link)
        assert await noted(stage, 1) == [(ALICE, "waiting")]
    async with stage.telegram_bot():  # after a restart
        assert await own_link(stage) == link
        stage.telegram.join(name="Lea", invite_link=link)
        assert await noted(stage, 2) == [(ALICE, "waiting")] * 2
    assert len(stage.transcript.calls(name=MAKE_LINK)) == 1


@pytest.mark.parametrize("how", ["leaves", "is banned", "is forgotten"])
async def test_the_link_of_a_member_who_goes_lets_nobody_in(rewarded, how):
    stage = rewarded
    stage.telegram.people.set_bot("administrator")
    async with stage.telegram_bot():
        link = await own_link(stage)
        if how == "leaves":
            stage.telegram.leave(ALICE)
        elif how == "is banned":
            stage.telegram.people.kick(ALICE)
        else:
            await stage.pool.execute(
                "SELECT twinstream.forget_person('telegram', $1, $2)", ALICE, FORGET_SECRET
            )

        async def is_revoked() -> bool:
            return not await stage.pool.fetchval("SELECT count(*) FROM twinstream.invite_links")

        await until(is_revoked, what="the link being revoked")
        with pytest.raises(SandboxError, match="cannot be used"):
            stage.telegram.join(name="Gus", invite_link=link)


async def test_a_link_that_the_bot_may_not_revoke_counts_for_nobody(rewarded):
    stage = rewarded
    stage.telegram.people.set_bot("administrator")
    async with stage.telegram_bot():
        link = await own_link(stage)
        stage.telegram.people.set_bot("administrator", rights=frozenset({"can_manage_tags"}))
        stage.telegram.leave(ALICE)

        async def is_refused() -> bool:
            return bool(stage.transcript.calls(name="revokeChatInviteLink"))

        await until(is_refused, what="an attempt to revoke the link")
        stage.telegram.join(name="Gus", invite_link=link)
        added = stage.telegram.join(name="Lea", added_by=ADMIN)
        await stage.tell_telegram(added, "/help")

    assert await noted(stage, 1) == [(ADMIN, "waiting")]


async def test_a_bot_that_may_invite_nobody_says_which_right_it_needs(rewarded):
    stage = rewarded
    stage.telegram.people.set_bot("administrator", rights=frozenset({"can_manage_tags"}))
    async with stage.telegram_bot():
        answer = await stage.tell_telegram(ALICE, "/invite", chat_id=ALICE)

    assert answer.startswith("I cannot make an invite link now")


@pytest.mark.parametrize(
    "fault",
    [
        Fault("telegram", MAKE_LINK, 429, retry_after=600),
        Fault("telegram", MAKE_LINK, 0, when="garbled", page="<html>"),
    ],
    ids=["flood", "unreadable"],
)
async def test_members_who_ask_again_and_again_ask_telegram_once(rewarded, fault):
    stage = rewarded
    stage.telegram.people.set_bot("administrator")
    async with stage.telegram_bot():
        await stage.tell_telegram(ALICE, "/help")  # the bot polls
        stage.faults.add(dataclasses.replace(fault))
        answers = [
            await stage.tell_telegram(asker, "/invite", chat_id=asker) for asker in (ALICE, ADMIN)
        ]

    assert [one.startswith("I cannot make an invite link now") for one in answers] == [True, True]
    assert len(stage.transcript.calls(name=MAKE_LINK)) == 1


async def test_by_default_nothing_is_noted(stage):
    stage.telegram.people.set_bot("administrator")
    async with stage.telegram_bot():
        await stage.tell_telegram(ALICE, "/help")
        added = stage.telegram.join(name="Gus", added_by=ALICE)
        await stage.tell_telegram(added, "/daily")

    assert await noted(stage, 0) == []
