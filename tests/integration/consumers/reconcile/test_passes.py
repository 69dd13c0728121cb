"""The members that a pass looks at, when a pass is due, and what the command prints."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import msgspec
import pytest

from bus import Keys
from config import ReconcileSetting
from consumers.reconcile.pass_phases import PAGES_AHEAD
from consumers.reconcile.role import Reconcile
from consumers.runtime.resources import Resources
from db import Producer
from tests.support import processes
from tests.support.reconcile import a_pass, decisions, let_everything_arrive, opened
from tests.support.tampering import tamper

PEOPLE = 9
CONFIG = """
[telegram]
chat_id = -1001000000001
[discord]
guild_id = 900000000000000001
[[ranks]]
name = "Newcomer"
xp = 10
"""


@pytest.fixture
async def resources(resources: Resources) -> Resources:
    """Each pass looks at a quarter of all members, two per page."""
    community = msgspec.structs.replace(
        resources.community,
        reconcile=ReconcileSetting(interval_ms=1_000, whole_within_ms=4_400, page_members=2),
    )
    return dataclasses.replace(resources, community=community)


@pytest.fixture
async def role(resources: Resources) -> AsyncIterator[Reconcile]:
    async with opened(resources) as role:
        yield role


async def somebody_wins(producer: Producer, number: int, entity_id: str = "1") -> None:
    await producer.create_xp_change_event(
        user_id=1001 + number,
        delta_xp=50,
        source="telegram",
        reason="game",
        entity_id=entity_id,
    )


@pytest.fixture
async def people(resources: Resources, producer: Producer) -> list[int]:
    for number in range(PEOPLE):
        await somebody_wins(producer, number)
    await let_everything_arrive(resources)
    return [row["id"] for row in await resources.pool.fetch("SELECT id FROM members ORDER BY id")]


async def age(pool: asyncpg.Pool) -> None:
    """Let everything in the ledger be older than any open transaction may be."""
    await tamper(pool, "UPDATE transactions SET created_at = now() - interval '1 hour'")


async def looked_at(
    pool: asyncpg.Pool, platform: str = "discord"
) -> list[tuple[str, int, int, int]]:
    rows = await pool.fetch(
        "SELECT part, after_id, upto_id, looked_at FROM snapshots WHERE platform = $1 AND run_id ="
        " (SELECT max(run_id) FROM snapshots) ORDER BY page",
        platform,
    )
    return [(part, after, upto, count) for part, after, upto, count in rows]


async def test_the_first_pass_of_all_is_over_everybody(
    role: Reconcile, pool: asyncpg.Pool, people: list[int]
):
    report = await a_pass(role, pool, everybody=False)

    assert report.members == PEOPLE
    assert {part for part, *_ in await looked_at(pool)} == {"slice"}


async def test_a_pass_looks_at_those_who_were_touched_and_at_a_slice_of_the_others(
    role: Reconcile, pool: asyncpg.Pool, resources: Resources, producer: Producer, people: list[int]
):
    await age(pool)
    await a_pass(role, pool)
    await somebody_wins(producer, 7, "2")
    await let_everything_arrive(resources)

    await a_pass(role, pool, everybody=False)

    assert await looked_at(pool) == [
        ("touched", 0, people[7], 1),
        ("slice", 0, people[1], 2),
        ("slice", people[1], people[2], 1),
    ]


async def test_slices_come_round_and_cover_everybody(
    role: Reconcile, pool: asyncpg.Pool, people: list[int]
):
    await age(pool)
    await a_pass(role, pool)
    seen = []
    for _ in range(4):
        await a_pass(role, pool, everybody=False)
        seen += [(after, upto) for part, after, upto, _ in await looked_at(pool) if part == "slice"]

    assert seen[0][0] == 0
    assert [after for after, _ in seen[1:5]] == [upto for _, upto in seen[:4]]
    assert people[-1] in {upto for _, upto in seen}


async def test_who_is_watched_is_looked_at_by_the_next_pass_though_nothing_touched_them(
    role: Reconcile, pool: asyncpg.Pool, people: list[int]
):
    await age(pool)
    await a_pass(role, pool)
    await pool.execute("UPDATE sync_state SET xp = 1 WHERE platform = 'discord'"
                       " AND member_id = $1", people[-1])  # fmt: skip
    await a_pass(role, pool, member_id=people[-1])

    report = await a_pass(role, pool, everybody=False)

    assert report.repairs == 1
    assert ("watched", 0, people[-1], 1) in await looked_at(pool)


async def test_a_transaction_that_was_open_for_long_is_not_passed_over(
    role: Reconcile, pool: asyncpg.Pool, resources: Resources, producer: Producer, people: list[int]
):
    await age(pool)
    async with pool.acquire() as slow:
        transaction = slow.transaction()
        await transaction.start()
        await producer.create_xp_change_event(
            user_id=1008, delta_xp=5, source="telegram", reason="game", entity_id="slow", conn=slow
        )
        await somebody_wins(producer, 0, "2")
        await let_everything_arrive(resources)
        await a_pass(role, pool)
        await transaction.commit()

    await a_pass(role, pool, everybody=False)

    assert ("touched", 0, people[0], 1) not in await looked_at(pool)
    assert ("touched", 0, people[7], 2) in await looked_at(pool)


async def test_a_pass_is_made_when_it_is_due_and_not_before(
    role: Reconcile, pool: asyncpg.Pool, people: list[int]
):
    for _ in range(60):
        await role.step()
        if await pool.fetchval("SELECT count(*) FROM reconcile_runs WHERE status = 'finished'"):
            break
    for _ in range(3):
        await pool.execute("UPDATE reconcile_runs SET started_at = now()")
        await role.step()
    assert await pool.fetchval("SELECT count(*) FROM reconcile_runs") == 1
    await pool.execute("UPDATE reconcile_runs SET started_at = now() - interval '2 s'")

    await role.step()

    assert await pool.fetchval("SELECT count(*) FROM reconcile_runs") == 2


@pytest.fixture
def operator(resources: Resources, tmp_path: Path, operator_environ: dict[str, str]):
    """Runs the command as an operator does; returns its exit code and what it printed."""
    config = tmp_path / "twinstream.toml"
    config.write_text(CONFIG)
    environment = operator_environ | {
        "TWINSTREAM_CONFIG": str(config),
        "TWINSTREAM_LOG_LEVEL": "error",
    }

    async def run(*options: str) -> tuple[int, str]:
        done = await asyncio.to_thread(
            processes.run, "consumers", "reconcile", *options, environ=environment
        )
        return done.returncode, done.stdout + done.stderr

    return run


async def test_an_operator_sees_what_differs_and_has_it_repaired(
    operator, pool: asyncpg.Pool, people: list[int]
):
    assert (await operator("--now"))[0] == 0
    await pool.execute("UPDATE sync_state SET xp = 1 WHERE platform = 'discord'"
                       " AND member_id = $1", people[0])  # fmt: skip

    code, told = await operator("--now", "--dry-run", "--member", "telegram:1001")
    assert (code, "discord books" in told, "-49" in told) == (1, True, True)
    code, told = await operator("--now")
    assert (code, "watched" in told) == (1, True)
    code, told = await operator("--now")
    assert (code, "repaired" in told) == (0, True)

    assert (await decisions(pool))[-1][-1] == "repaired"


@pytest.mark.nightly
async def test_an_operator_is_told_what_is_held_until_it_is_accepted(
    operator, pool: asyncpg.Pool, tmp_path: Path
):
    await pool.execute("CREATE TABLE users (id bigint PRIMARY KEY, xp bigint, balance text)")
    await pool.execute("INSERT INTO users VALUES (2001, 500, '0')")
    config = tmp_path / "twinstream.toml"
    config.write_text(f'{CONFIG}\n[stores.discord]\ntable = "users"\n')
    code, told = await operator("--now")
    assert (code, "must hold whole numbers" in told) == (2, True)
    await pool.execute("ALTER TABLE users ALTER COLUMN balance TYPE bigint USING 0")

    for _ in range(2):
        code, told = await operator("--now")
        assert (code, "1 findings are held until you decide" in told) == (1, True), told
    code, told = await operator("--now", "--dry-run")
    assert (code, "+500" in told) == (1, True), told
    code, told = await operator("--now", "--accept")
    assert (code, "repaired" in told, "held" in told) == (0, True, False), told


async def test_what_an_operator_asks_in_vain_is_said(operator, people: list[int]):
    assert "say --now" in (await operator("--dry-run"))[1]
    for member in ("telegram:5", f"{2**63}", f"discord:{2**63}", "9" * 5_000):
        code, told = await operator("--now", "--member", member)
        assert (code, "there is no such member" in told) == (2, True), told


async def test_pages_are_trimmed_while_the_pass_goes_on(
    role: Reconcile, pool: asyncpg.Pool, resources: Resources, people: list[int], keys: Keys
):
    """Else a pass over a million members would keep all of its pages in Redis."""
    lengths = []
    taken = 0
    await role.ask(everybody=True)
    while await pool.fetchval("SELECT status = 'running' FROM reconcile_runs"):
        await role.step()
        lengths.append(await resources.redis.xlen(keys.snapshots.stream))
        taken = await pool.fetchval("SELECT count(*) FROM snapshots")

    assert taken > PAGES_AHEAD + 1
    assert max(lengths) <= PAGES_AHEAD + 1
    assert lengths[-1] <= 1
