"""Differences, and passes that do not end well: alerts fire, and end once an operator has acted."""

import asyncpg
import pytest

from consumers.runtime.roles import ROLES
from db.stop_signs import OBEYED
from tests.support.monitored_deployment import CONSUMERS, Deploy, MonitoredDeployment
from tests.support.settling import until

pytestmark = pytest.mark.nightly

#: A pass over everybody each second.
BUSY = "\n[reconcile]\ninterval_ms = 1000\nwhole_within_ms = 1000\n"


async def win(scene: MonitoredDeployment, pool: asyncpg.Pool) -> None:
    """Let the member have books on both platforms."""
    await scene.member.win_in_telegram()

    async def has_arrived() -> bool:
        return not await pool.fetchval(
            "SELECT count(*) FROM sync_events WHERE status <> 'completed'"
        )

    await until(has_arrived, what="the event has arrived")


@pytest.mark.alerts("TwinstreamReconcileLate")
async def test_a_role_that_was_left_out(deploy: Deploy) -> None:
    others = tuple(name for name in ROLES if name != "reconcile")
    async with deploy(settings=BUSY, roles=others) as scene:
        await scene.prometheus.fires("TwinstreamReconcileLate")

        await scene.start(CONSUMERS, "reconcile", has_figures=False)

        await scene.prometheus.ends("TwinstreamReconcileLate")


@pytest.mark.alerts("TwinstreamDriftRepaired")
async def test_books_that_a_hand_changed(deploy: Deploy, pool: asyncpg.Pool) -> None:
    async with deploy(settings=BUSY) as scene:
        await win(scene, pool)
        await pool.execute("UPDATE sync_state SET xp = xp + 1 WHERE platform = 'discord'")

        await scene.prometheus.fires("TwinstreamDriftRepaired")
        await scene.prometheus.ends("TwinstreamDriftRepaired")


@pytest.mark.alerts("TwinstreamReconcileStopped", "TwinstreamFindingsHeld")
async def test_more_differences_than_the_limits_allow(deploy: Deploy, pool: asyncpg.Pool) -> None:
    alerts = ("TwinstreamReconcileStopped", "TwinstreamFindingsHeld")
    async with deploy(settings=BUSY + "members_always = 0\n") as scene:
        await win(scene, pool)
        await pool.execute("UPDATE sync_state SET xp = xp + 1 WHERE platform = 'discord'")
        await scene.prometheus.fires(*alerts)

        await scene.operate("reconcile", "--now", "--accept")

        await scene.prometheus.ends(*alerts)


@pytest.mark.alerts("TwinstreamDriftLeft")
async def test_books_that_cannot_become_an_event(deploy: Deploy, pool: asyncpg.Pool) -> None:
    change = "UPDATE sync_state SET xp = $1 WHERE platform = 'telegram'"
    async with deploy(settings=BUSY) as scene:
        await win(scene, pool)
        await pool.execute(change, -500)
        await scene.prometheus.fires("TwinstreamDriftLeft")

        await pool.execute(change, 15)

        await scene.prometheus.ends("TwinstreamDriftLeft")


@pytest.mark.alerts("TwinstreamStopSign")
async def test_the_stop_sign(scene: MonitoredDeployment, pool: asyncpg.Pool) -> None:
    await pool.execute("INSERT INTO stop_signs VALUES ($1, 'moving')", OBEYED)
    await scene.prometheus.fires("TwinstreamStopSign")

    await pool.execute("DELETE FROM stop_signs")

    await scene.prometheus.ends("TwinstreamStopSign")
