"""Surfaces: wanted and shown, who works on the difference, and what happens meanwhile."""

import asyncio
from typing import Any

import asyncpg
import pytest

from db import surfaces
from db.ledger import events
from db.ledger.ranks import RankRow, set_ranks
from db.surfaces import ABSENT, EXEMPT, LIVE, RECONCILE
from db.surfaces.display_visits import Visit, doubt, mark_shown, park, postpone, release, take
from db.surfaces.observed import clock, note_absent, put_back, seen_again, show_again
from tests.support.linking import issue_code, redeem_code
from tests.support.recorded_events import (
    Record,
    achievement,
    record,
    until_someone_waits_for_a_lock,
    xp,
)

LEASE_S = 60.0


@pytest.fixture
def books(pool: asyncpg.Pool) -> Record:
    return Record(pool)


@pytest.fixture(autouse=True)
async def ladder(pool: asyncpg.Pool) -> None:
    await set_ranks(
        pool, [RankRow("Newcomer", 10), RankRow("Regular", 30), RankRow("Veteran", 100)]
    )


async def take_one(pool: asyncpg.Pool, platform="telegram") -> Visit:
    [visit] = await take(pool, platform, limit=10, lease_s=LEASE_S)
    return visit


async def nothing_is_due(pool: asyncpg.Pool) -> bool:
    return await take(pool, "telegram", limit=10, lease_s=LEASE_S) == []


async def test_a_rank_and_an_achievement_are_wanted_where_the_member_has_an_account(pool, books):
    await record(pool, xp(35), achievement("first_win"))

    visit = await take_one(pool)

    assert visit.account_id == 1001
    assert visit.wanted == {"rank": 2, "achievement:first_win": 1}
    assert visit.wanted_key in {"tg_game_guess_1001_1", "tg_achievement_first_win_1001"}
    assert await take(pool, "discord", limit=10, lease_s=LEASE_S) == []


async def test_a_rank_that_is_shown_is_not_taken_again(pool, books):
    await record(pool, xp(35))
    await mark_shown(pool, await take_one(pool))

    assert await nothing_is_due(pool)
    surface = await books.surface("telegram")
    assert (surface["shown"], surface["taken_until"]) == (2, None)
    assert surface["shown_at"] is not None


async def test_xp_that_changes_no_rank_wants_nothing_new(pool):
    await record(pool, xp(35))
    await mark_shown(pool, await take_one(pool))

    await record(pool, xp(1, "2"))

    assert await nothing_is_due(pool)


async def test_a_member_whom_a_worker_has_is_not_taken(pool):
    await record(pool, xp(35))
    await take_one(pool)

    assert await nothing_is_due(pool)


async def test_a_member_whom_a_worker_has_is_not_taken_for_a_new_wish_either(pool):
    """Two workers on one member's roles would undo each other's writes."""
    await record(pool, xp(35))
    visit = await take_one(pool)

    await record(pool, achievement("first_win"), xp(100, "2"))

    assert await nothing_is_due(pool)
    await mark_shown(pool, visit)
    assert (await take_one(pool)).wanted == {"rank": 3, "achievement:first_win": 1}


async def test_a_lease_that_ran_out_is_taken_over_and_its_holder_marks_nothing(pool, books):
    await record(pool, xp(35))
    [slow] = await take(pool, "telegram", limit=1, lease_s=-1.0)
    await record(pool, xp(100, "2"))

    quick = await take_one(pool)
    await mark_shown(pool, slow)
    await postpone(pool, slow, delay_s=60.0, error="too late")
    await release(pool, slow)

    surface = await books.surface("telegram")
    assert (surface["shown"], surface["error"], surface["retry_at"]) == (None, None, None)
    await mark_shown(pool, quick)
    assert (await books.surface("telegram"))["shown"] == 3


