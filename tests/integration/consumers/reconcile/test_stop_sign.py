"""Under the stop sign this release links no accounts and reconciles nothing; the rest goes on."""

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest
import structlog
from prometheus_client import REGISTRY

from config import ConsumerSetting, ReconcileSetting, Settings
from config.outside_text.terminal import Terminal
from consumers.operate import doctor
from consumers.reconcile import open_subjects
from consumers.reconcile.role import Reconcile
from consumers.runtime.gauges import Gauges
from consumers.runtime.resources import Resources
from db import Producer
from db.links.codes import FAILURES_MAX
from db.stop_signs import OBEYED, Paused
from tests.support.linking import LinkOutcome, issue_code, redeem_code
from tests.support.patience import PATIENCE_S
from tests.support.processes import run
from tests.support.reconcile import a_pass, decisions, ended, let_everything_arrive, opened

TG, DC = 1001, 2002
PEOPLE = 4
REASON = "links change"
SET = "INSERT INTO stop_signs (release, reason) VALUES ($1, $2)"
ISOLATIONS = ["read committed", "repeatable read", "serializable"]
LOOK_AGAIN_S = 0.01

#: Everything that linking writes.
LINKS = {
    "accounts": "SELECT * FROM accounts ORDER BY platform, account_id",
    "members": "SELECT * FROM members ORDER BY id",
    "offers": "SELECT * FROM link_offers ORDER BY id",
    "attempts": "SELECT * FROM link_attempts ORDER BY platform, account_id",
}


@pytest.fixture
async def resources(resources: Resources) -> Resources:
    community = msgspec.structs.replace(
        resources.community,
        consumers=ConsumerSetting(block_ms=5, claim_idle_ms=1_000, relay_after_ms=0),
        reconcile=ReconcileSetting(
            page_members=2, lease_ms=2_000, interval_ms=1_000, alarm_interval_ms=1_000
        ),
    )
    return dataclasses.replace(resources, community=community)


@pytest.fixture
async def role(resources: Resources) -> AsyncIterator[Reconcile]:
    async with opened(resources) as role:
        yield role


@pytest.fixture
async def people(resources: Resources, producer: Producer) -> list[int]:
    for number in range(PEOPLE):
        await win(producer, TG + number)
    await let_everything_arrive(resources)
    return [row["id"] for row in await resources.pool.fetch("SELECT id FROM members ORDER BY id")]


async def win(producer: Producer, user_id: int, entity_id: str = "1") -> None:
    await producer.create_xp_change_event(
        user_id=user_id, delta_xp=50, source="telegram", reason="game", entity_id=entity_id
    )


async def set_sign(pool: asyncpg.Pool, release: str = OBEYED) -> None:
    await pool.execute(SET, release, REASON)


async def remove_sign(pool: asyncpg.Pool) -> None:
    await pool.execute("DELETE FROM stop_signs")


async def photograph(pool: asyncpg.Pool) -> dict[str, list[Any]]:
    return {name: [tuple(row) for row in await pool.fetch(sql)] for name, sql in LINKS.items()}


async def until_blocked(pool: asyncpg.Pool, conn: asyncpg.Connection) -> None:
    """Return once the session of `conn` waits for a lock that another session holds."""
    end = time.monotonic() + PATIENCE_S
    while not await pool.fetchval(
        "SELECT cardinality(pg_blocking_pids($1)) > 0", conn.get_server_pid()
    ):
        assert time.monotonic() < end, "the session waits for nothing"
        await asyncio.sleep(LOOK_AGAIN_S)


# Linking


@pytest.mark.parametrize("sent", ["the code", "a wrong code"])
async def test_under_the_sign_no_code_is_redeemed_and_no_failure_counted(pool, sent):
    async with pool.acquire() as conn:
        code = await issue_code(conn, "telegram", TG)
        before = await photograph(pool)
        await set_sign(pool)

        for _ in range(FAILURES_MAX + 1):
            outcome = await redeem_code(conn, "discord", DC, code if sent == "the code" else "NO")
            assert outcome is LinkOutcome.PAUSED
        assert await photograph(pool) == before

        await remove_sign(pool)
        assert await redeem_code(conn, "discord", DC, code) is LinkOutcome.LINKED


