"""deploy/ asks Prometheus for nothing that twinstream does not say."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import prometheus_client
import pytest
import yaml

import bots.runtime.metrics
import consumers.runtime.metrics

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"
OVERLAY = yaml.safe_load((DEPLOY / "compose.monitoring.yaml").read_text(encoding="utf-8"))
ALERTS = yaml.safe_load((DEPLOY / "alerts.yml").read_text(encoding="utf-8"))
DASHBOARD = json.loads((DEPLOY / "grafana/twinstream.json").read_text(encoding="utf-8"))
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
METRIC = re.compile(r"\btwinstream_\w+")
#: The same, and the figure that Prometheus itself keeps of each process.
FIGURE = re.compile(r"\btwinstream_\w+|\bup\b")


def own_metrics() -> Iterator[Any]:
    for module in (bots.runtime.metrics, consumers.runtime.metrics):
        for value in vars(module).values():
            if isinstance(value, prometheus_client.metrics.MetricWrapperBase):
                yield value


def served() -> set[str]:
    names = set()
    for metric in own_metrics():
        [described] = metric.describe()
        suffixes = {
            "counter": ["_total"],
            "gauge": [""],
            "histogram": ["_bucket", "_count", "_sum"],
        }[described.type]
        names |= {described.name + suffix for suffix in suffixes}
    return names


def targets() -> list[str]:
    """Return the queries of the panels of the dashboard."""
    return [t["expr"] for panel in DASHBOARD["panels"] for t in panel.get("targets", ())]


def expressions() -> list[str]:
    return [rule["expr"] for rule in RULES] + targets()


@pytest.mark.parametrize("expression", sorted(set(expressions())))
def test_what_is_asked_for_is_served(expression):
    assert set(METRIC.findall(expression)) <= served()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_the_dashboard_shows_what_an_alert_is_about(rule):
    shown = {name for target in targets() for name in FIGURE.findall(target)}

    assert set(FIGURE.findall(rule["expr"])) - shown == set()


def test_every_alert_says_where_to_look():
    for rule in RULES:
        assert rule["annotations"]["summary"]
        assert rule["labels"]["severity"] in ("warning", "critical")


def test_every_alert_leads_to_its_own_runbook():
    page = (ROOT / "docs/runbooks.md").read_text(encoding="utf-8")
    headings = re.findall(r"^### (Twinstream\w+)$", page, re.MULTILINE)

    assert sorted(headings) == sorted(rule["alert"] for rule in RULES)
    for rule in RULES:
        leads_to = f"docs/runbooks.md#{rule['alert'].lower()}"
        assert rule["annotations"]["runbook"] == leads_to


def test_every_figure_is_explained_in_the_manual():
    manual = (ROOT / "docs/operate.md").read_text(encoding="utf-8")
    missing = sorted(
        described.name
        for metric in own_metrics()
        for described in metric.describe()
        if described.name not in manual
    )

    assert missing == []


def alarming() -> list[tuple[set[str], str]]:
    """Return the figures of each row of the manual's table, and what of them is worth an alarm."""
    manual = (ROOT / "docs/operate.md").read_text(encoding="utf-8")
    [table] = re.findall(r"\n\| figure \|[^\n]*\n\|[-| ]+\n((?:\|[^\n]*\n)+)", manual)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]
    return [(set(METRIC.findall(figures)), alarm) for figures, _, alarm in rows]


def test_every_figure_that_is_worth_an_alarm_has_one_and_no_other():
    watched = {name for rule in RULES for name in METRIC.findall(rule["expr"])}

    assert [
        figures for figures, alarm in alarming() if bool(figures & watched) != bool(alarm)
    ] == []
    assert watched <= set().union(*(figures for figures, _ in alarming()))


def test_the_overlay_fits_compose_yaml():
    schema = ["--builtin-schema", "vendor.compose-spec"]
    checked = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", *schema, DEPLOY / "compose.monitoring.yaml"],
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr

    for service in OVERLAY["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            # Paths in an overlay count from the first file's folder.
            assert source in OVERLAY["volumes"] or (ROOT / source).exists()


def test_the_targets_are_the_processes_that_compose_runs():
    config = yaml.safe_load((DEPLOY / "prometheus.yml").read_text(encoding="utf-8"))
    [job] = config["scrape_configs"]
    [targets] = job["static_configs"]

    hosts = {target.split(":")[0] for target in targets["targets"]}
    serving = {
        name
        for name, service in COMPOSE["services"].items()
        if "TWINSTREAM_METRICS_PORT" in service.get("environment", {}) and name != "migrate"
    }
    assert hosts == serving


def test_panels_have_their_own_ids_and_do_not_overlap():
    places: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not places & cells
        places |= cells
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
