"""The owner's figures: members by rank, the active, accounts, links, and the XP that was earned."""

import math

import asyncpg
from prometheus_client import REGISTRY

from consumers.runtime.community_figures import PAUSE_S, CommunityFigures
from consumers.runtime.resources import Resources
from consumers.settling.role import Settling
from tests.support.linking import issue_code, redeem_code
from tests.support.members import MemberDesk
from tests.support.settling import Desk, xp_payload

TELEGRAM_ID, DISCORD_ID = 1001, 2002


def figures(name: str) -> dict[tuple[str, ...], float]:
    """Return the values of a figure by the values of its labels."""
    return {
        tuple(sample.labels.values()): sample.value
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name == name
    }


async def test_members_are_counted_by_rank_with_those_who_are_active_and_linked(
    resources: Resources, pool: asyncpg.Pool
):
    await MemberDesk(pool, "telegram").give_xp(TELEGRAM_ID, 15)
    await MemberDesk(pool, "discord").give_xp(DISCORD_ID, 40)
    await MemberDesk(pool, "discord").give_xp(3003, 5)
    await MemberDesk(pool, "discord").give_xp(4004, 5)
    async with pool.acquire() as conn:
        code = await issue_code(conn, "discord", DISCORD_ID)
        await redeem_code(conn, "telegram", TELEGRAM_ID, code)
    await pool.execute("UPDATE accounts SET left_out = 'gone' WHERE account_id = 4004")
    await pool.execute("UPDATE members SET earned_at = now() - interval '2 days' WHERE xp = 5")

    await CommunityFigures(resources).step()

    ranks = {("0", ""): 2, ("1", "Newcomer"): 0, ("2", "Regular"): 1, ("3", "Veteran"): 0}
    assert figures("twinstream_members") == {**ranks, ("4", "Legend"): 0}
    assert figures("twinstream_members_active") == {("1",): 1, ("7",): 3, ("30",): 3}
    assert figures("twinstream_members_linked") == {(): 1}
    assert figures("twinstream_accounts") == {("telegram",): 1, ("discord",): 2}


async def test_a_rank_that_is_gone_and_an_outage_leave_no_stale_figure(
    resources: Resources, pool: asyncpg.Pool
):
    role = CommunityFigures(resources)
    await role.step()
    await pool.execute("DELETE FROM ranks WHERE name = 'Legend'")
    await role.step()
    assert ("4", "Legend") not in figures("twinstream_members")

    await resources.pool.close()
    await role.step()

    assert figures("twinstream_members") == {}
    assert math.isnan(figures("twinstream_members_linked")[()])


async def test_counts_that_take_long_are_rare(resources: Resources):
    role = CommunityFigures(resources)
    moments = iter((100.0, 100.5, 200.0, 210.0))
    role._clock = lambda: next(moments)

    await role.step()
    assert role.pause_s == PAUSE_S
    await role.step()

    assert role.pause_s == 1_000


async def test_xp_counts_once_where_it_was_earned_and_losses_do_not(
    resources: Resources, desk: Desk
):
    before = figures("twinstream_xp_earned_total")
    given = xp_payload(15)
    await desk.add("telegram", given, given, xp_payload(-4, entity_id="2"))

    await Settling("telegram", resources).step()

    after = figures("twinstream_xp_earned_total")
    assert {key: after[key] - before[key] for key in after} == {("telegram",): 15, ("discord",): 0}