async def test_under_the_sign_no_code_is_issued(pool):
    async with pool.acquire() as conn:
        code = await issue_code(conn, "telegram", TG)
        before = await photograph(pool)
        await set_sign(pool)

        with pytest.raises(Paused, match=f"the stop sign of release {OBEYED} is set: {REASON}"):
            await issue_code(conn, "telegram", TG)

        assert await photograph(pool) == before
        await remove_sign(pool)
        assert await redeem_code(conn, "discord", DC, code) is LinkOutcome.LINKED


async def test_the_sign_of_another_release_is_not_obeyed(pool):
    await set_sign(pool, "99.0")

    async with pool.acquire() as conn:
        code = await issue_code(conn, "telegram", TG)
        assert await redeem_code(conn, "discord", DC, code) is LinkOutcome.LINKED


@pytest.mark.parametrize("isolation", ISOLATIONS)
async def test_a_code_that_is_sent_while_the_sign_is_being_set_is_not_redeemed(pool, isolation):
    async with pool.acquire() as setting, pool.acquire() as linking:
        await linking.execute(
            f"SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL {isolation.upper()}"
        )
        code = await issue_code(linking, "telegram", TG)
        async with setting.transaction():
            await setting.execute("LOCK TABLE stop_signs IN EXCLUSIVE MODE")
            await setting.execute(SET, OBEYED, REASON)
            redeeming = asyncio.create_task(redeem_code(linking, "discord", DC, code))
            await until_blocked(pool, linking)

        assert await redeeming is LinkOutcome.PAUSED

    assert await pool.fetchval("SELECT count(DISTINCT member_id) FROM accounts") == 1


async def test_the_sign_waits_for_the_redemption_under_way(pool):
    async with pool.acquire() as setting, pool.acquire() as linking:
        code = await issue_code(linking, "telegram", TG)
        order: list[str] = []

        async def set_it() -> None:
            async with setting.transaction():
                await setting.execute("LOCK TABLE stop_signs IN EXCLUSIVE MODE")
                await setting.execute(SET, OBEYED, REASON)
            order.append("the sign is set")

        async with linking.transaction():
            assert await redeem_code(linking, "discord", DC, code) is LinkOutcome.LINKED
            waiting = asyncio.create_task(set_it())
            await until_blocked(pool, setting)
            order.append("the link is about to be committed")
        await waiting

    assert order == ["the link is about to be committed", "the sign is set"]


# Reconcile


class AlwaysRinging:
    """An alarm that always asks for a pass."""

    def __init__(self) -> None:
        self.passes_begun = 0

    async def ring(self) -> str | None:
        return "2 more hold the role of rank Newcomer than should"

    def pass_begun(self) -> None:
        self.passes_begun += 1


async def steps(role: Reconcile, count: int = 5) -> None:
    for _ in range(count):
        await role.step()


async def runs(pool: asyncpg.Pool) -> list[tuple[str, str]]:
    rows = await pool.fetch("SELECT cause, status FROM reconcile_runs ORDER BY id")
    return [tuple(row) for row in rows]


async def test_under_the_sign_no_pass_is_begun_and_the_reason_is_logged_once(
    role: Reconcile, pool, people
):
    await set_sign(pool)
    with structlog.testing.capture_logs() as logs:
        await steps(role)
        assert await runs(pool) == []
        with pytest.raises(Paused):
            await role.ask()
        await remove_sign(pool)
        await steps(role, 1)

    told = [
        (one["event"], one.get("why"))
        for one in logs
        if one["event"].startswith(("reconcile.", "pass."))
    ]
    assert told[:3] == [
        ("reconcile.paused", REASON),
        ("reconcile.resumed", None),
        ("pass.started", None),
    ]
    assert [cause for cause, _ in await runs(pool)] == ["interval"]


async def test_under_the_sign_no_alarm_begins_a_pass(resources: Resources, pool, people):
    alarm = AlwaysRinging()
    limits = msgspec.structs.replace(resources.community.reconcile, interval_ms=3_600_000)
    community = msgspec.structs.replace(resources.community, reconcile=limits)
    resources = dataclasses.replace(resources, community=community)
    async with open_subjects(resources) as (subjects, _):
        role = Reconcile(resources, subjects, alarm=alarm)
        await a_pass(role, pool)
        await set_sign(pool)
        await steps(role)
        assert alarm.passes_begun == 0
        assert len(await runs(pool)) == 1

        await remove_sign(pool)
        await steps(role, 1)

    assert [cause for cause, _ in await runs(pool)] == ["asked", "alarm"]
    assert alarm.passes_begun == 1


