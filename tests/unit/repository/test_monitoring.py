"""deploy/ asks Prometheus for nothing that twinstream does not say."""

import ast
import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import prometheus_client
import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

import bots.runtime.metrics
import consumers.runtime.metrics

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"
OVERLAY = yaml.safe_load((DEPLOY / "compose.monitoring.yaml").read_text(encoding="utf-8"))
ALERTS = yaml.safe_load((DEPLOY / "alerts.yml").read_text(encoding="utf-8"))
DASHBOARDS = {
    name: json.loads((DEPLOY / f"grafana/{name}.json").read_text(encoding="utf-8"))
    for name in ("operator", "owner")
}
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
#: The services that apply a stream each.
APPLYING = ("to-discord", "to-telegram")
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


def targets(name: str) -> list[str]:
    """Return the queries of the panels of a dashboard."""
    panels = DASHBOARDS[name]["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", ())]


def expressions() -> list[str]:
    return [rule["expr"] for rule in RULES] + [t for name in DASHBOARDS for t in targets(name)]


@pytest.mark.parametrize("expression", sorted(set(expressions())))
def test_what_is_asked_for_is_served(expression):
    assert set(METRIC.findall(expression)) <= served()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_the_operators_dashboard_shows_what_an_alert_is_about(rule):
    shown = {name for target in targets("operator") for name in FIGURE.findall(target)}

    # The interval is a setting, and the age of the last pass is shown.
    unseen = {"twinstream_reconcile_interval_seconds"}
    assert set(FIGURE.findall(rule["expr"])) - shown - unseen == set()


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


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_runbook_says_what_it_means_and_then_what_to_do_on_one_screen(rule):
    page = (ROOT / "docs/runbooks.md").read_text(encoding="utf-8")
    section = page.partition(f"### {rule['alert']}\n")[2]
    meaning, *steps = re.split(r"\n(?=\d\. )", re.split(r"\n##", section)[0].strip())

    assert meaning.rstrip().endswith(".")
    assert [step[0] for step in steps] == [str(place + 1) for place in range(len(steps))]
    assert any("`" in step or "](" in step for step in steps), "no command and no page helps"
    assert 1 <= section.partition("\n##")[0].count("\n") <= 20


def test_every_alert_is_brought_about_on_a_real_prometheus():
    """Each test with the marker fails unless it saw these alerts fire and end."""
    brought_about: Counter[str] = Counter()
    for path in (ROOT / "tests/integration/monitoring").glob("test_*.py"):
        for function in ast.parse(path.read_text(encoding="utf-8")).body:
            for marker in getattr(function, "decorator_list", ()):
                if ast.unparse(marker).startswith("pytest.mark.alerts("):
                    brought_about.update(ast.literal_eval(name) for name in marker.args)

    assert sorted(brought_about) == sorted(rule["alert"] for rule in RULES)


@pytest.mark.parametrize("page", ["docs/operate.md", "docs/ru/operate.md"])
def test_every_figure_is_explained_in_the_manual(page):
    manual = (ROOT / page).read_text(encoding="utf-8")
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


def scrape_job() -> dict[str, Any]:
    config = yaml.safe_load((DEPLOY / "prometheus.yml").read_text(encoding="utf-8"))
    job: dict[str, Any]
    [job] = config["scrape_configs"]
    return job


def test_each_process_of_a_service_with_several_is_a_target_of_its_own():
    """Behind a name, another process answers each time, and its counters seem to jump."""
    job = scrape_job()
    [found] = job["dns_sd_configs"]
    [named], [dropped] = job["relabel_configs"], job["metric_relabel_configs"]
    scaled = [name for name in COMPOSE["services"] if name in ("consumers", *APPLYING)]

    assert sorted(found["names"]) == sorted(scaled)
    assert found["type"] == "A"
    [targets] = job["static_configs"]
    by_name = [target for target in targets["targets"] if target.split(":")[0] in scaled]
    assert {target.split(":")[1] for target in by_name} == {str(found["port"])}
    # A process is called by its service and its address; a target by name is not.
    called = named["separator"].join(["to-discord", "172.18.0.7:9100"])
    assert (named["source_labels"], named["target_label"]) == (
        ["__meta_dns_name", "__address__"],
        "instance",
    )
    assert re.findall(f"^{named['regex']}$", called) == [called]
    assert not re.fullmatch(named["regex"], named["separator"].join(["", "to-discord:9100"]))
    # Figures are kept once: of each process, and of the services that have one only.
    assert (dropped["source_labels"], dropped["action"]) == (["instance"], "drop")
    kept = [one for one in targets["targets"] if not re.fullmatch(dropped["regex"], one)]
    assert set(by_name) == set(targets["targets"]) - set(kept)
    assert not re.fullmatch(dropped["regex"], called)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_prometheus_reads_its_settings():
    checked = subprocess.run(
        ["promtool", "check", "config", DEPLOY / "prometheus.yml"],
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_targets_are_the_processes_that_compose_runs():
    job = scrape_job()
    [targets] = job["static_configs"]

    hosts = {target.split(":")[0] for target in targets["targets"]}
    serving = {
        name
        for name, service in COMPOSE["services"].items()
        if "TWINSTREAM_METRICS_PORT" in service.get("environment", {}) and name != "migrate"
    }
    assert hosts == serving


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_have_their_own_ids_and_do_not_overlap(name: str):
    places: set[tuple[int, int]] = set()
    for panel in DASHBOARDS[name]["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not places & cells
        assert at["x"] + at["w"] <= 24
        places |= cells
    ids = [panel["id"] for panel in DASHBOARDS[name]["panels"]]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("name", DASHBOARDS)
def test_grafana_knows_every_field_of_a_dashboard(name: str):
    """Grafana's own model of a dashboard leaves out what it does not know."""
    found = DASHBOARDS[name]
    known = json.loads(JSONEncoder().encode(Dashboard.from_json(found)))

    assert unknown(found, known) == []


def unknown(found: Any, known: Any, where: str = "") -> list[str]:
    """Return what of `found` is not in `known`."""
    if isinstance(found, dict) and isinstance(known, dict):
        return [
            one
            for key, value in found.items()
            for one in unknown(value, known.get(key), f"{where}.{key}")
        ]
    if isinstance(found, list) and isinstance(known, list) and len(found) == len(known):
        return [
            one
            for place, pair in enumerate(zip(found, known, strict=True))
            for one in unknown(*pair, f"{where}[{place}]")
        ]
    return [] if found == known else [where]


def test_the_overlay_shows_every_dashboard():
    grafana = OVERLAY["services"]["grafana"]
    shown = {volume.split(":")[0] for volume in grafana["volumes"]}
    provider = yaml.safe_load((DEPLOY / "grafana/dashboards.yml").read_text(encoding="utf-8"))
    [folder] = [one["options"]["path"] for one in provider["providers"]]

    for name in DASHBOARDS:
        assert f"./deploy/grafana/{name}.json" in shown
        assert f"./deploy/grafana/{name}.json:{folder}/{name}.json:ro" in grafana["volumes"]
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{folder}/operator.json"
    assert len({one["uid"] for one in DASHBOARDS.values()}) == len(DASHBOARDS)
