"""Acts of links: each obeys the settings, is on record with its actor, and is told once."""

import asyncio
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from db import Contention, Platform
from db.ledger.ranks import RankRow, set_ranks
from db.links import account_moves, links, offers, states, support
from db.links.links import Link
from db.links.offers import Confirmation
from db.links.refusals import LinkRefused
from db.links.states import LinkRules
from db.links.support import Administrator
from db.members import forgetting, notices, privacy
from db.members.forgetting import Account
from db.surfaces.display_visits import mark_shown, take
from db.upkeep.audit import audit
from tests.support.patience import PATIENCE_S
from tests.support.recorded_events import (
    Record,
    balance,
    record,
    settle,
    until_someone_waits_for_a_lock,
    xp,
)

TG, DC, OTHER_TG, OTHER_DC, ADMIN = 1001, 2002, 1003, 2004, 42


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


async def earn(pool: asyncpg.Pool, *envelopes: Any) -> None:
    for envelope in envelopes:
        await record(pool, envelope, source=envelope.event.source)
        await settle(pool, envelope, source=envelope.event.source)


async def both_earn(pool: asyncpg.Pool) -> None:
    """Telegram has 20 XP and 5 coins, Discord 15 XP and 7 coins."""
    await earn(
        pool,
        xp(20),
        balance(5),
        xp(15, user_id=DC, source="discord"),
        balance(7, user_id=DC, source="discord"),
    )


async def linked(pool: asyncpg.Pool, tg: int = TG, dc: int = DC, **more: Any) -> Link:
    async with pool.acquire() as conn, conn.transaction():
        return await links.link(conn, telegram_account_id=tg, discord_account_id=dc, **more)


async def by_code(pool: asyncpg.Pool, tg: int = TG, dc: int = DC) -> Confirmation:
    """Link as members do: Discord starts, Telegram sends the code, and Discord confirms."""
    async with pool.acquire() as conn:
        offer_id, code, _ = await offers.start(conn, "discord", dc)
        if code is None:  # an earlier attempt was opened, and refused when it was confirmed
            await offers.decline(conn, "discord", dc, offer_id)
            offer_id, code, _ = await offers.start(conn, "discord", dc)
        assert code is not None
        await offers.open_offer(conn, "telegram", tg, code)
        return await offers.confirm(conn, "discord", dc, offer_id)


async def seen(pool: asyncpg.Pool, **accounts: int) -> None:
    """Let the bots see accounts for the first time."""
    for platform, account_id in accounts.items():
        await pool.execute("SELECT remember_name($1, $2, 'New')", platform, account_id)


async def unlinked_by_member(pool: asyncpg.Pool, platform: Platform = "discord") -> None:
    async with pool.acquire() as conn:
        account_id = DC if platform == "discord" else TG
        await states.unlink_own(conn, platform, account_id, stores=[])


async def undone_by_member(pool: asyncpg.Pool, link_id: int | None = None) -> None:
    async with pool.acquire() as conn:
        await states.undo_own_link(conn, "telegram", TG, stores=[], link_id=link_id)


async def moved(pool: asyncpg.Pool, platform: Platform, old: int, new: int) -> None:
    async with pool.acquire() as conn, conn.transaction():
        await account_moves.move(conn, platform=platform, from_account_id=old, to_account_id=new)


async def rules(pool: asyncpg.Pool, **changes: Any) -> None:
    await states.set_rules(pool, LinkRules(**changes))


async def told(pool: asyncpg.Pool) -> set[tuple[str, int, str]]:
    """Return who is told what, and forget it."""
    rows = await pool.fetch("DELETE FROM notices RETURNING platform, account_id, kind")
    assert len(rows) == len(set(rows))
    return {tuple(row) for row in rows}


