"""Passes for the tests of reconcile, one after the other, and the rows that they leave."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from bus import SOURCES
from consumers.reconcile import open_role
from consumers.reconcile.role import Reconcile
from consumers.relay.role import Relay
from consumers.runtime.resources import Resources
from consumers.settling.role import Settling
from db.reconcile import passes
from db.reconcile.passes import RunReport
from tests.support.patience import PATIENCE_S

#: The tables that a pass must not change where nothing differs.
WRITTEN = {
    "sync_state": "SELECT * FROM sync_state ORDER BY member_id, platform",
    "achievements": "SELECT * FROM achievements ORDER BY member_id, platform, achievement",
    "members": "SELECT id, xp, balance FROM members ORDER BY id",
    "transactions": "SELECT * FROM transactions ORDER BY id",
    "sync_events": "SELECT id, idempotency_key, source, payload FROM sync_events ORDER BY id",
    "surfaces": "SELECT member_id, platform, surface, wanted FROM surfaces ORDER BY 1, 2, 3",
    "store_debts": "SELECT * FROM store_debts ORDER BY member_id, platform",
    "drift": "SELECT * FROM drift ORDER BY id",
}


async def ended(role: Reconcile, pool: asyncpg.Pool, run_id: int | None) -> RunReport:
    """Work until the pass has ended."""
    assert run_id is not None, "the pass was not begun"
    end = time.monotonic() + PATIENCE_S
    while True:
        await role.step()
        async with pool.acquire() as conn:
            report = await passes.report(conn, run_id)
        assert report is not None
        if report.status != "running":
            return report
        assert time.monotonic() < end, f"after {PATIENCE_S} s: {report}"


async def a_pass(role: Reconcile, pool: asyncpg.Pool, **asked: Any) -> RunReport:
    """Make a pass, by default over all members."""
    asked = {"everybody": "member_id" not in asked} | asked
    run_id = await role.ask(**asked)
    assert run_id is not None, "another pass is running"
    return await ended(role, pool, run_id)


@asynccontextmanager
async def opened(resources: Resources) -> AsyncIterator[Reconcile]:
    async with open_role(resources) as role:
        yield role


async def everything(pool: asyncpg.Pool, *but: str) -> dict[str, list[tuple[Any, ...]]]:
    """Return the content of each table that a pass could change."""
    return {
        table: [tuple(row) for row in await pool.fetch(query)]
        for table, query in WRITTEN.items()
        if table not in but
    }


async def decisions(pool: asyncpg.Pool) -> list[tuple[Any, ...]]:
    """Every row of drift: platform, subject, field, difference, decision."""
    rows = await pool.fetch(
        "SELECT platform, subject, field, difference, decision FROM drift ORDER BY id"
    )
    return [tuple(row) for row in rows]


async def whys(pool: asyncpg.Pool) -> Sequence[str]:
    return [row["why"] for row in await pool.fetch("SELECT why FROM drift ORDER BY id")]


async def let_everything_arrive(resources: Resources) -> None:
    """Run a relay and the consumers until nothing is on its way."""
    relay = Relay(resources)
    roles = [Settling(source, resources) for source in SOURCES]
    end = time.monotonic() + PATIENCE_S
    while await resources.pool.fetchval(
        "SELECT count(*) FROM twinstream.sync_events WHERE status IN ('pending', 'published')"
    ):
        await relay.step()
        for role in roles:
            await role.step()
        assert time.monotonic() < end, "it does not arrive"