async def test_a_worker_that_lost_its_lease_has_the_member_visited_again(pool):
    """The slow worker's write may be older, and come later, than that of the next worker."""
    await record(pool, xp(35))
    [slow] = await take(pool, "telegram", limit=1, lease_s=-1.0)
    await record(pool, xp(100, "2"))
    quick = await take_one(pool)

    assert not await mark_shown(pool, slow)
    await doubt(pool, slow)
    assert await mark_shown(pool, quick)

    again = await take_one(pool)
    assert (again.wanted, again.shown) == ({"rank": 3}, {"rank": None})
    assert again.unconfirmed == {"rank": {0, 2, 3}}
    await mark_shown(pool, again)
    assert await nothing_is_due(pool)


async def test_a_visit_that_was_not_noted_is_made_again_at_once(pool):
    await record(pool, xp(35))

    await doubt(pool, await take_one(pool))

    assert (await take_one(pool)).unconfirmed == {"rank": {0, 2}}


@pytest.mark.parametrize("outcome", ["killed", "answer lost"])
async def test_a_wish_for_the_old_rank_is_work_while_the_new_ones_visit_is_unconfirmed(
    pool, books, outcome
):
    """The write may be done: then the member does not wear the rank that they had before."""
    await record(pool, xp(35))
    await mark_shown(pool, await take_one(pool))
    await record(pool, xp(-30, "2"))
    [visit] = await take(pool, "telegram", limit=1, lease_s=-1.0)
    if outcome == "answer lost":
        await postpone(pool, visit, delay_s=0.0, error="no answer")

    await record(pool, xp(30, "3"))

    again = await take_one(pool)
    assert (again.wanted, again.shown) == ({"rank": 2}, {"rank": None})
    assert again.unconfirmed == {"rank": {0, 2}}
    assert not again.put_back
    await mark_shown(pool, again)
    surface = await books.surface("telegram")
    assert (surface["shown"], surface["unconfirmed"]) == (2, None)


async def test_a_rank_that_changed_while_it_was_shown_is_shown_next(pool, books):
    await record(pool, xp(35))
    visit = await take_one(pool)
    await record(pool, xp(100, "2"))

    await mark_shown(pool, visit)

    assert (await take_one(pool)).wanted == {"rank": 3}


async def test_a_rejoin_while_it_was_shown_is_not_forgotten(pool, books):
    """The roles may have been written just before the member left and came back without them."""
    await record(pool, xp(35))
    visit = await take_one(pool)
    async with pool.acquire() as conn:
        await show_again(conn, "telegram", 1001)

    assert await nothing_is_due(pool)
    await mark_shown(pool, visit)

    assert (await take_one(pool)).wanted == {"rank": 2}


async def test_a_rejoin_shows_everything_again(pool):
    await record(pool, xp(35), achievement("first_win"))
    await mark_shown(pool, await take_one(pool))
    async with pool.acquire() as conn:
        await show_again(conn, "telegram", 1001)

    assert (await take_one(pool)).wanted == {"rank": 2, "achievement:first_win": 1}


async def test_a_member_who_rejoined_during_a_visit_that_was_not_noted_may_wear_nothing(pool):
    """The roles may have been written just before the member left and came back without them."""
    await record(pool, xp(35))
    visit = await take_one(pool)
    async with pool.acquire() as conn:
        await show_again(conn, "telegram", 1001)

    await doubt(pool, visit)

    assert (await take_one(pool)).unconfirmed == {"rank": {0, 2}}


async def test_a_role_that_a_visit_leaves_after_a_rejoin_is_known_to_be_ours(pool):
    await record(pool, xp(35))
    visit = await take_one(pool)
    async with pool.acquire() as conn:
        await show_again(conn, "telegram", 1001)
    await record(pool, xp(100, "2"))

    await mark_shown(pool, visit)

    assert (await take_one(pool)).unconfirmed == {"rank": {0, 2}}


