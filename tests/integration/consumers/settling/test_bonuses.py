"""The bonus of an achievement: once per member, on whichever platform it was unlocked."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import msgspec
import pytest

import schemas
from config import AchievementSetting, Community
from consumers.relay.role import Relay
from consumers.runtime.resources import Resources
from consumers.settling.bonuses import Bonuses
from consumers.settling.held_members import HeldMembers
from consumers.settling.role import Settling, open_role
from db.ledger import events
from db.ledger.envelopes import Envelope
from db.links import links
from tests.support.linking import issue_code, redeem_code
from tests.support.recorded_events import until_someone_waits_for_a_lock
from tests.support.settling import NOON, Desk, edited, until

TELEGRAM_ALICE, DISCORD_ALICE = 1001, 800000000000000101
LUCKY = AchievementSetting(name="lucky_guess", title="Lucky", bonus_xp=50, bonus_balance=7)


@pytest.fixture
def community(community: Community) -> Community:
    return msgspec.structs.replace(community, achievements=(LUCKY,))


@pytest.fixture
async def to_discord(resources: Resources) -> AsyncIterator[Settling]:
    async with open_role(resources, source="telegram") as role:
        yield role


@pytest.fixture
async def to_telegram(resources: Resources) -> AsyncIterator[Settling]:
    async with open_role(resources, source="discord") as role:
        yield role


@pytest.fixture
async def relay(resources: Resources) -> Relay:
    """The role that publishes bonuses."""
    return Relay(resources)


def unlocked(source="telegram", user_id=TELEGRAM_ALICE, achievement="lucky_guess", **more) -> bytes:
    """An achievement as a foreign program would add it to the stream."""
    return schemas.encode(
        schemas.achievement_unlocked(
            user_id=user_id, achievement=achievement, source=source, occurred_at=NOON, **more
        )
    )


async def books(desk: Desk, account_id=TELEGRAM_ALICE, on="telegram") -> dict:
    """XP and balance of a member, by platform and as settled totals."""
    rows = await desk.pool.fetch(
        """
        SELECT s.platform, s.xp, s.balance FROM sync_state AS s JOIN accounts AS a USING (member_id)
        WHERE a.platform = $2 AND a.account_id = $1
        UNION ALL
        SELECT 'settled', m.xp, m.balance FROM members AS m JOIN accounts AS a ON a.member_id = m.id
        WHERE a.platform = $2 AND a.account_id = $1
        """,
        account_id,
        on,
    )
    return {platform: (xp, balance) for platform, xp, balance in rows}


async def settle_all(desk: Desk, *roles: Settling | Relay) -> None:
    async def done() -> bool:
        for role in roles:
            await role.step()
        return set(await desk.statuses()) == {"completed"}

    await until(done, what="everything is settled")


async def link(desk: Desk) -> None:
    async with desk.pool.acquire() as conn:
        code = await issue_code(conn, "telegram", TELEGRAM_ALICE)
        await redeem_code(conn, "discord", DISCORD_ALICE, code)


ONCE = {"telegram": (50, 7), "discord": (50, 7), "settled": (50, 7)}


async def test_a_member_who_unlocks_an_achievement_gets_its_bonus_on_both_platforms(
    to_discord, relay, desk, producer
):
    await producer.create_achievement_event(
        user_id=TELEGRAM_ALICE, achievement="lucky_guess", source="telegram"
    )

    await settle_all(desk, relay, to_discord)

    assert await books(desk) == ONCE
    keys = await desk.pool.fetch("SELECT idempotency_key FROM sync_events ORDER BY 1")
    assert [key for (key,) in keys] == [
        "tg_achievement.lucky_guess_1001",
        "tg_achievement_bonus.balance_1001_lucky_guess",
        "tg_achievement_bonus_1001_lucky_guess",
    ]


async def test_a_bonus_is_recorded_and_the_relay_publishes_it_at_once(
    to_discord, relay, desk, producer
):
    await producer.create_achievement_event(
        user_id=TELEGRAM_ALICE, achievement="lucky_guess", source="telegram"
    )

    await to_discord.step()
    assert await desk.stream_length("telegram") == 1
    await relay.step()

    assert await desk.stream_length("telegram") == 3


async def test_an_achievement_of_a_foreign_program_brings_its_bonus_too(to_discord, relay, desk):
    await desk.add("telegram", unlocked())

    await settle_all(desk, relay, to_discord)

    assert await books(desk) == ONCE


async def test_however_often_an_achievement_is_delivered_its_bonus_counts_once(
    to_discord, relay, desk
):
    await desk.add("telegram", unlocked(), unlocked())
    await settle_all(desk, relay, to_discord)
    await desk.add("telegram", unlocked())
    await desk.add("telegram", unlocked(entity_id="another-cause"))

    await to_discord.step()
    await settle_all(desk, relay, to_discord)

    assert await books(desk) == ONCE


async def test_a_crash_between_the_bonus_and_the_achievement_gives_it_once(
    resources, relay, desk, monkeypatch
):
    await desk.add("telegram", unlocked())

    async def crash(*_: object, **__: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patched:
        patched.setattr(events, "settle", crash)
        patched.setattr(events, "settle_recorded", crash)
        async with open_role(resources, source="telegram") as role:
            with pytest.raises(asyncio.CancelledError):
                await role.step()
    assert (await books(desk))["settled"] == (50, 7)

    async with open_role(resources, source="telegram") as role:
        await settle_all(desk, relay, role)

    assert await books(desk) == ONCE


async def test_a_linked_member_who_unlocks_it_on_both_platforms_at_once_has_one_bonus(
    to_discord, to_telegram, relay, desk
):
    await link(desk)
    await desk.add("telegram", unlocked())
    await desk.add("discord", unlocked("discord", DISCORD_ALICE))

    await asyncio.gather(to_discord.step(), to_telegram.step())
    await settle_all(desk, relay, to_discord, to_telegram)

    assert await books(desk) == ONCE


async def test_a_bonus_from_before_the_accounts_were_linked_is_remembered(
    to_discord, to_telegram, relay, desk
):
    await desk.add("discord", unlocked("discord", DISCORD_ALICE))
    await settle_all(desk, relay, to_telegram)
    await link(desk)
    await desk.add("telegram", unlocked())

    await settle_all(desk, relay, to_discord, to_telegram)

    assert await books(desk) == ONCE


async def test_a_refused_achievement_brings_no_bonus(to_discord, desk, producer):
    await producer.create_xp_change_event(
        user_id=TELEGRAM_ALICE,
        delta_xp=1,
        source="telegram",
        reason="game_guess",
        entity_id="1",
        idempotency_key="taken",
    )
    await desk.add("telegram", edited(unlocked(), idempotency_key="taken"))

    await to_discord.step()

    assert (await books(desk))["settled"] == (1, 0)


async def test_a_bonus_that_is_configured_later_is_not_given_for_what_was_settled_before(
    resources, relay, desk
):
    bare = AchievementSetting(name="lucky_guess", title="Lucky")
    before = replace(
        resources, community=msgspec.structs.replace(resources.community, achievements=(bare,))
    )
    await desk.add("telegram", unlocked())
    async with open_role(before, source="telegram") as role:
        await settle_all(desk, relay, role)
    await desk.add("telegram", unlocked())

    async with open_role(resources, source="telegram") as role:
        await role.step()

    assert (await books(desk))["settled"] == (0, 0)


@pytest.mark.parametrize("undone", [False, True])
async def test_the_bonus_is_paid_once_even_if_the_accounts_part_again(
    to_discord, to_telegram, relay, desk, undone
):
    await desk.add("telegram", unlocked())
    await settle_all(desk, relay, to_discord)
    await link(desk)
    async with desk.pool.acquire() as conn, conn.transaction():
        if undone:
            await links.undo(conn, 1)
        else:
            await links.unlink(conn, platform="discord", account_id=DISCORD_ALICE)

    await desk.add("discord", unlocked("discord", DISCORD_ALICE))
    await settle_all(desk, relay, to_discord, to_telegram)

    assert await books(desk) == ONCE
    assert (await books(desk, DISCORD_ALICE, "discord"))["settled"] == (0, 0)


async def test_accounts_that_parted_with_both_achievements_on_the_way_have_one_bonus(
    resources, desk
):
    """The accounts are two members again, so no lock of a member keeps the two apart."""
    async with desk.pool.acquire() as conn, conn.transaction():
        await links.link(conn, telegram_account_id=TELEGRAM_ALICE, discord_account_id=DISCORD_ALICE)
        await links.unlink(conn, platform="discord", account_id=DISCORD_ALICE)
    [one, other] = (
        Envelope(schemas.decode(payload), payload)
        for payload in (unlocked(), unlocked("discord", DISCORD_ALICE))
    )
    first, second = Bonuses("discord", resources), Bonuses("telegram", resources)
    async with desk.pool.acquire() as conn:
        transaction = conn.transaction()
        await transaction.start()
        assert await first._give_once(conn, one, LUCKY) == {}
        beside = asyncio.create_task(second.give([other], HeldMembers()))
        await until_someone_waits_for_a_lock(desk.pool)
        await transaction.commit()
    await beside

    paid = await desk.pool.fetchval(
        "SELECT sum(delta_xp) FROM transactions WHERE reason = 'achievement_bonus'"
    )
    assert paid == LUCKY.bonus_xp
