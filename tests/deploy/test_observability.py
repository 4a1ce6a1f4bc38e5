"""deploy/observability keeps its promises: rules fire, queries ask for what exists, alerts have a line."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import missing
from tests.deploy import compose
from tests.deploy.metric_names import EVERYWHERE, ROOT, asked, declared

HERE = ROOT / "deploy/observability"
RULES = [
    rule for group in yaml.safe_load((HERE / "alerts.yml").read_text())["groups"] for rule in group["rules"]
]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
RECORDED = {rule["record"] for rule in RULES if "record" in rule}
DASHBOARDS = sorted((HERE / "grafana/dashboards").glob("*.json"))
DECLARED = declared()


@pytest.fixture(scope="session")
def promtool() -> str:
    path = shutil.which("promtool")
    if path is None:
        missing.skip("no alert rule was tested: apt-get install prometheus (promtool)")
    return path


@pytest.mark.parametrize(
    "command",
    ["check rules --lint-fatal alerts.yml", "check config prometheus.yml", "test rules alerts.test.yml"],
)
def test_promtool_is_content(promtool: str, command: str) -> None:
    done = subprocess.run(
        [promtool, *command.split()], cwd=HERE, capture_output=True, text=True, check=False, timeout=120
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_has_a_bad_day_in_the_rule_tests() -> None:
    tried = set(re.findall(r'alertname="(\w+)"', (HERE / "alerts.test.yml").read_text()))

    assert tried == set(ALERTS)


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_how_bad_it_is_in_two_languages_and_what_to_do(name: str) -> None:
    alert = ALERTS[name]
    says = alert["annotations"]

    assert alert["labels"]["severity"] in {"page", "ticket"}
    assert re.search(r"[a-z]", says["summary"]) and re.search(r"[一-鿿]", says["summary_zh"])
    page, _, anchor = says["runbook_url"].partition("#")
    assert anchor == name.lower()
    assert f'| <a id="{anchor}"></a>{name} |' in (ROOT / page).read_text()


def queries() -> Iterator[Any]:
    for rule in RULES:
        yield pytest.param(rule["expr"], id=rule.get("alert") or rule["record"])
    for file in DASHBOARDS:
        for panel in json.loads(file.read_text())["panels"]:
            for target in panel["targets"]:
                yield pytest.param(
                    target["expr"], id=f"{file.stem}: {panel['title']}: {target['legendFormat']}"
                )


@pytest.mark.parametrize("query", list(queries()))
def test_a_query_asks_for_what_the_code_tells(query: str) -> None:
    found = list(asked(query))

    assert found
    for name, labels in found:
        if name in RECORDED:
            continue
        assert name in DECLARED, f"nobody tells {name}"
        known = DECLARED[name]
        assert known is None or labels <= known | EVERYWHERE, f"{name} has only the labels {known}"


def test_a_legend_names_labels_that_its_query_keeps() -> None:
    for file in DASHBOARDS:
        for panel in json.loads(file.read_text())["panels"]:
            for target in panel["targets"]:
                wanted = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
                kept = set(re.findall(r"\w+", " ".join(re.findall(r"by \(([^)]*)\)", target["expr"]))))
                assert wanted <= kept or target["expr"] in RECORDED, (
                    file.stem,
                    panel["title"],
                    wanted - kept,
                )


def test_a_query_for_something_else_would_be_noticed() -> None:
    """The reader of queries, tried on what it must and must not see."""
    query = 'sum by (a) (rate(x_total{b="up", c=~"y"}[5m])) / on (d) z > 1 unless rate(w_bucket[1m]) > 1'

    assert dict(asked(query)) == {
        "x_total": {"a", "b", "c", "d"},
        "z": {"a", "d"},
        "w_bucket": {"a", "d"},
    }
    assert DECLARED["http_request_seconds_bucket"] == {"method", "route"}
    assert DECLARED["payment_unknown"] == set()


def test_panels_lie_side_by_side() -> None:
    for file in DASHBOARDS:
        places = [panel["gridPos"] for panel in json.loads(file.read_text())["panels"]]
        for place in places:
            assert place["x"] + place["w"] <= 24
        cells = [(x, p["y"]) for p in places for x in range(p["x"], p["x"] + p["w"])]
        assert len(cells) == len(set(cells)), file.stem


def test_prometheus_asks_containers_that_exist_and_share_its_network() -> None:
    config = yaml.safe_load((HERE / "prometheus.yml").read_text())
    services = compose.services()
    shared = set(services["prometheus"]["networks"])

    for job in config["scrape_configs"]:
        for target in (t for group in job["static_configs"] for t in group["targets"]):
            host, _, port = target.partition(":")
            if host == "localhost":
                continue
            assert shared & set(services[host]["networks"]), host
            environment = services[host].get("environment", {})
            if job["job_name"] == "workers":
                assert environment["WORKER_METRICS_PORT"] == port
            if job["job_name"] == "gateway":
                assert environment["GATEWAY_METRICS_IP"] == "0.0.0.0"


@pytest.mark.parametrize("file", sorted(HERE.rglob("*.y*ml")), ids=lambda file: str(file.relative_to(HERE)))
def test_the_files_are_yaml(file: Path) -> None:
    assert isinstance(yaml.safe_load(file.read_text()), dict)


def test_whatever_compose_mounts_exists() -> None:
    mounted = set(re.findall(r"\./(deploy/observability/[\w./-]+):", compose.FILE.read_text()))

    assert len(mounted) >= 7
    assert [path for path in mounted if not (ROOT / path).exists()] == []


def test_one_thing_is_called_the_same_by_all_who_name_it() -> None:
    """Grafana's data sources are those its dashboards ask, at the ports their configuration opens."""
    sources = yaml.safe_load((HERE / "grafana/provisioning/datasources/datasources.yaml").read_text())
    uids = {source["uid"]: source["url"] for source in sources["datasources"]}
    loki = yaml.safe_load((HERE / "loki.yaml").read_text())["server"]["http_listen_port"]
    tempo = yaml.safe_load((HERE / "tempo.yaml").read_text())["server"]["http_listen_port"]

    assert uids["loki"] == f"http://loki:{loki}" and uids["tempo"] == f"http://tempo:{tempo}"
    for file in DASHBOARDS:
        asked_of = set(re.findall(r'"uid": "(\w+)"', file.read_text()))
        assert asked_of <= set(uids), file.stem
    assert set(uids) <= set(compose.services())