@pytest.mark.parametrize(
    ("policy", "expected", "reason"),
    [
        ("sum", (35, 12), None),
        ("max", (20, 7), "link_max"),
        ("telegram", (20, 5), "link_telegram"),
        ("discord", (15, 7), "link_discord"),
    ],
)
async def test_a_code_links_by_the_policy_of_the_settings(pool, books, policy, expected, reason):
    await both_earn(pool)
    await rules(pool, policy=policy)

    assert await by_code(pool) is Confirmation.LINKED

    assert await books.totals() == expected
    rows = await pool.fetch(
        "SELECT DISTINCT reason FROM transactions WHERE idempotency_key LIKE 'link:%:policy:%'"
    )
    assert [row["reason"] for row in rows] == ([] if reason is None else [reason])
    before = await pool.fetchrow(
        "SELECT policy, telegram_xp_before, telegram_balance_before, discord_xp_before,"
        " discord_balance_before FROM links"
    )
    assert tuple(before) == (policy, 20, 5, 15, 7)


async def test_a_reward_is_paid_once_per_account_whatever_follows(pool, books):
    await rules(pool, reward_xp=10, reward_balance=3, cooldown_s=0)
    assert await by_code(pool) is Confirmation.LINKED
    assert await books.totals() == (10, 3)

    await undone_by_member(pool)
    assert await books.totals() == (10, 3)
    assert await by_code(pool) is Confirmation.LINKED
    assert await books.totals() == (10, 3)
    await unlinked_by_member(pool)
    assert await by_code(pool, OTHER_TG, DC) is Confirmation.LINKED
    assert await books.totals(OTHER_TG) == (0, 0)
    await moved(pool, "telegram", OTHER_TG, 1005)
    await moved(pool, "telegram", TG, 1006)
    # So many links and moves of one account are refused within a month.
    await pool.execute("UPDATE links SET linked_at = linked_at - interval '60 days'")
    await pool.execute("UPDATE moves SET moved_at = moved_at - interval '60 days'")
    assert await by_code(pool, 1006, OTHER_DC) is Confirmation.LINKED

    assert await books.totals(1006) == (10, 3)
    assert (
        await pool.fetchval("SELECT count(*) FROM transactions WHERE reason = 'link_reward'") == 4
    )


async def test_a_fresh_pair_is_paid_although_others_were(pool, books):
    await rules(pool, reward_xp=10)
    await by_code(pool)
    await by_code(pool, OTHER_TG, OTHER_DC)

    assert await books.totals(OTHER_TG) == (10, 0)


@pytest.mark.parametrize(("platform", "account_id"), [("telegram", TG), ("discord", DC)])
async def test_a_forbidden_account_links_with_nobody_until_it_is_allowed(
    pool, platform, account_id
):
    by = Administrator(platform, ADMIN, "spam")
    async with pool.acquire() as conn:
        await support.set_leave(conn, by, account_id, may_link=False)

    assert await by_code(pool) is Confirmation.FORBIDDEN
    with pytest.raises(LinkRefused, match="does not let") as refused:
        await linked(pool)
    assert refused.value.rule == "account_may_link"

    async with pool.acquire() as conn:
        await support.set_leave(conn, by, account_id, may_link=True)
    assert await by_code(pool) is Confirmation.LINKED


async def test_forbidding_a_linked_member_concerns_both_accounts_and_parts_nothing(pool, books):
    await by_code(pool)
    async with pool.acquire() as conn:
        await support.set_leave(conn, Administrator("telegram", ADMIN, "so"), TG, may_link=False)
        assert (await states.link_state(conn, "discord", DC)).forbidden_at is not None
    assert await books.member() == await books.member(DC, "discord")

    await unlinked_by_member(pool)

    assert await by_code(pool, OTHER_TG, DC) is Confirmation.FORBIDDEN
    assert await by_code(pool) is Confirmation.FORBIDDEN


async def test_a_forbidden_member_does_not_link_with_a_moved_account(pool):
    async with pool.acquire() as conn:
        await support.set_leave(conn, Administrator("telegram", ADMIN, "so"), TG, may_link=False)
    await moved(pool, "telegram", TG, OTHER_TG)

    assert await by_code(pool, OTHER_TG) is Confirmation.FORBIDDEN