@pytest.mark.parametrize("forget", [put_back, show_again, seen_again])
async def test_a_forgotten_rank_is_put_back_until_it_is_shown(pool, forget):
    await record(pool, xp(35))
    taken = await take_one(pool)
    assert not taken.put_back
    await mark_shown(pool, taken)
    if forget is seen_again:
        await pool.execute(
            "UPDATE surfaces SET parked = $1, retry_at = 'infinity', error = 'is not there'", ABSENT
        )
    async with pool.acquire() as conn:
        await forget(conn, "telegram", 1001)

    taken = await take_one(pool)
    assert taken.put_back
    await doubt(pool, taken)
    taken = await take_one(pool)
    assert taken.put_back
    await mark_shown(pool, taken)
    await record(pool, xp(100, "2"))
    assert not (await take_one(pool)).put_back


async def test_a_rank_that_is_put_back_is_as_urgent_as_one_that_waited_already(pool):
    """Else a promotion that waits would be shown late, and announced never."""
    await record(pool, xp(35))
    async with pool.acquire() as conn:
        await put_back(conn, "telegram", 1001)
        waiting = await take_one(pool)
        await mark_shown(pool, waiting)
        await put_back(conn, "telegram", 1001)

    assert waiting.priority == LIVE
    assert (await take_one(pool)).priority == RECONCILE


async def leave_alone(pool, visit):
    await postpone(pool, visit, delay_s=0.0, error="no answer")


async def find_nobody(pool, visit):
    await park(pool, visit, cause=ABSENT, error="is not there")


async def visit_one_whose_other_account_has_an_achievement(pool: asyncpg.Pool) -> Visit:
    await record(pool, xp(35))
    mine = achievement("first_win", user_id=2002, source="discord")
    await record(pool, mine, source="discord")
    async with pool.acquire() as conn, conn.transaction():
        await events.settle(conn, "telegram", "discord", [mine])
    return await take_one(pool)


@pytest.mark.parametrize("end", [mark_shown, doubt, leave_alone, find_nobody, release])
async def test_surfaces_that_a_link_brings_during_a_visit_are_shown_right_after_it(pool, end):
    visit = await visit_one_whose_other_account_has_an_achievement(pool)
    async with pool.acquire() as conn:
        code = await issue_code(conn, "discord", 2002)
        await redeem_code(conn, "telegram", 1001, code)

    assert await nothing_is_due(pool)
    await end(pool, visit)

    assert (await take_one(pool)).wanted == {"rank": 2, "achievement:first_win": 1}


@pytest.mark.parametrize("first", ["the link", "the note"])
async def test_a_link_beside_the_end_of_a_visit_leaves_no_lease_behind(pool, first):
    visit = await visit_one_whose_other_account_has_an_achievement(pool)
    async with pool.acquire() as conn, pool.acquire() as other:
        code = await issue_code(conn, "discord", 2002)
        async with conn.transaction():
            if first == "the link":
                await redeem_code(conn, "telegram", 1001, code)
                beside: asyncio.Task[Any] = asyncio.create_task(mark_shown(pool, visit))
            else:
                await conn.execute("UPDATE surfaces SET taken_until = NULL")
                beside = asyncio.create_task(redeem_code(other, "telegram", 1001, code))
            await until_someone_waits_for_a_lock(pool)
        await beside

    assert (await take_one(pool)).wanted == {"rank": 2, "achievement:first_win": 1}


async def test_a_wish_that_commits_while_a_visit_is_being_noted_is_not_taken_for_shown(pool, books):
    await record(pool, xp(35))
    visit = await take_one(pool)
    async with pool.acquire() as conn:
        async with conn.transaction():
            await events.record(conn, "telegram", [xp(100, "2")])
            noting = asyncio.create_task(mark_shown(pool, visit))
            await until_someone_waits_for_a_lock(pool)
        assert await noting

    assert (await books.surface("telegram"))["shown"] is None
    assert (await take_one(pool)).wanted == {"rank": 3}


async def test_a_postponed_member_waits_and_says_why(pool, books):
    await record(pool, xp(35))
    await postpone(pool, await take_one(pool), delay_s=3600.0, error="not a member")

    assert await nothing_is_due(pool)
    surface = await books.surface("telegram")
    assert (surface["attempts"], surface["error"]) == (1, "not a member")
    await pool.execute("UPDATE surfaces SET retry_at = now() - interval '1 second'")
    assert (await take_one(pool)).attempts == 1


