"""Links: two accounts become one member and two again, and every point is accounted for."""

import asyncio
from collections.abc import Collection
from typing import Any

import asyncpg
import pytest

from db import Platform
from db.ledger.ranks import RankRow, set_ranks
from db.links import links, states
from db.links.account_moves import move
from db.links.links import Link
from db.links.refusals import BooksDiffer, LinkRefused, mapped_refusals
from db.links.states import LinkRules
from db.surfaces.display_visits import mark_shown, take
from db.upkeep.audit import audit
from tests.support.recorded_events import (
    Record,
    achievement,
    balance,
    record,
    settle,
    until_someone_waits_for_a_lock,
    xp,
)

TG, DC, OTHER = 1001, 2002, 3003


@pytest.fixture
def books(pool: asyncpg.Pool) -> Record:
    return Record(pool)


@pytest.fixture(autouse=True)
async def the_audit_finds_nothing(pool: asyncpg.Pool):
    await set_ranks(pool, [RankRow("Newcomer", 10), RankRow("Regular", 30)])
    yield
    async with pool.acquire() as conn:
        found = await audit(conn, {})
    assert [one for check in found.checks for one in check.examples] == []


def dc_xp(delta: int, entity_id: str = "1"):
    return xp(delta, entity_id, user_id=DC, source="discord")


async def earn(pool: asyncpg.Pool, *envelopes: Any, arrive: bool = True) -> None:
    for envelope in envelopes:
        await record(pool, envelope, source=envelope.event.source)
        if arrive:
            await settle(pool, envelope, source=envelope.event.source)


async def linked(pool: asyncpg.Pool, tg: int = TG, dc: int = DC, **more: Any) -> Link:
    async with pool.acquire() as conn, conn.transaction():
        return await links.link(conn, telegram_account_id=tg, discord_account_id=dc, **more)


async def unlinked(pool: asyncpg.Pool, stores: Collection[Platform] = ()) -> Link:
    async with pool.acquire() as conn, conn.transaction():
        return await links.unlink(conn, platform="discord", account_id=DC, stores=stores)


async def undone(pool: asyncpg.Pool, link: Link) -> Link:
    async with pool.acquire() as conn, conn.transaction():
        return await links.undo(conn, link.id)


async def moved(pool: asyncpg.Pool, platform: Platform, old: int, new: int) -> int:
    async with pool.acquire() as conn, conn.transaction():
        return await move(conn, platform=platform, from_account_id=old, to_account_id=new)


async def totals(books: Record) -> tuple[Any, Any]:
    """The totals of the Telegram account's member and of the Discord account's."""
    return await books.totals(TG), await books.totals(DC, "discord")


@pytest.mark.parametrize(
    ("policy", "expected"),
    [("sum", (35, 12)), ("max", (20, 7)), ("telegram", (20, 5)), ("discord", (15, 7))],
)
async def test_a_policy_decides_what_the_member_has(pool, books, policy, expected):
    await earn(pool, xp(20), balance(5), dc_xp(15), balance(7, user_id=DC, source="discord"))

    await linked(pool, policy=policy)

    assert await totals(books) == (expected, expected)
    assert await books.books("telegram") == await books.books("discord") == expected


async def test_an_unlink_leaves_everything_to_the_telegram_account(pool, books):
    await earn(pool, xp(20), dc_xp(15), balance(7, user_id=DC, source="discord"))
    await linked(pool)

    await unlinked(pool)

    assert await totals(books) == ((35, 7), (0, 0))
    assert await books.books("telegram") == (35, 7)
    assert await books.books("discord", DC, "discord") == (0, 0)
    keys = [key async for key in _keys(pool)]
    assert keys == [
        "link:1:unlink:discord:balance",
        "link:1:unlink:discord:xp",
        "link:1:unlink:telegram:balance",
        "link:1:unlink:telegram:xp",
    ]


async def _keys(pool: asyncpg.Pool):
    for row in await pool.fetch(
        "SELECT DISTINCT idempotency_key FROM transactions"
        " WHERE idempotency_key LIKE 'link:%' ORDER BY 1"
    ):
        yield row[0]


async def test_both_keep_their_achievements_after_an_unlink(pool, books):
    await earn(pool, achievement("first_win"), achievement("streak", user_id=DC, source="discord"))
    await linked(pool)

    await unlinked(pool)

    held = await pool.fetch(
        "SELECT a.platform, array_agg(DISTINCT achievement ORDER BY achievement) AS names"
        " FROM achievements AS h JOIN accounts AS a USING (member_id) GROUP BY 1 ORDER BY 1"
    )
    assert [tuple(row) for row in held] == [
        ("discord", ["first_win", "streak"]),
        ("telegram", ["first_win", "streak"]),
    ]


