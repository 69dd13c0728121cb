"""Reactions: once per person and message; what circles, toggling and old messages gain."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from db.earning import reactions
from db.earning.reactions import Authored, Reaction, ReactionLimits
from db.links import account_moves, links
from db.members import accounts

PLACE, OTHER_PLACE = -1001, -1002
ANN, BOB, CID, NEW = 1001, 1002, 1003, 1099
ANN_ON_DISCORD, BOB_ON_DISCORD = 2001, 2002
LIMITS = ReactionLimits(zone="UTC", per_pair_max=3, per_day_max=5, age_s_max=7 * 24 * 3_600.0)


def authored(*message_ids: int, by: int = ANN, place: int = PLACE, days_ago: int = 0):
    at = datetime.now(UTC) - timedelta(days=days_ago)
    return [Authored(place, one, by, at) for one in message_ids]


async def remember(pool: asyncpg.Pool, messages: Sequence[Authored], kept: int = 1_000) -> None:
    async with pool.acquire() as conn:
        await reactions.remember_authors(conn, "telegram", messages, kept=kept)


async def move(pool: asyncpg.Pool, from_id: int, to_id: int) -> None:
    async with pool.acquire() as conn:
        await account_moves.move(
            conn, platform="telegram", from_account_id=from_id, to_account_id=to_id
        )


async def react(
    pool: asyncpg.Pool, *given: tuple[int, int], place: int = PLACE, limits: ReactionLimits = LIMITS
) -> list[tuple[int, int]]:
    """Enter reactions of (giver, message); return those that count as (giver, author)."""
    now = datetime.now(UTC)
    batch = [Reaction(place, message, giver, now) for giver, message in given]
    async with pool.acquire() as conn, conn.transaction():
        counted = await reactions.enter(conn, "telegram", batch, limits)
    return [(one.giver_id, one.author_id) for one in counted]


async def test_a_reaction_counts_for_the_author_who_is_remembered(pool):
    await remember(pool, [*authored(5, 7), *authored(6, by=BOB)])

    assert await react(pool, (CID, 6), (CID, 7)) == [(CID, BOB), (CID, ANN)]
    assert await react(pool, (CID, 8), (CID, 4)) == []  # nobody knows who wrote these
    assert await react(pool, (CID, 5), place=OTHER_PLACE) == []


async def test_a_reaction_that_was_removed_and_added_again_counts_once(pool):
    await remember(pool, authored(5))

    assert await react(pool, (BOB, 5)) == [(BOB, ANN)]
    assert await react(pool, (BOB, 5), (BOB, 5)) == []
    assert await react(pool, (CID, 5), (CID, 5)) == [(CID, ANN)]


async def test_a_move_to_another_account_counts_no_reaction_twice(pool):
    await remember(pool, authored(5, 6, 7, 8))
    assert len(await react(pool, (BOB, 5), (BOB, 6))) == 2
    await move(pool, BOB, NEW)

    assert await react(pool, (NEW, 5), (BOB, 5)) == []
    # Three to one other on a day, of which the old account gave two.
    assert await react(pool, (NEW, 7), (NEW, 8)) == [(NEW, ANN)]
    assert await react(pool, (BOB, 7), (BOB, 8)) == [(BOB, ANN)]


async def test_reactions_to_the_messages_of_an_account_that_was_moved_are_for_the_new_one(pool):
    await remember(pool, authored(5, 6, 7, 8))
    await react(pool, (BOB, 5), (BOB, 6))
    await move(pool, ANN, NEW)

    assert await react(pool, (NEW, 7)) == []  # they are its own
    assert await react(pool, (BOB, 7), (BOB, 8)) == [(BOB, NEW)]  # three to one other on a day


async def test_own_messages_count_nothing(pool):
    await remember(pool, authored(5))

    assert await react(pool, (ANN, 5)) == []


async def test_two_who_react_to_each_other_all_day_earn_the_limit_of_a_pair(pool):
    await remember(pool, [*authored(*range(1, 50, 2)), *authored(*range(2, 50, 2), by=BOB)])
    circle = [(BOB if message % 2 else ANN, message) for message in range(1, 50)]

    counted = await react(pool, *circle)

    assert sorted(counted) == [(ANN, BOB)] * 3 + [(BOB, ANN)] * 3


async def test_a_circle_of_many_earns_the_limit_of_each_giver(pool):
    crowd = range(10, 30)
    await remember(pool, [one for who in crowd for one in authored(who, by=who)])

    counted = await react(pool, *((giver, author) for giver in crowd for author in crowd))

    assert {giver: sum(one == giver for one, _ in counted) for giver in crowd} == dict.fromkeys(
        crowd, LIMITS.per_day_max
    )


async def test_a_pair_that_alternates_platforms_has_one_limit(pool):
    await remember(pool, authored(1, 2, 3, 4))
    assert len(await react(pool, (BOB, 1), (BOB, 2))) == 2
    async with pool.acquire() as conn:
        await links.link(conn, telegram_account_id=ANN, discord_account_id=ANN_ON_DISCORD)
        await links.link(conn, telegram_account_id=BOB, discord_account_id=BOB_ON_DISCORD)
    now = datetime.now(UTC)
    on_discord = [
        Reaction(70, message, BOB_ON_DISCORD, now, ANN_ON_DISCORD, now) for message in range(5)
    ]

    async with pool.acquire() as conn, conn.transaction():
        counted = await reactions.enter(conn, "discord", on_discord, LIMITS)

    assert len(counted) == 1
    assert await react(pool, (BOB, 3)) == []


async def test_reactions_to_old_messages_count_nothing(pool):
    await remember(pool, [*authored(5, days_ago=8), *authored(6, days_ago=6)])

    assert await react(pool, (BOB, 5), (BOB, 6)) == [(BOB, ANN)]


@pytest.mark.parametrize("why", ["gone", "bot"])
async def test_authors_who_left_and_bots_earn_nothing(pool, why):
    await remember(pool, authored(5))
    async with pool.acquire() as conn:
        await accounts.ensure(conn, "telegram", [ANN])
        await conn.execute("SELECT twinstream.leave_out('telegram', $1, $2)", [ANN], why)

    assert await react(pool, (BOB, 5)) == []


async def test_of_each_place_the_newest_messages_are_remembered(pool):
    for first in range(1, 3_001, 100):
        await remember(pool, authored(*range(first, first + 100)), kept=1_000)
    await remember(pool, authored(1, by=BOB, place=OTHER_PLACE), kept=1_000)

    kept = await pool.fetchval(
        "SELECT sum(cardinality(message_ids)) FROM twinstream.message_authors WHERE place_id = $1",
        PLACE,
    )
    assert 1_000 <= kept <= 1_500
    assert await react(pool, (BOB, 3_000), (BOB, 2_001)) == [(BOB, ANN), (BOB, ANN)]
    assert await react(pool, (BOB, 1_000)) == []
    assert await react(pool, (ANN, 1), place=OTHER_PLACE) == [(ANN, BOB)]


async def test_messages_that_come_again_or_out_of_order_change_nothing(pool):
    await remember(pool, authored(5, 6))
    await remember(pool, authored(6, 7, by=BOB))
    await remember(pool, authored(4, by=BOB))

    assert await react(pool, (CID, 6), (CID, 7), (CID, 4)) == [(CID, ANN), (CID, BOB)]


async def test_the_messages_of_a_second_become_one_row(pool):
    """A thousand messages a second cost one call a second, and old rows go as whole pages."""
    for second in range(1, 11):
        await remember(pool, authored(*range(second * 1_000, second * 1_000 + 1_000)), kept=5_000)

    pages = await pool.fetch("SELECT cardinality(message_ids) FROM twinstream.message_authors")
    assert [row[0] for row in pages] == [1_000] * 5
