"""`python -m benchmarks.reconcile`: passes and the audit over a large community, made by SQL.

A full pass and the audit run as an operator would run them, each in a process whose peak memory is
measured. The regular passes run in this process, with more and more members touched before each.
"""

import argparse
import asyncio
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import asyncpg
import msgspec

from bus import connect
from config import Community, ReconcileSetting, Settings, set_up_logs
from consumers.reconcile import open_role
from consumers.reconcile.role import Reconcile
from consumers.runtime.resources import Resources, open_resources
from db.reconcile import passes
from db.reconcile.passes import RunReport
from launch.migrate import migrate
from launch.servers import start_postgres, start_redis

CHECKOUT = Path(__file__).resolve().parents[1]
TOUCHED = (100, 1_000, 10_000, 100_000)
IN_FLIGHT = 10_000
#: The parts, in their order; with --folder they can run one at a time on the same data.
PARTS = ("fill", "full", "audit", "touched")

# Both entries of every event, in no order of members, ten entries per member on average.
FILL = """
SET session_replication_role = replica;
SET maintenance_work_mem = '512MB';
ALTER TABLE transactions DROP CONSTRAINT transaction_once;
DROP INDEX transactions_by_account, transactions_with_achievement;
INSERT INTO members (xp) SELECT 0 FROM generate_series(1, {members});
INSERT INTO accounts (platform, account_id, member_id)
    SELECT p, 1000000 + m, m FROM generate_series(1, {members}) AS m,
        unnest(ARRAY['telegram', 'discord']) AS p;
INSERT INTO transactions (idempotency_key, platform, source, type, account_id, delta_xp,
        reason, entity_id, occurred_at, created_at)
    SELECT 'tg_game_' || (1000000 + e.member) || '_' || e.number, p, 'telegram', 'xp.changed',
        1000000 + e.member, 1 + e.number % 20, 'game', e.number::text,
        now() - interval '1 day', now() - interval '1 day'
    FROM (
        SELECT number, 1 + (number::bigint * 7919) % {members} AS member
        FROM generate_series(1, {events}) AS number
    ) AS e, unnest(ARRAY['telegram', 'discord']) AS p
    WHERE p = 'telegram' OR e.number > {in_flight};
INSERT INTO sync_events (idempotency_key, source, type, account_id, payload, status, published_at)
    SELECT idempotency_key, source, type, account_id, '{{}}', 'published', now()
    FROM transactions WHERE platform = 'telegram' ORDER BY id LIMIT {in_flight};
INSERT INTO sync_state (member_id, platform, xp, balance, rank)
    SELECT a.member_id, t.platform, t.xp, 0, rank_of(t.xp)
    FROM (
        SELECT source, account_id, platform, sum(delta_xp)::bigint AS xp
        FROM transactions GROUP BY source, account_id, platform
    ) AS t JOIN accounts AS a ON a.platform = t.source AND a.account_id = t.account_id;
UPDATE members AS m SET xp = s.xp FROM sync_state AS s
    WHERE s.member_id = m.id AND s.platform = 'telegram';
INSERT INTO surfaces (member_id, platform, wanted, shown, shown_at)
    SELECT member_id, platform, rank, rank, now() FROM sync_state;
ALTER TABLE transactions ADD CONSTRAINT transaction_once UNIQUE (idempotency_key, platform);
CREATE INDEX transactions_by_account ON transactions (account_id, id);
CREATE INDEX transactions_with_achievement ON transactions (account_id, achievement)
    WHERE achievement IS NOT NULL;
"""
TOUCH = """
WITH touched AS (
    SELECT (random() * ({members} - 1))::bigint + 1 AS member FROM generate_series(1, {count})
), entered AS (
    INSERT INTO transactions (idempotency_key, platform, source, type, account_id, delta_xp,
        reason, entity_id, occurred_at)
    SELECT 'touch_{count}_' || t.member, p, 'telegram', 'xp.changed', 1000000 + t.member, 1,
        'game', 'touch', now()
    FROM (SELECT DISTINCT member FROM touched) AS t, unnest(ARRAY['telegram', 'discord']) AS p
    RETURNING account_id - 1000000 AS member_id, platform
), books AS (
    UPDATE sync_state AS s SET xp = s.xp + 1, rank = rank_of(s.xp + 1)
    FROM entered AS e WHERE e.member_id = s.member_id AND e.platform = s.platform
)
UPDATE members AS m SET xp = m.xp + 1
FROM (SELECT DISTINCT member_id FROM entered) AS e WHERE e.member_id = m.id
"""
WANT = """
UPDATE surfaces AS f SET wanted = s.rank, shown = s.rank FROM sync_state AS s
WHERE s.member_id = f.member_id AND s.platform = f.platform AND f.wanted <> s.rank
"""


def say(text: str) -> None:
    print(text, flush=True)


