"""The clock of Postgres may be set back: times ahead of it are unknown, and hold up nothing."""

import asyncpg
import pytest

from consumers.cleanup.role import Cleanup
from consumers.display.discord_roles.roles import SCREENING_BACKOFF_S_MAX, SCREENING_RETRY_S
from consumers.relay.role import Relay
from consumers.runtime.resources import Resources
from db import Producer
from db.reconcile import passes
from db.surfaces import clock_steps, display_visits
from tests.support.settling import Desk

#: A clock that was an hour ahead until now wrote what these tests find.
AHEAD = "interval '1 hour'"


@pytest.fixture
async def published(producer: Producer, desk: Desk) -> None:
    """One event that is on its stream."""
    await producer.create_xp_change_event(
        user_id=1001, delta_xp=15, source="telegram", reason="game", entity_id="1"
    )
    await producer.close()


async def test_a_pending_event_from_the_future_is_published_at_once(
    resources: Resources, published: None, desk: Desk
):
    await desk.pool.execute(
        "UPDATE sync_events SET status = 'pending', published_at = NULL,"
        f" created_at = now() + {AHEAD}"
    )

    assert await Relay(resources).step() == 1


async def test_an_event_from_the_future_that_redis_lost_is_found(
    resources: Resources, published: None, desk: Desk
):
    await desk.redis.xtrim(desk.keys.stream("telegram"), maxlen=0, approximate=False)
    await desk.pool.execute(f"UPDATE sync_events SET published_at = now() + {AHEAD}")

    assert await resources.rebuild.look_for_lost("telegram") == 1


@pytest.mark.parametrize("column", ["wanted_at", "taken_until", "retry_at"])
async def test_members_whose_times_are_in_the_future_are_visited(
    resources: Resources, pool: asyncpg.Pool, column: str
):
    member = await pool.fetchval("INSERT INTO members DEFAULT VALUES RETURNING id")
    await pool.execute(
        "INSERT INTO accounts (platform, account_id, member_id) VALUES ('discord', 5, $1)", member
    )
    await pool.execute(
        "INSERT INTO surfaces (member_id, platform, surface, wanted) VALUES ($1, $2, 'rank', 1)",
        member,
        "discord",
    )
    await pool.execute(f"UPDATE surfaces SET {column} = now() + 8 * {AHEAD}")
    assert await display_visits.take(pool, "discord", limit=5, lease_s=60) == []

    await Cleanup(resources).step()

    [visit] = await display_visits.take(pool, "discord", limit=5, lease_s=60)
    assert visit.member_id == member
    await Cleanup(resources).step()
    assert await display_visits.take(pool, "discord", limit=5, lease_s=60) == [], "it is leased"


async def test_a_visit_that_was_refused_once_is_not_put_off_for_an_hour(
    resources: Resources, pool: asyncpg.Pool
):
    """Nothing else tells of the clock, and no member waits so long after one refusal."""
    await pool.execute("INSERT INTO members (id) OVERRIDING SYSTEM VALUE VALUES (1)")
    await pool.execute(
        "INSERT INTO accounts (platform, account_id, member_id) VALUES ('discord', 5, 1)"
    )
    await pool.execute(
        "INSERT INTO surfaces (member_id, platform, surface, wanted, attempts, retry_at)"
        f" VALUES (1, 'discord', 'rank', 1, 1, now() + {AHEAD})"
    )

    await Cleanup(resources).step()

    [visit] = await display_visits.take(pool, "discord", limit=5, lease_s=60)
    assert visit.member_id == 1


@pytest.mark.parametrize("evidence_of", ["the same member", "another member"])
async def test_a_visit_put_off_by_a_clock_that_was_ahead_does_not_wait_for_it(
    resources: Resources, pool: asyncpg.Pool, evidence_of: str
):
    """After refusals an hour may be a true delay, so another time has to tell of the clock."""
    await pool.execute("INSERT INTO members (id) OVERRIDING SYSTEM VALUE VALUES (1), (2)")
    await pool.execute(
        "INSERT INTO accounts (platform, account_id, member_id)"
        " VALUES ('discord', 5, 1), ('discord', 6, 2)"
    )
    await pool.execute(
        "INSERT INTO surfaces (member_id, platform, surface, wanted, attempts, retry_at)"
        f" VALUES (1, 'discord', 'rank', 1, 9, now() + {AHEAD}), (2, 'discord', 'rank', 1, 0, NULL)"
    )
    await pool.execute(
        f"UPDATE surfaces SET wanted_at = now() + {AHEAD} WHERE member_id = $1",
        1 if evidence_of == "the same member" else 2,
    )

    await Cleanup(resources).step()

    visits = await display_visits.take(pool, "discord", limit=5, lease_s=60)
    assert {one.member_id for one in visits} == {1, 2}


@pytest.mark.parametrize("column", ["wanted_at", "taken_until", "retry_at"])
async def test_all_members_who_were_put_off_are_visited_however_many_they_are(
    resources: Resources, pool: asyncpg.Pool, column: str, monkeypatch: pytest.MonkeyPatch
):
    """One row tells of the clock; the others are more than one transaction changes."""
    monkeypatch.setattr(clock_steps, "ROWS_MAX", 2)
    await pool.execute(
        "INSERT INTO members (id) OVERRIDING SYSTEM VALUE SELECT generate_series(1, 7)"
    )
    await pool.execute(
        "INSERT INTO accounts (platform, account_id, member_id)"
        " SELECT 'discord', 10 + id, id FROM members"
    )
    await pool.execute(
        "INSERT INTO surfaces (member_id, platform, surface, wanted, attempts, retry_at)"
        f" SELECT id, 'discord', 'rank', 1, 9, now() + {AHEAD} FROM members"
    )
    await pool.execute(f"UPDATE surfaces SET {column} = now() + 8 * {AHEAD} WHERE member_id = 1")

    await Cleanup(resources).step()

    visits = await display_visits.take(pool, "discord", limit=9, lease_s=60)
    assert {one.member_id for one in visits} == set(range(1, 8))


async def test_a_member_whose_next_visit_is_hours_away_is_left_until_then(
    resources: Resources, pool: asyncpg.Pool
):
    """As one who never finishes the screening of the server, at each refusal."""
    for refusals in range(12):
        delay_s = min(SCREENING_RETRY_S * 2**refusals, SCREENING_BACKOFF_S_MAX)
        await pool.execute(
            "WITH m AS (INSERT INTO members DEFAULT VALUES RETURNING id)"
            " INSERT INTO surfaces (member_id, platform, surface, wanted, attempts, retry_at)"
            " SELECT id, 'discord', 'rank', 1, $1, now() + make_interval(secs => $2) FROM m",
            refusals + 1,
            delay_s,
        )
    before = await pool.fetch("SELECT * FROM surfaces")

    await Cleanup(resources).step()

    assert await pool.fetch("SELECT * FROM surfaces") == before


async def test_a_pass_from_the_future_holds_up_no_other(pool: asyncpg.Pool):
    async with pool.acquire() as conn, conn.transaction():
        run = await passes.begin(conn, cause="interval", owner="dead", lease_s=60)
        await conn.execute(
            f"UPDATE reconcile_runs SET started_at = now() + {AHEAD},"
            f" lease_until = now() + {AHEAD} + interval '1 min'"
        )

        assert await passes.is_due(conn, interval_s=900)
        taken = await passes.take_over(conn, owner="living", lease_s=60)

    assert run is not None
    assert taken is not None
    assert taken.id == run.id
