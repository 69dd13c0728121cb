"""Each panel of the dashboards has a value on a real Prometheus, once members have played."""

import json
from typing import Any

import pytest

from bus import Keys
from tests.support.monitored_deployment import MonitoredDeployment
from tests.support.processes import CHECKOUT

pytestmark = pytest.mark.nightly

DASHBOARDS = sorted((CHECKOUT / "deploy/grafana").glob("*.json"))


async def test_each_panel_of_both_dashboards_has_a_value(scene: MonitoredDeployment) -> None:
    await scene.member.win_in_telegram()
    await scene.member.win_in_discord()
    # A stream that no other program holds has no such figure.
    await scene.redis.xgroup_create(Keys().stream("telegram"), "audit", id="1000-0")
    await scene.prometheus.sees("count(sum by (source) (twinstream_xp_earned_total) > 0)", 2)
    await scene.prometheus.fires("TwinstreamStreamHeld")

    empty = []
    for dashboard in DASHBOARDS:
        for panel in json.loads(dashboard.read_text(encoding="utf-8"))["panels"]:
            for target in panel.get("targets", ()):
                answer: dict[str, Any] = await scene.prometheus.query(target["expr"])
                assert answer["status"] == "success", (panel["title"], answer)
                if not answer["data"]["result"]:
                    empty.append((dashboard.stem, panel["title"], target["expr"]))
    assert empty == []
    assert len(DASHBOARDS) == 2