async def test_an_unlinked_account_waits_before_it_links_with_another_one(pool):
    await by_code(pool)
    await unlinked_by_member(pool)

    assert await by_code(pool, OTHER_TG, DC) is Confirmation.COOLING_DOWN
    assert await by_code(pool, TG, OTHER_DC) is Confirmation.COOLING_DOWN
    async with pool.acquire() as conn:
        assert (await states.link_state(conn, "discord", DC)).free_at is not None
    await pool.execute("UPDATE links SET linked_at = linked_at - interval '25 h'")
    await pool.execute("UPDATE links SET unlinked_at = unlinked_at - interval '24 h 1 s'")

    assert await by_code(pool, OTHER_TG, DC) is Confirmation.LINKED


async def test_the_same_two_link_again_at_once(pool):
    await by_code(pool)
    await unlinked_by_member(pool)

    assert await by_code(pool) is Confirmation.LINKED


async def test_an_undone_link_makes_nobody_wait(pool):
    await by_code(pool)
    await unlinked_by_member(pool)
    await undone_by_member(pool)

    assert await by_code(pool, OTHER_TG, DC) is Confirmation.LINKED


async def test_an_administrator_need_not_wait_for_the_cooldown(pool, books):
    await by_code(pool)
    await seen(pool, telegram=OTHER_TG)
    await unlinked_by_member(pool)

    async with pool.acquire() as conn:
        by = Administrator("discord", ADMIN, "wrong account")
        await support.link(conn, by, DC, OTHER_TG, stores=[])

    assert await books.member(OTHER_TG) == await books.member(DC, "discord")


async def test_every_account_but_the_one_that_acted_is_told_once(pool):
    await linked(pool)
    assert await told(pool) == {("telegram", TG, "linked"), ("discord", DC, "linked")}

    await unlinked_by_member(pool)
    assert await told(pool) == {("telegram", TG, "unlinked")}

    await undone_by_member(pool)
    assert await told(pool) == {("discord", DC, "link_undone")}

    await linked(pool)
    await told(pool)
    await moved(pool, "telegram", TG, OTHER_TG)
    assert await told(pool) == {
        ("telegram", TG, "moved_away"),
        ("telegram", OTHER_TG, "moved_here"),
        ("discord", DC, "partner_moved"),
    }


async def test_the_account_that_opened_an_offer_is_told_unless_it_saw_the_link(pool):
    await by_code(pool)
    async with pool.acquire() as conn:
        assert await notices.take(conn, "telegram", limit=9, lease_s=60) == []  # it waits
        await conn.execute("UPDATE notices SET taken_until = now() - interval '1 s'")
        [notice] = await notices.take(conn, "telegram", limit=9, lease_s=60)
        assert (notice.account_id, notice.kind) == (TG, "linked")
        assert await notices.take(conn, "discord", limit=9, lease_s=60) == []
        await notices.end_of_link(conn, "telegram", TG)

    assert await told(pool) == set()


async def test_a_move_of_an_account_without_a_link_tells_both_accounts(pool):
    await moved(pool, "discord", DC, OTHER_DC)

    assert await told(pool) == {
        ("discord", DC, "moved_away"),
        ("discord", OTHER_DC, "moved_here"),
    }


async def test_acts_that_follow_one_another_are_told_each(pool):
    await linked(pool)
    await undone_by_member(pool)
    await linked(pool)

    kinds = await pool.fetch("SELECT kind FROM notices WHERE platform = 'discord' ORDER BY subject")
    assert [row["kind"] for row in kinds] == ["linked", "link_undone", "linked"]


async def test_a_notice_names_the_other_account_as_it_is_called_now(pool):
    async with pool.acquire() as conn:
        await seen(pool, telegram=TG, discord=DC)
        by = Administrator("telegram", ADMIN, "asked in \x00person\ud800")
        await support.link(conn, by, TG, DC, stores=[])
        await conn.execute("SELECT remember_name('telegram', $1, 'Alice')", TG)
        [notice] = await notices.take(conn, "discord", limit=9, lease_s=60)

    assert notice.name == "Alice"
    assert notice.details["by"] == "administrator"
    assert notice.details["reason"] == "asked in person"
    assert "Alice" not in str(notice.details)