async def test_a_postponed_member_with_a_new_rank_is_taken_at_once(pool):
    await record(pool, xp(35))
    await postpone(pool, await take_one(pool), delay_s=3600.0, error="not a member")

    await record(pool, xp(100, "2"))

    visit = await take_one(pool)
    assert (visit.wanted, visit.attempts) == ({"rank": 3}, 0)


async def test_a_released_member_counts_no_attempt(pool):
    await record(pool, xp(35))
    await release(pool, await take_one(pool))

    assert (await take_one(pool)).attempts == 0


@pytest.mark.parametrize("visited_before", [False, True])
async def test_all_that_was_known_of_a_released_member_is_known_again(pool, visited_before):
    await record(pool, xp(35))
    if visited_before:
        await mark_shown(pool, await take_one(pool))
        await record(pool, xp(100, "2"))
    taken = await take_one(pool)

    await release(pool, taken)

    again = await take_one(pool)
    assert again.shown == {"rank": 2 if visited_before else None}
    assert again.unconfirmed == taken.unconfirmed == {"rank": set()}


async def test_unconfirmed_numbers_are_unconfirmed_again_after_a_release(pool):
    await record(pool, xp(35))
    await take(pool, "telegram", limit=1, lease_s=-1.0)

    await release(pool, await take_one(pool))

    assert (await take_one(pool)).unconfirmed == {"rank": {0, 2}}


async def test_a_rank_that_was_wanted_again_is_unknown_after_a_release(pool):
    await record(pool, xp(35))
    await mark_shown(pool, await take_one(pool))
    await record(pool, xp(100, "2"))
    taken = await take_one(pool)
    await record(pool, xp(-100, "3"))

    await release(pool, taken)

    again = await take_one(pool)
    assert (again.wanted, again.shown) == ({"rank": 2}, {"rank": None})


async def test_the_longest_waiting_come_first(pool):
    for number in range(5):
        await record(pool, xp(35, user_id=10 + number))

    first = await take(pool, "telegram", limit=2, lease_s=LEASE_S)
    rest = await take(pool, "telegram", limit=10, lease_s=LEASE_S)

    assert [visit.account_id for visit in first + rest] == [10, 11, 12, 13, 14]


async def test_takers_side_by_side_never_share_a_member(pool):
    members = 60
    for number in range(members):
        await record(pool, xp(35, user_id=1 + number), achievement("a", user_id=1 + number))

    async def take_all() -> list[int]:
        mine: list[int] = []
        while taken := await take(pool, "telegram", limit=7, lease_s=LEASE_S):
            mine += [visit.account_id for visit in taken]
        return mine

    hands = await asyncio.gather(*(take_all() for _ in range(4)))

    assert sorted(number for hand in hands for number in hand) == list(range(1, members + 1))


async def test_takers_and_producers_on_the_same_members_never_deadlock(pool, books):
    """Each locks several surfaces at a time, so both have to do it in the same order."""
    users = range(1, 31)
    for user in users:
        await record(pool, xp(1, user_id=user), achievement("a", user_id=user))

    async def climb(step: int) -> None:
        order = users if step % 2 else reversed(users)
        await record(pool, *(xp(10, f"step:{step}", user_id=user) for user in order))

    async def visit_some() -> None:
        for visit in await take(pool, "telegram", limit=20, lease_s=LEASE_S):
            await mark_shown(pool, visit)

    for step in range(0, 12, 2):
        await asyncio.gather(climb(step), visit_some(), climb(step + 1), visit_some())

    while visits := await take(pool, "telegram", limit=20, lease_s=LEASE_S):
        for visit in visits:
            await mark_shown(pool, visit)
    assert await books.discrepancies() == []
    assert await books.count("surfaces WHERE wanted <> shown") == 0


