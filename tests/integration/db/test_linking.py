"""Linking: two members become one, whatever is under way; guessing a code is hopeless."""

import asyncio
from functools import partial

import asyncpg
import pytest

from bus import SOURCES
from db.ledger import events
from db.ledger.ranks import RankRow, set_ranks
from db.links.refusals import LinkRefused
from db.surfaces.display_visits import mark_shown, take
from tests.support.linking import LinkOutcome, issue_code, redeem_code
from tests.support.recorded_events import (
    Record,
    achievement,
    balance,
    key_of,
    persistently,
    record,
    settle,
    until_someone_waits_for_a_lock,
    xp,
)

TG, DC = 1001, 2002


@pytest.fixture
def books(pool: asyncpg.Pool) -> Record:
    return Record(pool)


@pytest.fixture(autouse=True)
async def the_books_add_up(pool: asyncpg.Pool):
    await set_ranks(
        pool, [RankRow("Newcomer", 10), RankRow("Regular", 30), RankRow("Veteran", 100)]
    )
    yield
    assert await Record(pool).discrepancies() == []


async def code_for(pool: asyncpg.Pool, platform="telegram", account_id: int = TG) -> str:
    async with pool.acquire() as conn:
        return await issue_code(conn, platform, account_id)


async def redeem(
    pool: asyncpg.Pool, code: str, platform="discord", account_id: int = DC
) -> LinkOutcome:
    async with pool.acquire() as conn:
        return await redeem_code(conn, platform, account_id, code)


async def link(pool: asyncpg.Pool, tg: int = TG, dc: int = DC) -> LinkOutcome:
    return await redeem(pool, await code_for(pool, account_id=tg), account_id=dc)


def dc_xp(delta: int, entity_id: str = "1"):
    return xp(delta, entity_id, user_id=DC, source="discord")


async def test_linking_adds_everything_up(pool, books):
    mine = [xp(20), balance(7), achievement("first_win")]
    theirs = [dc_xp(15), balance(5, user_id=DC, source="discord")]
    await record(pool, *mine)
    await settle(pool, *mine)
    await record(pool, *theirs, source="discord")
    await settle(pool, *theirs, source="discord")

    assert await link(pool) is LinkOutcome.LINKED

    assert await books.member(TG) == await books.member(DC, "discord")
    assert await books.totals() == (35, 12)
    assert await books.books("telegram") == await books.books("discord") == (35, 12)
    assert await books.count("members") == 1
    assert await books.count("sync_state WHERE rank = 2") == 2
    assert await books.count("achievements") == 2
    assert await books.count("link_offers WHERE status = 'linked'") == 1


async def test_both_platforms_show_the_merged_member(pool, books):
    await record(pool, xp(20), achievement("first_win"))
    await record(pool, dc_xp(15), source="discord")
    await settle(pool, xp(20), achievement("first_win"))
    for platform in ("telegram", "discord"):
        for visit in await take(pool, platform, limit=9, lease_s=60):
            await mark_shown(pool, visit)
    await settle(pool, dc_xp(15), source="discord")
    await link(pool)

    for platform, account in zip(SOURCES, (TG, DC), strict=True):
        [visit] = await take(pool, platform, limit=9, lease_s=60)
        assert visit.account_id == account
        shown_on_discord = {"linked": 1} if platform == "discord" else {}
        assert visit.wanted == {"rank": 2, "achievement:first_win": 1, **shown_on_discord}


async def test_a_member_without_anything_can_be_linked(pool, books):
    await record(pool, xp(20))

    assert await link(pool) is LinkOutcome.LINKED

    assert await books.totals() == (20, 0)


async def test_linking_the_other_way_round_gives_the_same(pool, books):
    await record(pool, xp(20))
    code = await code_for(pool, "discord", DC)

    assert await redeem(pool, code, "telegram", TG) is LinkOutcome.LINKED

    assert await books.totals() == (20, 0)


async def test_events_in_flight_during_the_link_arrive_at_the_merged_member(pool, books):
    await record(pool, xp(20))
    await record(pool, dc_xp(15), source="discord")

    await link(pool)
    await settle(pool, xp(20))
    await settle(pool, dc_xp(15), source="discord")

    assert await books.totals() == (35, 0)
    assert await books.books("telegram") == await books.books("discord") == (35, 0)


async def test_replays_after_the_link_change_nothing(pool, books):
    await record(pool, dc_xp(15), source="discord")
    await settle(pool, dc_xp(15), source="discord")
    await record(pool, xp(20))
    await link(pool)

    [again] = await record(pool, dc_xp(15), source="discord")
    await settle(pool, dc_xp(15), source="discord")

    assert not again.created
    assert await books.totals() == (35, 0)


async def test_settling_while_a_link_commits_finds_the_merged_member(pool, books):
    await record(pool, xp(20, user_id=1))  # so that the Discord member is merged away
    await record(pool, dc_xp(15), source="discord")
    code = await code_for(pool, account_id=1)

    async with pool.acquire() as conn:
        linking = conn.transaction()
        await linking.start()
        assert await redeem_code(conn, "discord", DC, code) is LinkOutcome.LINKED
        settling = asyncio.create_task(settle(pool, dc_xp(15), source="discord"))
        recording = asyncio.create_task(record(pool, dc_xp(3, "2"), source="discord"))
        await until_someone_waits_for_a_lock(pool, waiting=2)
        await linking.commit()
        await asyncio.gather(settling, recording)

    assert await books.totals(1) == (38, 0)
    assert await books.books("telegram", 1) == (35, 0)
    assert await books.ledger(key_of(dc_xp(15))) == ["discord", "telegram"]