async def test_every_act_is_on_record_with_its_actor_and_reason(pool):
    await by_code(pool)
    await unlinked_by_member(pool)
    await undone_by_member(pool)
    await seen(pool, telegram=OTHER_TG)
    async with pool.acquire() as conn:
        by = Administrator("telegram", ADMIN, "lost phone")
        await support.link(conn, by, TG, DC, stores=[])
        await support.undo(conn, by, TG, stores=[])
        await support.link(conn, by, TG, DC, stores=[])
        await support.unlink(conn, by, TG, stores=[])
        await support.move(conn, by, TG, OTHER_TG, stores=[])
        await support.set_leave(conn, by, OTHER_TG, may_link=False)
        await support.set_leave(conn, by, OTHER_TG, may_link=True)
        lost = await states.acts_of(conn, "telegram", TG, limit=20)
        listed = await states.acts_of(conn, "telegram", None, limit=20)
        elsewhere = await states.acts_of(conn, "discord", None, limit=20)

    assert [act.operation for act in reversed(lost)] == [
        *("link", "unlink", "undo", "link", "undo", "link", "unlink", "move")
    ]
    assert [(act.actor, act.actor_platform, act.actor_account_id) for act in lost[-3:]] == [
        ("member", "telegram", TG),
        ("member", "discord", DC),
        ("member", "discord", DC),
    ]
    assert {(act.actor_account_id, act.reason) for act in listed} == {(ADMIN, "lost phone")}
    assert [act.operation for act in reversed(listed)] == [
        *("link", "undo", "link", "unlink", "move", "forbid", "allow")
    ]
    assert elsewhere == []


async def test_a_members_end_of_a_link_is_limited_per_platform_and_day(pool):
    await by_code(pool)
    await pool.execute(
        "INSERT INTO link_acts (operation, actor, actor_platform, actor_account_id)"
        " SELECT 'unlink', 'member', 'discord', n FROM generate_series(1, own_ends_max()) AS n"
    )

    with pytest.raises(LinkRefused) as refused:
        await unlinked_by_member(pool)
    assert refused.value.rule == "own_ends_limited"
    await unlinked_by_member(pool, "telegram")
    await pool.execute("UPDATE link_acts SET acted_at = acted_at - interval '24 h'")
    await by_code(pool)
    await unlinked_by_member(pool)


async def test_a_button_of_an_older_link_ends_nothing(pool, books):
    first = await linked(pool)
    await undone_by_member(pool, first.id)
    second = await linked(pool)

    with pytest.raises(LinkRefused) as refused:
        await undone_by_member(pool, first.id)
    assert refused.value.rule == "account_is_linked_since"
    assert await books.member() == await books.member(DC, "discord")
    await undone_by_member(pool, second.id)


async def test_members_undo_links_for_as_long_as_the_settings_say(pool):
    link = await linked(pool)
    await pool.execute("UPDATE links SET linked_at = linked_at - interval '8 days'")
    async with pool.acquire() as conn:
        assert (await states.link_state(conn, "telegram", TG)).undo_until is None
        with pytest.raises(LinkRefused, match="older than 7 days"):
            await undone_by_member(pool)

        await rules(pool, undo_s=10 * 86_400)

        state = await states.link_state(conn, "telegram", TG)
        assert state.undo_until == link.linked_at + timedelta(days=2)
        await undone_by_member(pool)


async def test_one_sided_ends_move_points_as_the_others_do(pool, books):
    await both_earn(pool)
    await by_code(pool)
    await unlinked_by_member(pool)
    assert (await books.totals(), await books.totals(DC, "discord")) == ((35, 12), (0, 0))

    await undone_by_member(pool)
    assert (await books.totals(), await books.totals(DC, "discord")) == ((20, 5), (15, 7))