async def test_the_ladder_moves_ranks_both_ways_and_wants_them_shown(pool, books):
    await record(pool, xp(35), xp(5, user_id=2))
    for visit in await take(pool, "telegram", limit=10, lease_s=LEASE_S):
        await mark_shown(pool, visit)

    assert await set_ranks(pool, [RankRow("Newcomer", 5), RankRow("Regular", 500)]) == 2

    ranks = {
        s.account_id: s.wanted["rank"] for s in await take(pool, "telegram", limit=9, lease_s=1)
    }
    assert ranks == {1001: 1, 2: 1}
    assert await books.discrepancies() == []


async def test_the_same_ladder_again_changes_nothing(pool, books):
    await record(pool, xp(35))

    rungs = [RankRow("Newcomer", 10), RankRow("Regular", 30), RankRow("Veteran", 100)]
    assert await set_ranks(pool, rungs) == 0

    assert await books.count("ranks") == 3


async def test_an_empty_ladder_has_no_ranks(pool, books):
    await record(pool, xp(35))

    assert await set_ranks(pool, []) == 1

    assert (await books.surface("telegram"))["wanted"] == 0


async def test_a_ladder_that_was_cut_off_half_way_is_finished_next_time(pool, books):
    await record(pool, xp(35))
    await pool.execute("UPDATE sync_state SET rank = 0")

    rungs = [RankRow("Newcomer", 10), RankRow("Regular", 30), RankRow("Veteran", 100)]
    assert await set_ranks(pool, rungs) == 1

    assert await books.discrepancies() == []


async def test_xp_that_changes_while_the_ladder_does_gets_the_new_ladders_rank(pool, books):
    """The books are read under the old ladder, and written when the new one is in force."""
    await record(pool, xp(1))
    async with pool.acquire() as conn:
        transaction = conn.transaction()
        await transaction.start()
        await events.record(conn, "telegram", [xp(8, "2")])
        setting = asyncio.create_task(set_ranks(pool, [RankRow("Only", 5)]))
        await asyncio.wait({setting}, timeout=0.5)
        await transaction.commit()
        await setting

    assert await books.discrepancies() == []


async def test_two_processes_set_the_ladder_at_once(pool, books):
    await record(pool, xp(35))
    rungs = [[RankRow("A", 1)], [RankRow("A", 1), RankRow("B", 20)]]

    await asyncio.gather(*(set_ranks(pool, rungs[number % 2]) for number in range(6)))

    assert await books.count("ranks") in (1, 2)
    assert await books.discrepancies() == []


def test_the_names_of_surfaces_are_what_the_ledger_writes():
    assert (surfaces.RANK, surfaces.ACHIEVEMENT_PREFIX) == ("rank", "achievement:")


async def test_a_parked_member_is_due_at_once_after_a_doubt_and_a_postponed_visit(pool, books):
    """The doubt wishes once more, so the refusal of the next visit is no answer to it."""
    await record(pool, xp(35))
    await park(pool, await take_one(pool), cause=EXEMPT, error="is an admin", look_after_s=0.0)
    [slow] = await take(pool, "telegram", limit=1, lease_s=-1.0)
    quick = await take_one(pool)
    await doubt(pool, slow)

    assert await postpone(pool, quick, delay_s=60.0, error="too slow")

    surface = await books.surface("telegram")
    assert (surface["parked"], surface["retry_at"]) == (None, None)
    assert (await take_one(pool)).wanted == {"rank": 2}


async def test_an_absent_member_stays_parked_whatever_a_late_visit_reports(pool, books):
    """The platform was asked after the lease had ended, so its word counts."""
    await record(pool, xp(35))
    await mark_shown(pool, await take_one(pool))
    await record(pool, achievement("first_win"))
    [slow] = await take(pool, "telegram", limit=1, lease_s=-1.0)
    absent = await note_absent(pool, "telegram", [1001], await clock(pool), why="is not there")
    assert absent == 1
    await record(pool, xp(100, "2"))

    assert await postpone(pool, slow, delay_s=60.0, error="too slow")

    surface = await books.surface("telegram")
    assert (surface["wanted"], surface["parked"]) == (3, ABSENT)
    assert surface["retry_at"] is not None
    assert await nothing_is_due(pool)
