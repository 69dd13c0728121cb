"""Invitations in Postgres: paid once for an account that stays and takes part."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from db.links import account_moves, links
from db.rewards import invites
from db.rewards.invites import InviteRules, Judged
from db.upkeep.audit import audit
from tests.support.patience import PATIENCE_S
from tests.support.postgres_clock import PostgresClock
from tests.support.recorded_events import Record, record, xp

INVITER, GUEST, NEW, DC = 1001, 5001, 5099, 2002
RULES = InviteRules(stay_s=3_600, least_xp=10, xp=50, balance=25, per_day=2)
NOW = datetime(2026, 11, 10, 12, tzinfo=UTC)
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
SECRET = "a secret of the deployment"


@pytest.fixture
def books(pool: asyncpg.Pool) -> Record:
    return Record(pool)


@pytest.fixture(autouse=True)
async def clock(pool: asyncpg.Pool) -> AsyncIterator[PostgresClock]:
    clock = PostgresClock(pool)
    await clock.begin()
    await clock.set(NOW)
    yield clock
    async with pool.acquire() as conn:
        found = await audit(conn, {})
    assert [one for check in found.checks for one in check.examples] == []


async def note(pool: asyncpg.Pool, guest: int = GUEST, inviter: int = INVITER, **more: str):
    async with pool.acquire() as conn:
        return await invites.note(conn, "telegram", inviter, guest, **more)


async def left(pool: asyncpg.Pool, guest: int = GUEST) -> None:
    async with pool.acquire() as conn:
        await invites.end(conn, "telegram", guest)


async def pay(pool: asyncpg.Pool, rules: InviteRules = RULES) -> Judged | None:
    """Judge until one is not to wait."""
    while looked_at := await look(pool, rules, at_most=1):
        if looked_at[0].status != "waiting":
            return looked_at[0]
    return None


async def look(
    pool: asyncpg.Pool, rules: InviteRules = RULES, *, at_most: int = 50, pause_s: float = 0.001
) -> list[Judged]:
    async with pool.acquire() as conn:
        return await invites.pay_due(conn, "telegram", rules, pause_s=pause_s, at_most=at_most)


async def earn(pool: asyncpg.Pool, *guests: int, amount: int = 10) -> None:
    for guest in guests or (GUEST,):
        await record(pool, xp(amount, str(guest), user_id=guest))


async def test_an_inviter_is_paid_once_for_one_who_stays_and_takes_part(pool, books, clock):
    assert await note(pool) == "waiting"
    await earn(pool, amount=9)
    await clock.set(NOW + HOUR)
    too_little = await pay(pool)
    await record(pool, xp(1, "more", user_id=GUEST))
    await clock.set(NOW + HOUR - timedelta(seconds=1))
    too_early = await pay(pool)
    await clock.set(NOW + HOUR + SECOND)
    paid = [await pay(pool), await pay(pool)]

    assert (too_little, too_early) == (None, None)
    assert paid == [Judged(INVITER, GUEST, "paid"), None]
    assert await books.totals(INVITER) == (50, 25)


async def test_two_processes_pay_one_invitation_once(pool, books, clock):
    await note(pool)
    await earn(pool)
    await clock.set(NOW + HOUR)

    both = await asyncio.gather(pay(pool), pay(pool))

    assert len([one for one in both if one is not None and one.status == "paid"]) == 1
    assert await books.totals(INVITER) == (50, 25)


async def test_a_payment_waits_for_no_inviter_whom_a_move_holds(pool, books, clock):
    await note(pool)
    await earn(pool)
    await record(pool, xp(1, "inviter", user_id=INVITER))
    await clock.set(NOW + HOUR)
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute(
            "SELECT twinstream.lock_accounts('telegram', ARRAY[$1::bigint], true)", INVITER
        )
        async with asyncio.timeout(PATIENCE_S):
            meanwhile = await pay(pool)
        # As a move does, with the inviter locked: it must not wait for the payment.
        await conn.execute("UPDATE twinstream.invites SET inviter_id = inviter_id")

    assert meanwhile is None
    await clock.set(NOW + HOUR + SECOND)
    assert await pay(pool) == Judged(INVITER, GUEST, "paid")


async def test_leaving_and_joining_again_pays_nothing_for_ever(pool, books, clock):
    await note(pool)
    await left(pool)
    again = await note(pool, inviter=1002)
    await earn(pool)
    await clock.set(NOW + DAY)

    assert again is None
    assert await pay(pool) is None


async def test_a_paid_account_that_leaves_and_comes_back_is_not_paid_again(pool, books, clock):
    await note(pool)
    await earn(pool)
    await clock.set(NOW + HOUR)
    await pay(pool)
    for _ in range(5):
        await left(pool)
        await note(pool)
        await clock.set(NOW + 2 * DAY)
        await pay(pool)

    assert await books.totals(INVITER) == (50, 25)


async def test_an_account_that_was_here_before_brings_nothing(pool, books):
    await earn(pool)

    assert await note(pool) == "void"
    assert await note(pool, INVITER) == "void"


async def test_a_forgotten_account_that_comes_back_brings_nothing(pool, books):
    await note(pool)
    await earn(pool)
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute("SELECT twinstream.forget_person('telegram', $1, $2)", GUEST, SECRET)

    assert await books.count("invites") == 0
    assert await note(pool, forget_secret=SECRET) == "void"


async def test_accounts_of_one_person_bring_nothing(pool, books, clock):
    """The guest is linked with the account that the inviter was linked with before."""
    await note(pool)
    await earn(pool)
    await clock.set(NOW + HOUR)
    async with pool.acquire() as conn, conn.transaction():
        await links.link(conn, telegram_account_id=INVITER, discord_account_id=DC)
        await links.unlink(conn, platform="discord", account_id=DC)
    await pool.execute(
        "INSERT INTO twinstream.links (telegram_account_id, discord_account_id, unlinked_at)"
        " VALUES ($1, $2, now())",
        GUEST,
        DC,
    )

    assert await pay(pool) == Judged(INVITER, GUEST, "void")
    assert await books.totals(INVITER) == (0, 0)
    await pool.execute("DELETE FROM twinstream.links WHERE telegram_account_id = $1", GUEST)


async def test_more_than_the_limit_of_a_day_waits_for_the_next(pool, books, clock):
    guests = range(GUEST, GUEST + 5)
    for guest in guests:
        await note(pool, guest)
    await earn(pool, *guests)
    totals = []
    for days in range(3):
        await clock.set(NOW + HOUR + days * DAY)
        while await pay(pool) is not None:
            pass
        totals.append(await books.totals(INVITER))

    assert totals == [(100, 50), (200, 100), (250, 125)]


async def test_one_who_takes_no_part_for_thirty_days_brings_nothing(pool, books, clock):
    await note(pool)
    await clock.set(NOW + 31 * DAY)
    judged = await pay(pool)
    await earn(pool)

    assert judged == Judged(INVITER, GUEST, "void")
    assert await pay(pool) is None


async def test_the_longest_stay_is_paid_and_has_thirty_days_more(pool, books, clock):
    """With 30 days to stay, there is time to take part after them as with any other stay."""
    rules = RULES._replace(stay_s=30 * 24 * 3_600)
    for guest in (GUEST, GUEST + 1, GUEST + 2):
        await note(pool, guest)
    await earn(pool, GUEST)
    await clock.set(NOW + 31 * DAY)
    judged = [await pay(pool, rules), await pay(pool, rules)]
    await clock.set(NOW + 59 * DAY)
    await earn(pool, GUEST + 1)
    judged += [await pay(pool, rules), await pay(pool, rules)]
    await clock.set(NOW + 60 * DAY + HOUR)
    judged += [await pay(pool, rules), await pay(pool, rules)]

    assert judged == [
        *(Judged(INVITER, GUEST, "paid"), None),
        *(Judged(INVITER, GUEST + 1, "paid"), None),
        *(Judged(INVITER, GUEST + 2, "void"), None),
    ]
    assert await books.totals(INVITER) == (100, 50)


async def test_an_earned_invitation_is_paid_however_long_it_waited(pool, books, clock):
    guests = range(GUEST, GUEST + 3)
    for guest in guests:
        await note(pool, guest)
    await earn(pool, *guests)
    await clock.set(NOW + 40 * DAY)
    first = [await pay(pool), await pay(pool), await pay(pool)]
    await clock.set(NOW + 41 * DAY)
    second = await pay(pool)

    assert [one and one.status for one in first] == ["paid", "paid", None]
    assert second is not None
    assert second.status == "paid"
    assert await books.totals(INVITER) == (150, 75)


async def move(pool: asyncpg.Pool, from_id: int, to_id: int) -> None:
    async with pool.acquire() as conn:
        await account_moves.move(
            conn, platform="telegram", from_account_id=from_id, to_account_id=to_id
        )


async def statuses(pool: asyncpg.Pool) -> dict[int, tuple[int, str]]:
    rows = await pool.fetch("SELECT account_id, inviter_id, status FROM twinstream.invites")
    return {row["account_id"]: (row["inviter_id"], row["status"]) for row in rows}


async def test_a_guest_who_moves_to_an_account_that_was_invited_is_paid_for_once(pool, clock):
    await note(pool)
    await note(pool, NEW)
    await earn(pool)
    await clock.set(NOW + HOUR)
    assert await pay(pool) == Judged(INVITER, GUEST, "paid")
    await move(pool, GUEST, NEW)
    await earn(pool, NEW)
    await clock.set(NOW + DAY)

    assert await pay(pool) is None
    assert await note(pool, GUEST) == "void"


@pytest.mark.parametrize("inviter", [INVITER, 1002], ids=["the same", "another"])
async def test_a_guest_who_moves_to_an_account_that_was_paid_for_is_not_paid_for_again(
    pool, clock, inviter
):
    await note(pool, GUEST, inviter)
    await clock.set(NOW + timedelta(seconds=1))
    await note(pool, NEW)
    await earn(pool, NEW)
    await clock.set(NOW + HOUR + HOUR)
    assert await pay(pool) == Judged(INVITER, NEW, "paid")
    await record(pool, xp(1, "guest", user_id=GUEST))

    await move(pool, GUEST, NEW)

    assert await pay(pool) is None
    assert await statuses(pool) == {GUEST: (inviter, "void"), NEW: (INVITER, "paid")}


async def test_a_guest_who_moves_stays_invited_and_earns_with_the_new_account(pool, clock):
    await note(pool)
    await earn(pool)
    await move(pool, GUEST, NEW)
    await left(pool, GUEST)
    await clock.set(NOW + HOUR)
    assert await pay(pool) is None  # a move is no earning
    await record(pool, xp(10, "anew", user_id=NEW))
    await clock.set(NOW + HOUR + SECOND)

    assert await pay(pool) == Judged(INVITER, NEW, "paid")


async def test_a_member_who_moves_to_an_account_that_was_invited_brings_nobody_anything(pool):
    await earn(pool, GUEST)
    await note(pool, NEW)
    await move(pool, GUEST, NEW)

    assert await statuses(pool) == {NEW: (INVITER, "void")}


async def test_an_inviter_who_moves_takes_invitations_and_the_limit_of_a_day_along(pool, clock):
    for guest in (1, 2, 3):
        await note(pool, GUEST + guest)
        await earn(pool, GUEST + guest)
    await note(pool, NEW)
    await clock.set(NOW + HOUR)
    paid = [await pay(pool), await pay(pool)]
    assert all(one is not None and one.status == "paid" for one in paid)
    await move(pool, INVITER, NEW)

    assert await pay(pool) is None  # two are paid on one day
    await clock.set(NOW + DAY + HOUR)
    assert await pay(pool) == Judged(NEW, GUEST + 3, "paid")
    assert (await statuses(pool))[NEW] == (NEW, "void")


async def test_an_inviter_who_was_forgotten_does_not_come_back_by_a_link(pool):
    await record(pool, xp(5, "1", user_id=INVITER))
    await pool.execute("SELECT twinstream.forget_person('telegram', $1, $2)", INVITER, SECRET)
    assert await note(pool, forget_secret=SECRET) is None
    assert await statuses(pool) == {}

    await record(pool, xp(5, "2", user_id=INVITER))
    assert await note(pool, forget_secret=SECRET) == "waiting"


async def refuse(pool: asyncpg.Pool, inviter: int) -> None:
    """Let the record take nothing for an inviter, as for an account in an impossible state."""
    await pool.execute(
        "ALTER TABLE twinstream.transactions ADD CONSTRAINT nothing_for_one CHECK"
        f" (account_id <> {inviter}) NOT VALID"
    )


async def test_one_that_is_refused_for_ever_costs_one(pool, books, clock):
    await note(pool, GUEST, 1002)
    await clock.set(NOW + SECOND)
    await note(pool, GUEST + 1)
    await earn(pool, GUEST, GUEST + 1)
    await refuse(pool, 1002)
    await clock.set(NOW + HOUR + SECOND)
    first = await look(pool)

    assert [(one.account_id, one.status) for one in first] == [
        (GUEST, "waiting"),
        (GUEST + 1, "paid"),
    ]
    assert "nothing_for_one" in str(first[0].refusal)
    assert await books.totals(INVITER) == (50, 25)
    for _ in range(8):
        await clock.set(
            await pool.fetchval(
                "SELECT min(look_at) FROM twinstream.invites WHERE status = 'waiting'"
            )
        )
        last = await look(pool)
    assert [(one.account_id, one.status) for one in last] == [(GUEST, "refused")]
    assert "nothing_for_one" in await pool.fetchval(
        "SELECT why FROM twinstream.invites WHERE status = 'refused'"
    )
    await clock.set(NOW + 100 * DAY)
    assert await look(pool) == []


async def test_one_that_was_refused_is_paid_once_the_cause_is_gone(pool, books, clock):
    await note(pool)
    await earn(pool)
    await refuse(pool, INVITER)
    await clock.set(NOW + HOUR)
    await look(pool)
    await pool.execute("ALTER TABLE twinstream.transactions DROP CONSTRAINT nothing_for_one")
    await clock.set(NOW + 2 * HOUR)

    assert await pay(pool) == Judged(INVITER, GUEST, "paid")


async def test_a_raised_limit_pays_those_who_wait_for_a_later_day(pool, books, clock):
    guests = range(GUEST, GUEST + 6)
    for guest in guests:
        await note(pool, guest)
    await earn(pool, *guests)
    one_a_day = RULES._replace(per_day=1)
    await clock.set(NOW + HOUR)
    while await pay(pool, one_a_day):
        pass
    await clock.set(NOW + HOUR + DAY)
    while await pay(pool, RULES._replace(per_day=9)):
        pass

    assert await books.totals(INVITER) == (300, 150)


#: Invitations that are due, of one inviter and of many.
DUE = 50_000
LOOKS = 4


@pytest.mark.parametrize("kind", ["of one inviter", "of many inviters", "that earn nothing"])
async def test_a_look_reads_few_rows_of_a_long_backlog(pool, clock, kind):
    await pool.execute(
        "INSERT INTO twinstream.invites (platform, account_id, inviter_id, joined_at, look_at)"
        " SELECT 'telegram', 10000 + n, CASE WHEN $2 THEN 1001 ELSE 1000000 + n END, $3, $3"
        " FROM generate_series(1, $1::int) AS n",
        DUE,
        kind == "of one inviter",
        NOW,
    )
    await pool.execute(
        "SELECT twinstream.lock_accounts('telegram', array_agg(1000000 + n), true)"
        " FROM generate_series(1, 1000) AS n"
    )
    # Before autovacuum has looked, plans of Postgres 14 to 16 read all accounts.
    await pool.execute("ANALYZE twinstream.accounts")
    rules = RULES if kind == "that earn nothing" else RULES._replace(least_xp=0)
    await clock.set(NOW + HOUR)
    reads = []
    statuses: list[str] = []
    for _ in range(LOOKS):
        async with pool.acquire() as conn, conn.transaction():
            before = await rows_read(conn)
            looked_at = await invites.pay_due(conn, "telegram", rules, pause_s=30, at_most=50)
            reads.append(await rows_read(conn) - before)
        statuses += [one.status for one in looked_at]

    assert len(statuses) == LOOKS * 50
    assert max(reads) <= 50 * ROWS_OF_ONE_MAX, reads
    assert (
        statuses.count("paid")
        == {"of one inviter": 2, "of many inviters": LOOKS * 50, "that earn nothing": 0}[kind]
    )


#: Rows that are read for one invitation, with its payment of two events.
ROWS_OF_ONE_MAX = 100


async def rows_read(conn: asyncpg.Connection) -> int:
    """The rows that the open transaction has read until now."""
    read: int = await conn.fetchval(
        "SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::bigint"
        " FROM pg_stat_xact_user_tables WHERE schemaname = 'twinstream'"
    )
    return read