async def test_a_pass_under_way_is_stopped_and_repairs_nothing(role: Reconcile, pool, people):
    await pool.execute("UPDATE sync_state SET xp = 1 WHERE platform = 'discord'")
    await a_pass(role, pool)
    run_id = await role.ask(everybody=True)
    assert run_id is not None
    await role.step()
    await set_sign(pool)

    report = await ended(role, pool, run_id)

    assert (report.status, report.repairs) == ("stopped", 0)
    assert report.stopped_because == f"the stop sign of release {OBEYED} is set: {REASON}"
    assert await pool.fetchval("SELECT max(xp) FROM sync_state WHERE platform = 'discord'") == 1


async def test_a_sign_between_two_repairs_lets_no_second_one_through(role: Reconcile, pool, people):
    await pool.execute("UPDATE sync_state SET xp = 1 WHERE platform = 'discord'")
    await a_pass(role, pool)
    await pool.execute(
        f"""
        CREATE FUNCTION set_the_sign() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            INSERT INTO stop_signs (release, reason) VALUES ('{OBEYED}', '{REASON}')
            ON CONFLICT DO NOTHING;
            RETURN NEW;
        END $$;
        CREATE TRIGGER after_the_first_repair AFTER UPDATE ON drift
            FOR EACH ROW WHEN (NEW.decision = 'repaired') EXECUTE FUNCTION set_the_sign();
        """
    )

    report = await a_pass(role, pool)

    assert (report.status, report.repairs) == ("stopped", 1)
    assert [one[-1] for one in await decisions(pool)][PEOPLE:] == ["repaired"] + ["stopped"] * (
        PEOPLE - 1
    )


async def test_the_pass_of_a_process_that_died_is_ended_under_the_sign(
    resources: Resources, role: Reconcile, pool, people
):
    run_id = await role.ask(everybody=True)
    assert run_id is not None
    await pool.execute("UPDATE reconcile_runs SET owner = 'dead', lease_until = now()")
    await set_sign(pool)

    async with opened(resources) as other:
        report = await ended(other, pool, run_id)

    assert report.status == "stopped"


async def test_events_travel_on_under_the_sign(
    resources: Resources, producer: Producer, pool, people
):
    await set_sign(pool)
    await win(producer, TG, "2")

    await let_everything_arrive(resources)

    assert await pool.fetchval("SELECT max(xp) FROM sync_state WHERE platform = 'discord'") == 100


# Operators


@pytest.mark.parametrize("is_set", [True, False])
async def test_the_figure_says_whether_the_sign_is_set(resources: Resources, pool, is_set):
    if is_set:
        await set_sign(pool)

    await Gauges(resources).step()

    assert REGISTRY.get_sample_value("twinstream_stop_sign") == is_set


async def test_the_doctor_tells_of_the_sign_and_how_it_is_lifted(
    settings: Settings, pool, checkout: Path
):
    settings = msgspec.structs.replace(
        settings, twinstream_config=str(checkout / "sandbox" / "twinstream.toml")
    )
    await set_sign(pool)
    found = {one.what: one.remedy async for one in doctor.examine(settings)}

    assert REASON in (found["stop sign"] or "")
    assert "delete the row of stop_signs" in (found["stop sign"] or "")
    assert await doctor.run(settings, Terminal(quiet=True)) == 1

    await remove_sign(pool)
    assert "stop sign" not in {one.what async for one in doctor.examine(settings)}


async def test_an_operator_who_asks_for_a_pass_is_told_why_none_is_begun(
    operator_environ: dict[str, str], pool
):
    await set_sign(pool)
    done = await asyncio.to_thread(run, "consumers", "reconcile", "--now", environ=operator_environ)

    assert f"No pass is begun, because the stop sign of release {OBEYED} is set" in done.stdout
    assert done.returncode == 3
    assert await runs(pool) == []
