"""Processes, servers and platforms go away: their alerts fire, and end once they are back."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from launch.migrate import migrate
from launch.servers import Server, start_postgres
from tests.support.monitored_deployment import (
    CONSUMERS,
    DISCORD_BOT,
    Deploy,
    MonitoredDeployment,
    halted,
)
from tests.support.prometheus import RANGE_S

pytestmark = pytest.mark.nightly


@pytest.mark.alerts("TwinstreamProcessDown")
async def test_a_process_that_was_killed(scene: MonitoredDeployment) -> None:
    await scene.kill(DISCORD_BOT)
    await scene.prometheus.fires("TwinstreamProcessDown")

    await scene.start(DISCORD_BOT)

    await scene.prometheus.ends("TwinstreamProcessDown")


@pytest.mark.alerts(
    "TwinstreamServerDown", "TwinstreamRoleWaiting", "TwinstreamProducersLeaveEventsToRelay"
)
async def test_redis_that_hangs(scene: MonitoredDeployment, own_redis: Server) -> None:
    alerts = (
        "TwinstreamServerDown",
        "TwinstreamRoleWaiting",
        "TwinstreamProducersLeaveEventsToRelay",
    )
    with halted(own_redis.pid):
        await scene.member.win_in_telegram()
        await scene.prometheus.fires(*alerts)

    await scene.prometheus.ends(*alerts)


@pytest.mark.alerts("TwinstreamServerDown", "TwinstreamRoleWaiting")
async def test_postgres_that_was_stopped(deploy: Deploy, tmp_path: Path) -> None:
    alerts = ("TwinstreamServerDown", "TwinstreamRoleWaiting")
    folder = tmp_path / "postgres"
    with start_postgres(folder) as server:
        await asyncio.to_thread(migrate, server.url)
        port = int(server.url.rpartition(":")[2].partition("/")[0])
        async with deploy(database_url=server.url) as scene:
            server.stop()
            await scene.prometheus.fires(*alerts)
            with await asyncio.to_thread(start_postgres, folder, port=port):
                await scene.prometheus.ends(*alerts)


@pytest.mark.alerts("TwinstreamBotDisconnected")
async def test_a_platform_that_is_away(scene: MonitoredDeployment) -> None:
    await scene.stop_platforms()
    await scene.prometheus.fires("TwinstreamBotDisconnected")

    await scene.start_platforms()

    await scene.prometheus.ends("TwinstreamBotDisconnected")


@pytest.mark.alerts("TwinstreamUpdatesSkipped")
async def test_updates_that_cannot_be_read(scene: MonitoredDeployment) -> None:
    page = '{"ok": true, "result": [{"update_id": 1, "message": {"text": 1}}]}'

    await scene.fault("telegram", method="getUpdates", status=200, when="garbled", page=page)

    await scene.prometheus.fires("TwinstreamUpdatesSkipped")
    await scene.prometheus.ends("TwinstreamUpdatesSkipped")


async def test_members_who_play_and_a_restart_are_no_alert(deploy: Deploy) -> None:
    # A role that waits for seconds, as one does at a restart, does not wait for hours.
    async with deploy(for_s=30, range_s=6 * RANGE_S) as scene:
        await scene.member.link()
        await scene.member.win_in_telegram()
        await scene.member.win_in_discord()
        await scene.prometheus.sees("count(twinstream_events_entered_total > 0)", 2)
        await scene.processes[CONSUMERS].terminate()
        await scene.start(CONSUMERS)
        await scene.member.win_in_telegram()

        await scene.prometheus.judges_for(2 * RANGE_S)

        assert scene.prometheus.fired == set()


@pytest.mark.alerts("TwinstreamEntryBuried")
async def test_what_was_counted_long_ago_is_no_news_after_an_answer_that_failed(
    scene: MonitoredDeployment,
) -> None:
    prometheus = scene.prometheus
    await scene.redis.xadd("sync:telegram", {"e": "no event"})
    await prometheus.fires("TwinstreamEntryBuried")
    await prometheus.ends("TwinstreamEntryBuried")
    with scene.halted(CONSUMERS):
        await prometheus.fires("TwinstreamProcessDown")
    await prometheus.ends("TwinstreamProcessDown")
    prometheus.fired.remove("TwinstreamEntryBuried")

    await prometheus.judges_for(RANGE_S + 5)

    assert "TwinstreamEntryBuried" not in prometheus.fired
    prometheus.fired.add("TwinstreamEntryBuried")


@pytest.mark.alerts("TwinstreamEarningsDropped")
async def test_a_database_that_refuses_what_members_earn(
    deploy: Deploy, pool: asyncpg.Pool
) -> None:
    async with deploy() as scene:
        await pool.execute("ALTER TABLE twinstream.earning_windows ADD CHECK (false) NOT VALID")
        member = scene.member
        await member.client.post(
            "/telegram/say",
            chat_id=member.endpoints.chat_id,
            user_id=member.telegram_id,
            text="Good morning, everybody!",
        )

        await scene.prometheus.fires("TwinstreamEarningsDropped")
        await scene.prometheus.ends("TwinstreamEarningsDropped")
