"""The daily round removes rows finished long ago, and keeps rows that a process may still need."""

import asyncio

import asyncpg
import msgspec
import pytest
from structlog.testing import capture_logs

from config import CleanupSetting, Community
from consumers.cleanup.role import Cleanup
from consumers.cleanup.row_removal import Rounds
from consumers.operate.dead_letters import replay
from consumers.relay.role import Relay
from consumers.runtime.resources import Resources
from consumers.settling.role import Settling
from db import Producer
from db.reconcile import passes
from db.reconcile.passes import Run
from db.upkeep import retention
from db.upkeep.audit import audit
from tests.support.patience import PATIENCE_S
from tests.support.settling import Desk, until, xp_payload
from tests.support.stream_entries import entries_in

STEP_ROWS = 4
DAY_S = 86_400


@pytest.fixture
def community(community: Community) -> Community:
    """Rows older than 30 days are removed, in very small steps."""
    limits = CleanupSetting(step_rows=STEP_ROWS, step_pause_ms=0)
    return msgspec.structs.replace(community, cleanup=limits)


@pytest.fixture
async def rounds(resources: Resources) -> Rounds:
    return Rounds(resources.pool, resources.community.cleanup, resources.stop)


async def clean_up(rounds: Rounds) -> int:
    """Work on the round that is due until it ends. Returns how many rows it removed."""
    removed = 0
    async with asyncio.timeout(PATIENCE_S):
        while step := await rounds.step():
            removed += step
    return removed


async def age(pool: asyncpg.Pool, days: int = 31) -> None:
    """Move everything that happened this many days into the past."""
    await pool.execute(
        """
        UPDATE sync_events SET created_at = created_at - make_interval(days => $1),
            processed_at = processed_at - make_interval(days => $1)
        """,
        days,
    )
    await pool.execute(
        "UPDATE cleanup_rounds SET began_at = began_at - make_interval(days => $1)", days
    )


async def differences(pool: asyncpg.Pool) -> int:
    async with pool.acquire() as conn:
        return (await audit(conn, {})).differences


async def win(producer: Producer, count: int) -> None:
    for number in range(count):
        await producer.create_xp_change_event(
            user_id=1001,
            delta_xp=1,
            source="telegram",
            reason="game_guess",
            entity_id=str(number),
        )


@pytest.fixture
async def settled(resources: Resources, producer: Producer, desk: Desk) -> int:
    """Ten events from Telegram that took effect on Discord."""
    await win(producer, 10)
    settling = Settling("telegram", resources)

    async def all_settled() -> bool:
        await settling.step()
        return await desk.ledger_rows("discord") == 10

    await until(all_settled, what="ten events")
    await producer.close()  # no mark of its comes late
    return 10


async def test_completed_events_go_once_they_are_old(
    settled: int, pool: asyncpg.Pool, rounds: Rounds
):
    assert await clean_up(rounds) == 0

    await age(pool)
    with capture_logs() as logs:
        assert await clean_up(rounds) == settled

    assert await pool.fetchval("SELECT count(*) FROM sync_events") == 0
    assert await pool.fetchval("SELECT count(*) FROM transactions") == 2 * settled
    [told] = [line for line in logs if line["event"] == "cleanup.finished"]
    assert (told["events"], told["passes"], told["retention_d"]) == (settled, 0, 30)
    assert await differences(pool) == 0


async def test_what_waits_or_was_buried_stays_however_old_it_is(
    settled: int, pool: asyncpg.Pool, rounds: Rounds
):
    for number, status in enumerate(("pending", "published", "failed")):
        await pool.execute(
            """
            UPDATE sync_events SET status = $2::text, processed_at = NULL, processed_by = NULL,
                payload = '{}',
                published_at = CASE WHEN $2::text <> 'pending' THEN published_at END,
                error_message = CASE WHEN $2::text = 'failed' THEN 'so' END
            WHERE id = (SELECT min(id) + $1 FROM sync_events)
            """,
            number,
            status,
        )
    await age(pool, 400)

    await clean_up(rounds)

    left = await pool.fetch("SELECT status FROM sync_events ORDER BY id")
    assert [status for (status,) in left] == ["pending", "published", "failed"]