async def shown(pool: asyncpg.Pool) -> dict[str, int]:
    """Visit whoever is due on Discord; return what the last visit to each account wanted."""
    wanted = {}
    while visits := await take(pool, "discord", limit=10, lease_s=60.0):
        for visit in visits:
            await mark_shown(pool, visit)
            if "linked" in visit.wanted:
                wanted[str(visit.account_id)] = visit.wanted["linked"]
    return wanted


async def test_a_link_is_shown_on_discord_as_long_as_it_lasts(pool):
    await by_code(pool)
    assert await shown(pool) == {str(DC): 1}

    await unlinked_by_member(pool)
    assert await shown(pool) == {str(DC): 0}

    await by_code(pool)
    assert await shown(pool) == {str(DC): 1}
    await moved(pool, "discord", DC, OTHER_DC)
    assert await shown(pool) == {str(DC): 0, str(OTHER_DC): 1}
    await moved(pool, "telegram", TG, OTHER_TG)
    assert (await shown(pool)).get(str(OTHER_DC), 1) == 1
    async with pool.acquire() as conn:
        await states.unlink_own(conn, "telegram", OTHER_TG, stores=[])
    await shown(pool)
    await moved(pool, "discord", OTHER_DC, DC)
    assert 1 not in (await shown(pool)).values()
    assert await pool.fetchval("SELECT count(*) FROM surfaces WHERE announce") == 0
    assert await pool.fetchval("SELECT count(*) FROM surfaces WHERE platform = 'telegram'") == 0


async def test_a_few_members_do_not_use_up_the_limit_for_all(pool):
    """Each account counts once a day, however often it ends links."""
    await by_code(pool)
    await pool.execute(
        "INSERT INTO link_acts (operation, actor, actor_platform, actor_account_id)"
        " SELECT 'unlink', 'member', 'discord', n % 50 FROM generate_series(1, 300) AS n"
    )

    await unlinked_by_member(pool)


@pytest.mark.parametrize(
    ("act", "rule"),
    [
        (lambda conn, by: support.link(conn, by, TG, 3003, stores=[]), "account_is_known"),
        (lambda conn, by: support.link(conn, by, 1033, OTHER_DC, stores=[]), "account_is_known"),
        (lambda conn, by: support.move(conn, by, TG, 1033, stores=[]), "account_is_known"),
        (
            lambda conn, by: support.link(conn, by, ADMIN, OTHER_DC, stores=[]),
            "administrator_acts_for_others",
        ),
        (
            lambda conn, by: support.move(conn, by, TG, ADMIN, stores=[]),
            "administrator_acts_for_others",
        ),
        (
            lambda conn, by: support.link(conn, by, TG, DC, stores=[]),
            "administrator_acts_for_others",
        ),
    ],
    ids=["no such partner", "no such account", "no such new account", "own", "take over", "own DC"],
)
async def test_administrators_name_accounts_of_others_that_were_seen(pool, act, rule):
    await linked(pool, tg=ADMIN)
    await seen(pool, telegram=TG, discord=OTHER_DC)
    async with pool.acquire() as conn:
        with pytest.raises(LinkRefused) as refused:
            await act(conn, Administrator("telegram", ADMIN, "why not"))

    assert refused.value.rule == rule
    assert await pool.fetchval("SELECT count(*) FROM support_uses") == 0
    assert await pool.fetchval("SELECT count(*) FROM accounts") == 4


@pytest.mark.parametrize(
    ("end", "error", "why"),
    [
        (unlinked_by_member, Contention, "linked anew"),
        (undone_by_member, LinkRefused, "link 2 came after link 1"),
    ],
    ids=["unlink", "undo"],
)
async def test_the_end_of_a_link_and_a_move_at_once_are_no_deadlock(pool, end, error, why):
    await linked(pool)
    async with pool.acquire() as holder, holder.transaction():
        await holder.execute("SELECT FROM accounts FOR UPDATE")
        moving = asyncio.create_task(moved(pool, "telegram", TG, OTHER_TG))
        await until_someone_waits_for_a_lock(pool)
        ending = asyncio.create_task(end(pool))
        await until_someone_waits_for_a_lock(pool, waiting=2)
    async with asyncio.timeout(PATIENCE_S):
        await moving
        # The link has gone with the moved account.
        with pytest.raises(error, match=why):
            await ending

    assert await pool.fetchval("SELECT count(*) FROM moves") == 1