async def fill(database_url: str, members: int, rows: int) -> None:
    began = time.monotonic()
    conn = await asyncpg.connect(database_url)
    for index, rung in enumerate((10, 30, 100, 500), start=1):
        await conn.execute("INSERT INTO ranks VALUES ($1, $2, $3)", index, f"rank {index}", rung)
    await conn.execute(FILL.format(members=members, events=rows // 2, in_flight=IN_FLIGHT))
    await conn.execute("RESET session_replication_role")
    await conn.execute("VACUUM ANALYZE")
    await conn.execute("CHECKPOINT")
    count = await conn.fetchval("SELECT count(*) FROM transactions")
    size = await conn.fetchval("SELECT pg_size_pretty(pg_database_size(current_database()))")
    await conn.close()
    say(f"made: {members:,} members, {count:,} ledger rows, {IN_FLIGHT:,} events in flight,"
        f" {size}, in {time.monotonic() - began:.0f} s")  # fmt: skip


def run_command(env: dict[str, str], *command: str) -> None:
    """Run an operator's command, and print its duration and its peak memory."""
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "consumers", *command],
        cwd=CHECKOUT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    lines = [line for line in output.splitlines() if not re.match(r"\S+ \S+ \[", line)]
    say(f"consumers {' '.join(command)}: {time.monotonic() - began:.1f} s, peak"
        f" {usage.ru_maxrss / 1_024:.0f} MiB, {usage.ru_utime + usage.ru_stime:.1f} s of CPU, exit"
        f" {os.waitstatus_to_exitcode(status)}: {' '.join(lines[-3:])}")  # fmt: skip


async def regular_passes(settings: Settings, members: int) -> None:
    """Run regular passes, with more members touched before each."""
    community = Community.from_toml(Path(settings.twinstream_config))
    community = msgspec.structs.replace(community, reconcile=ReconcileSetting())
    stop = asyncio.Event()
    async with open_resources(settings, community, stop) as resources, open_role(resources) as role:
        conn = await asyncpg.connect(settings.database_url)
        await a_pass(role, resources)  # the filling itself touched members
        for count in (0, *TOUCHED):
            if count:
                await conn.execute(TOUCH.format(members=members, count=count))
                await conn.execute(WANT)
            touched, report, seconds = await a_pass(role, resources)
            say(f"pass with {touched:,} members touched: {seconds:.1f} s for {report.members:,}"
                f" members, {report.findings} findings, {report.status}")  # fmt: skip
            # As if the next pass came 15 minutes later.
            await conn.execute(
                "UPDATE reconcile_runs SET touched_upto = (SELECT max(id) FROM transactions)"
            )
        await conn.close()


async def a_pass(role: Reconcile, resources: Resources) -> tuple[int, RunReport, float]:
    """Run one pass; return the number of touched members, its report and its seconds."""
    began = time.monotonic()
    run_id = await role.ask(cause="interval")
    assert run_id is not None, "another pass is running"
    touched = await resources.pool.fetchval("SELECT count(*) FROM reconcile_touched")
    while True:
        await role.step()
        async with resources.pool.acquire() as conn:
            report = await passes.report(conn, run_id)
        assert report is not None
        if report.status != "running":
            return touched, report, time.monotonic() - began


async def redis_peak(url: str) -> str:
    client = connect(url, name="benchmark")
    info = await client.info("memory")
    await client.aclose()
    return str(info["used_memory_peak_human"])


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--members", type=int, default=1_000_000)
    asked.add_argument("--rows", type=int, default=10_000_000)
    asked.add_argument("--folder", type=Path, help="where the servers keep their data")
    asked.add_argument("parts", nargs="*", default=PARTS, help=", ".join(PARTS))
    options = asked.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="reconcile-benchmark-"))
    with start_postgres(folder / "postgres") as postgres, start_redis(folder / "redis") as redis:
        migrate(postgres.url)
        if "fill" in options.parts:
            asyncio.run(fill(postgres.url, options.members, options.rows))
        config = folder / "twinstream.toml"
        config.write_text(
            "[telegram]\nchat_id = -1\n[discord]\nguild_id = 1\n"
            + "".join(
                f'[[ranks]]\nname = "rank {number}"\nxp = {xp}\n'
                for number, xp in enumerate((10, 30, 100, 500), start=1)
            )
        )
        env = {
            "PATH": os.environ["PATH"],
            "DATABASE_URL": postgres.url,
            "REDIS_URL": redis.url,
            "TWINSTREAM_CONFIG": str(config),
            "TWINSTREAM_LOG_LEVEL": "error",
        }
        if "full" in options.parts:
            run_command(env, "reconcile", "--now")
            say(f"Redis had {asyncio.run(redis_peak(redis.url))} at its peak")
        if "audit" in options.parts:
            run_command(env, "audit")
        if "touched" in options.parts:
            set_up_logs(level="error", style="console")
            asyncio.run(regular_passes(Settings.from_env(env), options.members))


if __name__ == "__main__":
    main()