async def test_young_events_stay_and_the_round_ends_where_they_begin(
    settled: int, pool: asyncpg.Pool, rounds: Rounds
):
    """The round reads only what it must: if it read the second half, it would remove it."""
    await age(pool)
    middle = await pool.fetchval("SELECT min(id) + 4 FROM sync_events")
    await pool.execute(
        "UPDATE sync_events SET created_at = now() WHERE id >= $1 AND id < $1 + 4", middle
    )
    await pool.execute(
        "UPDATE sync_events SET processed_at = now() WHERE created_at > now() - interval '1 day'"
    )

    assert await clean_up(rounds) == 4

    assert await pool.fetchval("SELECT count(*) FROM sync_events") == 6


async def test_a_round_is_made_once_per_interval_despite_restarts(
    settled: int, pool: asyncpg.Pool, resources: Resources, rounds: Rounds
):
    await clean_up(rounds)
    await pool.execute("UPDATE sync_events SET processed_at = processed_at - interval '31 days'")

    assert await clean_up(Rounds(resources.pool, resources.community.cleanup, resources.stop)) == 0
    await pool.execute("UPDATE cleanup_rounds SET began_at = now() - interval '23 hours'")
    assert await clean_up(Rounds(resources.pool, resources.community.cleanup, resources.stop)) == 0
    await pool.execute("UPDATE cleanup_rounds SET began_at = now() - interval '25 hours'")
    await pool.execute("UPDATE sync_events SET created_at = created_at - interval '31 days'")
    assert (
        await clean_up(Rounds(resources.pool, resources.community.cleanup, resources.stop))
        == settled
    )


async def test_an_interrupted_round_is_continued(
    settled: int, pool: asyncpg.Pool, resources: Resources, rounds: Rounds
):
    await age(pool)
    async with pool.acquire() as conn, conn.transaction():
        assert await retention.begin_if_due(conn, interval_s=DAY_S)
        first = await retention.step(conn, retention_s=30 * DAY_S, limit=STEP_ROWS)
    assert first is not None
    assert first.events == STEP_ROWS

    assert await clean_up(rounds) == settled - STEP_ROWS

    assert await pool.fetchval("SELECT events FROM cleanup_rounds") == settled


async def test_two_at_once_share_the_work_and_remove_each_row_once(
    settled: int, pool: asyncpg.Pool, resources: Resources
):
    await age(pool)

    removed = await asyncio.gather(
        *(
            clean_up(Rounds(resources.pool, resources.community.cleanup, resources.stop))
            for _ in range(3)
        )
    )

    async def is_over() -> bool:
        await Rounds(resources.pool, resources.community.cleanup, resources.stop).step()
        return bool(
            await pool.fetchval("SELECT bool_and(finished_at IS NOT NULL) FROM cleanup_rounds")
        )

    await until(is_over, what="the end of the round")
    assert sum(removed) <= settled
    assert await pool.fetchval("SELECT events FROM cleanup_rounds") == settled
    assert await pool.fetchval("SELECT count(*) FROM cleanup_rounds") == 1
    assert await pool.fetchval("SELECT count(*) FROM sync_events") == 0


async def test_a_round_does_not_wait_for_a_locked_row(
    settled: int, pool: asyncpg.Pool, rounds: Rounds
):
    await age(pool)
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute("SELECT FROM sync_events ORDER BY id LIMIT 1 FOR KEY SHARE")
        assert await clean_up(rounds) == settled - 1

    await age(pool)
    assert await clean_up(rounds) == 1


async def test_an_old_event_that_comes_again_changes_nothing(
    settled: int,
    pool: asyncpg.Pool,
    resources: Resources,
    desk: Desk,
    producer: Producer,
    rounds: Rounds,
):
    """Its key is in the ledger for ever: redelivered, retried by its bot, or published again."""
    [(_, fields), *_] = await entries_in(desk.redis, desk.keys.stream("telegram"))
    await age(pool)
    await clean_up(rounds)
    await desk.redis.xadd(desk.keys.stream("telegram"), fields)
    await Settling("telegram", resources).step()
    again = await producer.create_xp_change_event(
        user_id=1001, delta_xp=1, source="telegram", reason="game_guess", entity_id="0"
    )
    await Relay(resources).step()

    assert not again.created
    assert await desk.xp("discord") == await desk.xp("telegram") == settled
    assert await desk.unacknowledged("telegram") == 0
    assert await pool.fetchval("SELECT count(*) FROM sync_events") == 0
    assert await differences(pool) == 0