@pytest.mark.parametrize("policy", ["sum", "max", "telegram", "discord"])
async def test_undoing_reverses_a_policy_exactly(pool, books, policy):
    await earn(pool, xp(20), balance(5), dc_xp(15), balance(7, user_id=DC, source="discord"))
    link = await linked(pool, policy=policy)
    await earn(pool, xp(3, "later"), dc_xp(4, "later"))

    await undone(pool, link)

    assert await totals(books) == ((23, 5), (19, 7))


async def test_an_undo_after_an_unlink_gives_back_as_well(pool, books):
    await earn(pool, xp(20), dc_xp(15))
    link = await linked(pool)
    await unlinked(pool)
    await earn(pool, dc_xp(1, "alone"), xp(-5, "spent", reason="shop"))

    await undone(pool, link)

    assert await totals(books) == ((15, 0), (16, 0))


async def test_what_was_spent_together_is_borne_by_the_one_who_spent_first(pool, books):
    await earn(pool, xp(20), dc_xp(15))
    link = await linked(pool)
    await earn(pool, dc_xp(-25, "spent"))

    await undone(pool, link)

    assert await totals(books) == ((10, 0), (0, 0))


async def test_achievements_go_back_to_the_account_that_unlocked_them(pool):
    await earn(pool, achievement("first_win"), achievement("streak", user_id=DC, source="discord"))
    link = await linked(pool)

    await undone(pool, link)

    for platform, account_id, name in (("telegram", TG, "first_win"), ("discord", DC, "streak")):
        held = await pool.fetchval(
            "SELECT array_agg(DISTINCT achievement) FROM achievements AS h"
            " JOIN accounts AS a USING (member_id) WHERE a.platform = $1 AND account_id = $2",
            platform,
            account_id,
        )
        assert held == [name]


async def test_events_in_flight_follow_the_account_that_earned_them(pool, books):
    await earn(pool, xp(20), dc_xp(15), arrive=False)
    link = await linked(pool)
    await unlinked(pool)
    assert await totals(books) == ((35, 0), (0, 0))
    assert await books.books("telegram", DC, "discord") == (-15, 0)

    await settle(pool, xp(20))
    await settle(pool, dc_xp(15), source="discord")

    assert await books.books("telegram", DC, "discord") == (0, 0)
    assert await books.books("discord") == (35, 0)
    await undone(pool, link)
    assert await totals(books) == ((20, 0), (15, 0))


async def test_each_platform_shows_its_own_member_after_an_unlink(pool):
    await earn(pool, xp(20), dc_xp(15), achievement("streak", user_id=DC, source="discord"))
    await linked(pool)
    for platform in ("telegram", "discord"):
        for visit in await take(pool, platform, limit=9, lease_s=60):
            await mark_shown(pool, visit)
    link = await unlinked(pool)

    [on_discord] = await take(pool, "discord", limit=9, lease_s=60)
    assert (on_discord.account_id, on_discord.wanted["rank"]) == (DC, 0)
    assert on_discord.shown["rank"] == 2
    await mark_shown(pool, on_discord)
    await undone(pool, link)

    [on_discord] = await take(pool, "discord", limit=9, lease_s=60)
    wanted = {"rank": 1, "achievement:streak": 1, "linked": 0}
    assert (on_discord.account_id, on_discord.wanted) == (DC, wanted)
    [on_telegram] = await take(pool, "telegram", limit=9, lease_s=60)
    assert (on_telegram.account_id, on_telegram.wanted["rank"]) == (TG, 1)


async def test_a_visit_under_way_during_an_unlink_is_noted_for_its_account(pool):
    await earn(pool, xp(20), dc_xp(15))
    await linked(pool)
    [visit] = await take(pool, "discord", limit=9, lease_s=60)

    await unlinked(pool)
    assert await mark_shown(pool, visit)

    [again] = await take(pool, "discord", limit=9, lease_s=60)
    assert (again.account_id, again.wanted["rank"]) == (DC, 0)


async def test_an_undo_ends_with_its_time(pool):
    link = await linked(pool)
    await pool.execute("UPDATE links SET linked_at = linked_at - interval '8 days'")

    with pytest.raises(LinkRefused, match="older than 7 days") as refused:
        await undone(pool, link)
    assert refused.value.rule == "undo_is_in_time"
    await states.set_rules(pool, LinkRules(undo_s=9 * 86_400))
    await undone(pool, link)


async def test_a_link_that_is_undone_or_unknown_is_not_undone(pool):
    link = await linked(pool)
    await undone(pool, link)

    with pytest.raises(LinkRefused, match="was undone at"):
        await undone(pool, link)
    with pytest.raises(LinkRefused, match="no link 99"):
        await undone(pool, link._replace(id=99))


@pytest.mark.parametrize("again", [{"dc": OTHER}, {"tg": OTHER}], ids=["telegram", "discord"])
async def test_an_undo_names_the_later_link_of_either_account(pool, again):
    first = await linked(pool)
    await unlinked(pool)
    second = await linked(pool, **again)

    later = f"link {second.id} came after link {first.id} and has one of its accounts$"
    with pytest.raises(LinkRefused, match=later):
        await undone(pool, first)