async def _forget(conn: asyncpg.Connection) -> None:
    async with conn.transaction():
        await forgetting.forget(conn, Account("telegram", TG), secret="x" * 16, stores={})


@pytest.mark.parametrize(
    "operation",
    [
        lambda conn: states.unlink_own(conn, "telegram", TG, stores=[]),
        lambda conn: states.undo_own_link(conn, "telegram", TG, stores=[]),
        lambda conn: account_moves.move(
            conn, platform="telegram", from_account_id=TG, to_account_id=OTHER_TG
        ),
        _forget,
    ],
    ids=["unlink", "undo", "move", "forget"],
)
async def test_a_deadlock_is_contention_and_changes_nothing(pool, operation):
    await linked(pool)
    async with pool.acquire() as conn, pool.acquire() as holder, holder.transaction():
        await conn.execute("SET deadlock_timeout = '300ms'")
        await holder.execute("SELECT FROM links FOR UPDATE")
        under_way = asyncio.create_task(operation(conn))
        await until_someone_waits_for_a_lock(pool)
        async with asyncio.timeout(PATIENCE_S):
            await holder.execute("SELECT FROM accounts ORDER BY platform FOR UPDATE")
            with pytest.raises(Contention):
                await under_way

    assert await pool.fetchval("SELECT count(*) FROM link_acts") == 1
    async with pool.acquire() as conn:
        await operation(conn)


async def test_members_who_earn_on_one_side_only_are_listed_page_by_page(pool):
    await both_earn(pool)
    people = range(2001, 2006)
    await earn(pool, *(xp(number, user_id=number, entity_id="9") for number in people))
    await linked(pool)
    async with pool.acquire() as conn:
        await conn.execute("SELECT leave_out('telegram', ARRAY[2001::bigint], 'gone')")
        await privacy.set_hidden(conn, "telegram", 2002, hidden=True)
        async with conn.transaction():
            await forgetting.forget(conn, Account("telegram", 2003), secret="x" * 16, stores={})
        first = await states.one_sided_here(conn, "telegram", past=0, limit=1)
        rest = await states.one_sided_here(conn, "telegram", past=1, limit=9)
        there = await states.one_sided_here(conn, "discord", past=0, limit=9)
        listed = await states.one_sided(conn, limit=9)

    assert [one.account_id for one in first + rest] == [2005, 2004]
    assert there == []
    assert [one.account_id for one in listed] == [2005, 2004, 2002, 2001]


async def test_members_who_earn_on_one_side_only_are_listed(pool):
    await both_earn(pool)
    await earn(pool, xp(50, user_id=OTHER_TG, entity_id="9"))
    await linked(pool)
    async with pool.acquire() as conn:
        found = await states.one_sided(conn, limit=10)

    assert [(one.platform, one.account_id, one.xp) for one in found] == [("telegram", OTHER_TG, 50)]


async def test_an_account_that_was_never_seen_is_not_linked(pool):
    async with pool.acquire() as conn:
        state = await states.link_state(conn, "telegram", 999)

    assert state == (None, False, *(None,) * 11)


async def test_the_settings_are_written_when_they_differ(pool):
    await rules(pool, policy="max", reward_xp=5)
    async with pool.acquire() as conn:
        assert await states.rules(conn) == LinkRules("max", 5, 0, 86_400)
        before = await conn.fetchval("SELECT xmin FROM link_settings")
        await rules(pool, policy="max", reward_xp=5)
        assert await conn.fetchval("SELECT xmin FROM link_settings") == before


async def test_without_settings_the_defaults_count(pool, books):
    await both_earn(pool)
    await pool.execute("DELETE FROM link_settings")

    assert await by_code(pool) is Confirmation.LINKED
    assert await books.totals() == (35, 12)
    async with pool.acquire() as conn:
        assert await states.rules(conn) == LinkRules()