async def test_a_dead_letter_goes_only_after_it_was_resolved(
    pool: asyncpg.Pool, resources: Resources, desk: Desk, rounds: Rounds
):
    """An overdraft from another program is buried; once there is enough it is sent again."""
    await desk.add("telegram", xp_payload(-5, entity_id="9"))
    settling = Settling("telegram", resources)
    await settling.step()
    await age(pool)
    await clean_up(rounds)
    assert await desk.statuses() == {"failed": 1}

    await desk.add("telegram", xp_payload(5, entity_id="10"))
    await settling.step()
    await replay(resources.pool, resources.publisher, ids=None)

    async def is_completed() -> bool:
        await Relay(resources).step()
        await settling.step()
        return await desk.statuses() == {"completed": 2}

    await until(is_completed, what="the dead letter")
    await age(pool)
    assert await clean_up(rounds) == 2
    assert await desk.xp("discord") == 0
    assert await differences(pool) == 0


async def old_passes(pool: asyncpg.Pool, *statuses: str, findings: int = 0) -> None:
    """Passes that ended 31 days ago, in this order, each with so many findings and a page."""
    for status in statuses:
        async with pool.acquire() as conn, conn.transaction():
            run: Run | None = await passes.begin(conn, cause="interval", owner="test", lease_s=60)
            assert run is not None
            await conn.execute(
                """
                INSERT INTO drift (run_id, platform, subject, subject_id, field, seen, expected,
                    decision, why, decided_at)
                SELECT $1, 'telegram', 'books', g, 'xp', '1', '2', 'repaired', 'so', now()
                FROM generate_series(1, $2::int) AS g
                """,
                run.id,
                findings,
            )
            await conn.execute(
                """
                INSERT INTO snapshots (run_id, platform, subject, page, part, after_id, upto_id,
                    looked_at, rows, is_last, checksum, taken_at)
                VALUES ($1, 'telegram', 'books', 0, 'slice', 0, 9, 9, 9, true, 'x', now())
                """,
                run.id,
            )
            await conn.execute(
                """
                UPDATE reconcile_runs SET status = $2, finished_at = now() - interval '31 days',
                    stopped_because = CASE WHEN $2 = 'stopped' THEN 'so' END
                WHERE id = $1
                """,
                run.id,
                status,
            )


async def test_old_passes_go_with_their_pages_and_findings(pool: asyncpg.Pool, rounds: Rounds):
    """The last successful pass stays, because it says where the next one begins."""
    await old_passes(pool, "finished", "stopped", "finished", "stopped", findings=STEP_ROWS * 2 + 1)

    with capture_logs() as logs:
        await clean_up(rounds)

    left = await pool.fetch("SELECT status FROM reconcile_runs ORDER BY id")
    assert [status for (status,) in left] == ["finished", "stopped"]
    assert await pool.fetchval("SELECT count(DISTINCT run_id) FROM snapshots") == 2
    assert await pool.fetchval("SELECT count(*) FROM drift") == 2 * (STEP_ROWS * 2 + 1)
    [told] = [line for line in logs if line["event"] == "cleanup.finished"]
    assert (told["passes"], told["findings"]) == (2, 2 * (STEP_ROWS * 2 + 1))


@pytest.mark.parametrize("decision", ["watched", "held"])
async def test_a_pass_whose_findings_are_open_stays(
    pool: asyncpg.Pool, rounds: Rounds, decision: str
):
    await old_passes(pool, "finished", "finished", findings=2)
    await pool.execute("UPDATE drift SET decision = $1 WHERE subject_id = 1", decision)

    await clean_up(rounds)

    assert await pool.fetchval("SELECT count(*) FROM reconcile_runs") == 2


async def test_the_role_cleans_up_beside_trimming_and_says_how_long_things_are_kept(
    settled: int, pool: asyncpg.Pool, resources: Resources
):
    await age(pool)
    role = Cleanup(resources)

    assert await role.step() >= settled

    assert await pool.fetchval("SELECT count(*) FROM sync_events") == 0
    told = role.describe()
    assert (told["interval_s"], told["retention_s"]) == (DAY_S, 30 * DAY_S)
    assert told["batch"] == STEP_ROWS


async def test_a_stop_ends_a_round_between_two_steps(
    settled: int, pool: asyncpg.Pool, resources: Resources, rounds: Rounds
):
    await age(pool)
    resources.stop.set()

    await rounds.step()

    assert await pool.fetchval("SELECT count(*) FROM sync_events") == settled