async def test_a_link_waits_for_a_settling_that_began_before_it(pool, books):
    await record(pool, xp(20, user_id=1))
    await record(pool, dc_xp(15), source="discord")
    code = await code_for(pool, account_id=1)

    async with pool.acquire() as conn:
        settling = conn.transaction()
        await settling.start()
        await events.settle(conn, "telegram", "discord", [dc_xp(15)])
        linking = asyncio.create_task(redeem(pool, code))
        await until_someone_waits_for_a_lock(pool)
        await settling.commit()
        assert await linking is LinkOutcome.LINKED

    assert await books.books("telegram", 1) == (35, 0)


async def test_links_among_a_crowd_of_events_lose_nothing(pool, books):
    """Members are linked while events for them are recorded and settled in both directions."""
    pairs = [(10 + n, 500 + n) for n in range(8)]
    tg = [[xp(n + 1, f"{n}", user_id=t) for n in range(6)] for t, _ in pairs]
    dc = [[xp(n + 1, f"{n}", user_id=d, source="discord") for n in range(6)] for _, d in pairs]

    async def play(envelopes, source):
        for envelope in envelopes:
            await persistently(partial(record, pool, envelope, source=source))
        await persistently(lambda: settle(pool, *envelopes, source=source))

    async def join(tg_account, dc_account):
        outcome = await persistently(lambda: link(pool, tg_account, dc_account))
        assert outcome is LinkOutcome.LINKED

    await asyncio.gather(
        *(play(envelopes, "telegram") for envelopes in tg),
        *(play(envelopes, "discord") for envelopes in dc),
        *(join(t, d) for t, d in pairs),
    )

    assert await books.count("members") == len(pairs)
    for tg_account, _ in pairs:
        assert await books.totals(tg_account) == (42, 0)
        assert await books.books("telegram", tg_account) == (42, 0)
        assert await books.books("discord", tg_account) == (42, 0)


async def test_two_links_of_the_same_accounts_at_once_link_once(pool, books):
    await record(pool, xp(20))
    await record(pool, dc_xp(15), source="discord")
    of_tg = await code_for(pool)
    of_dc = await code_for(pool, "discord", DC)

    outcomes = await asyncio.gather(
        persistently(lambda: redeem(pool, of_tg)),
        persistently(lambda: redeem(pool, of_dc, "telegram", TG)),
        persistently(lambda: redeem(pool, of_tg)),
    )

    assert LinkOutcome.LINKED in outcomes
    assert await books.count("links") == 1
    assert await books.totals() == (35, 0)
    assert await books.count("members") == 1


async def test_a_new_code_and_the_use_of_the_old_one_never_deadlock(pool):
    code = await code_for(pool)
    await record(pool, xp(20))

    for _ in range(10):
        await asyncio.gather(code_for(pool), redeem(pool, code, "telegram", 7), code_for(pool))
        code = await code_for(pool)


async def test_one_discord_account_linked_by_two_people_at_once_belongs_to_one(pool, books):
    first, second = await code_for(pool, account_id=1), await code_for(pool, account_id=2)

    outcomes = await asyncio.gather(
        persistently(lambda: redeem(pool, first)), persistently(lambda: redeem(pool, second))
    )

    assert outcomes.count(LinkOutcome.LINKED) == 1
    assert await books.count("links") == 1


async def test_a_linked_account_cannot_be_linked_again(pool, books):
    await record(pool, xp(20))
    await link(pool)

    with pytest.raises(LinkRefused):
        await link(pool, dc=4)
    assert await link(pool, tg=3) is LinkOutcome.ALREADY_LINKED
    assert await books.totals() == (20, 0)


async def test_accounts_of_one_platform_are_not_linked(pool, books):
    code = await code_for(pool)

    assert await redeem(pool, code, "telegram", 3) is LinkOutcome.SAME_PLATFORM
    assert await redeem(pool, code) is LinkOutcome.LINKED


@pytest.mark.parametrize("code", ["", "a\x00b", "half a pair \ud800", "ß" * 5_000, "' OR 1=1 --"])
async def test_any_text_may_be_sent_as_a_code(pool, code):
    assert await redeem(pool, code) is LinkOutcome.WRONG_CODE


async def test_a_code_may_be_typed_in_lower_case_with_spaces_around_it(pool):
    code = await code_for(pool)

    assert await redeem(pool, f" {code.lower()}\n") is LinkOutcome.LINKED


async def test_a_new_code_voids_the_old_one(pool):
    old = await code_for(pool)
    new = await code_for(pool)

    assert await redeem(pool, old) is LinkOutcome.ENDED
    assert await redeem(pool, new) is LinkOutcome.LINKED


async def test_a_visit_that_began_before_the_link_neither_hides_it_nor_blocks_it(pool, books):
    await record(pool, xp(20, user_id=1))
    await record(pool, dc_xp(15), source="discord")
    [visit] = await take(pool, "discord", limit=1, lease_s=60)

    await link(pool, tg=1)

    assert await take(pool, "discord", limit=1, lease_s=60) == []
    await mark_shown(pool, visit)
    [again] = await take(pool, "discord", limit=1, lease_s=60)
    assert again.account_id == DC


async def test_linking_covers_every_table_that_names_a_member(pool):
    """A table that it forgot would make every link of a member in it fail for ever."""
    referring = await pool.fetch(
        """
        SELECT conrelid::regclass::text AS name FROM pg_constraint
        WHERE contype = 'f' AND confrelid = 'members'::regclass ORDER BY 1
        """
    )
    assert {row["name"] for row in referring} == {
        "accounts",
        "achievements",
        "member_scores",
        "store_debts",
        "surfaces",
        "sync_state",
    }