@pytest.mark.parametrize(
    ("telegram", "discord", "lacking"),
    [((-10, 0), (5, 0), "5 xp"), ((3, 4), (0, -6), "2 balance"), ((-9, -9), (0, 0), "9 xp")],
)
async def test_what_neither_account_can_bear_makes_an_undo_refuse(pool, telegram, discord, lacking):
    """The arithmetic by itself: no history comes here today, as the function says."""
    with (
        pytest.raises(LinkRefused, match=f"together lack {lacking} to undo link 7") as refused,
        mapped_refusals(),
    ):
        await pool.execute(
            "SELECT shared_out(7, ARRAY["
            "ROW ('telegram', 1, 1, $1::bigint, $2::bigint)::twinstream.share,"
            " ROW ('discord', 2, 1, $3::bigint, $4::bigint)::twinstream.share])",
            *telegram,
            *discord,
        )

    assert (refused.value.rule, refused.value.lacking) == ("undo_is_covered", lacking)


async def test_accounts_are_linked_once_at_a_time_and_a_few_times_a_month(pool):
    await linked(pool)
    with pytest.raises(LinkRefused, match="linked already"):
        await linked(pool, dc=OTHER)
    for _ in range(2):
        await unlinked(pool)
        await linked(pool)
    await unlinked(pool)

    with pytest.raises(LinkRefused, match="moved 3 times within 30 days") as refused:
        await linked(pool)
    assert refused.value.rule == "links_per_account_limited"
    await pool.execute("UPDATE links SET linked_at = linked_at - interval '31 days'")
    await linked(pool)


async def test_unlinking_an_account_that_is_not_linked_is_refused(pool):
    await earn(pool, dc_xp(15))

    with pytest.raises(LinkRefused, match="the discord account 2002 is not linked"):
        await unlinked(pool)


async def test_books_that_differ_are_not_split(pool):
    await earn(pool, xp(20), dc_xp(15))
    await linked(pool)
    await pool.execute("UPDATE sync_state SET discord_xp = 14 WHERE platform = 'discord'")

    with pytest.raises(BooksDiffer, match="reconcile"):
        await unlinked(pool)
    await pool.execute("UPDATE sync_state SET discord_xp = 15 WHERE platform = 'discord'")


async def test_a_link_and_an_unlink_wait_for_a_settling_and_nobody_else_waits(pool, books):
    await earn(pool, xp(20), dc_xp(15), arrive=False)
    await linked(pool)

    async with pool.acquire() as conn:
        settling = conn.transaction()
        await settling.start()
        await conn.execute("SELECT twinstream.lock_owners(ARRAY['discord'], ARRAY[$1::bigint])", DC)
        unlinking = asyncio.create_task(unlinked(pool))
        settled = asyncio.create_task(settle(pool, dc_xp(15), source="discord"))
        await until_someone_waits_for_a_lock(pool, waiting=2)
        await earn(pool, xp(1, "bystander", user_id=OTHER))
        await settling.commit()
        await asyncio.gather(unlinking, settled)

    assert await totals(books) == ((35, 0), (0, 0))


@pytest.mark.parametrize("platform", ["telegram", "discord"])
async def test_a_member_goes_on_with_another_account(pool, books, platform):
    await earn(pool, xp(20), dc_xp(15), achievement("first_win", user_id=TG))
    await earn(pool, xp(3, user_id=OTHER, source=platform))
    await linked(pool)
    old, partner = (TG, DC) if platform == "telegram" else (DC, TG)
    elsewhere = "discord" if platform == "telegram" else "telegram"

    await moved(pool, platform, old, OTHER)

    assert await books.totals(OTHER, platform) == (38, 0)
    assert await books.member(OTHER, platform) == await books.member(partner, elsewhere)
    assert await books.totals(old, platform) == (0, 0)
    assert await books.books("telegram", OTHER, platform) == (38, 0)
    assert await books.books("discord", OTHER, platform) == (38, 0)


async def test_a_move_of_an_account_that_the_other_one_helped_out_is_possible(pool, books):
    await earn(pool, xp(20), dc_xp(15))
    await linked(pool)
    await earn(pool, dc_xp(-25, "spent"))

    await moved(pool, "discord", DC, OTHER)
    await moved(pool, "telegram", TG, TG + 1)

    assert await books.totals(OTHER, "discord") == (10, 0)
    assert await books.member(OTHER, "discord") == await books.member(TG + 1)


async def test_a_move_ends_the_link_of_the_old_account_and_begins_one_of_the_new(pool):
    first = await linked(pool)
    await moved(pool, "discord", DC, OTHER)

    with pytest.raises(LinkRefused, match="came after"):
        await undone(pool, first)
    with pytest.raises(LinkRefused, match="both accounts are the same"):
        await moved(pool, "discord", OTHER, OTHER)
    with pytest.raises(LinkRefused, match="linked"):
        await moved(pool, "discord", DC, OTHER)
