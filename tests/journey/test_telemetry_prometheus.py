"""A real Prometheus over the running stack: it reads every page and can answer each rule and each panel.

This file's name keeps it behind the stories, so that there is something to ask for.
"""

import json
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from common.testing.processes import free_port
from tests import missing
from tests.conftest import ROOT, Stack

HERE = ROOT / "deploy/observability"
# In this stack a worker's figures are on its service's page.
NOT_HERE = {"workers"}
# Told only where there is APISIX, Nacos, a configuration centre, a refusal or a flow that hangs: not here.
QUIET = (
    "sagas_unfinished",
    "saga_oldest_seconds",
    "apisix_",
    "nacos_",
    "config_",
    "peer_breaker_open",
    "notify_rejected",
    "payment_callbacks_refused_total",
    "database_",
    "ALERTS",
    "risk_case",
    "idempotency_keys_total",
)


class Prometheus:
    """One server with the project's own configuration, its addresses turned to this machine's."""

    def __init__(self, binary: str, folder: Path) -> None:
        self.port = free_port()
        config = folder / "prometheus.yml"
        config.write_text(yaml.safe_dump(self._here()))
        command = [
            binary,
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--log.level=warn",
        ]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _here(self) -> dict[str, Any]:
        config: dict[str, Any] = yaml.safe_load((HERE / "prometheus.yml").read_text())
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        config["rule_files"] = [str(HERE / "alerts.yml")]
        config["scrape_configs"] = [
            {**job, "static_configs": [self._local(group) for group in job["static_configs"]]}
            for job in config["scrape_configs"]
            if job["job_name"] not in NOT_HERE
        ]
        return config

    def _local(self, group: dict[str, Any]) -> dict[str, Any]:
        ports = [target.rpartition(":")[2] for target in group["targets"]]
        return {**group, "targets": [f"127.0.0.1:{self.port if port == '9090' else port}" for port in ports]}

    def ask(self, path: str, **parameters: str) -> Any:
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            said = json.loads(answer.read())
        assert said["status"] == "success", said
        return said["data"]

    def wait_until(self, there: Callable[[], bool], seconds: float = 60.0) -> None:
        ends = time.monotonic() + seconds
        while True:
            try:
                if there():
                    return
            except OSError:
                pass
            assert time.monotonic() < ends and self.process.poll() is None, self.ask("targets")
            time.sleep(0.5)


@pytest.fixture(scope="module")
def prometheus(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    binary = shutil.which("prometheus")
    if binary is None:
        missing.skip("no real Prometheus read the pages: apt-get install prometheus")
    server = Prometheus(binary, tmp_path_factory.mktemp("prometheus"))
    try:
        server.wait_until(lambda: len(server.ask("query", query="up == 1")["result"]) == 5)
        # rate() needs two samples of every page, and so do the rules that stand on rules
        server.wait_until(
            lambda: len(server.ask("query", query="count_over_time(up[1m]) > 2")["result"]) == 5
        )
        server.wait_until(lambda: bool(server.ask("query", query="service:http_requests:rate5m")["result"]))
        yield server
    finally:
        server.process.terminate()
        server.process.wait(30)


def test_it_reads_every_page_it_is_told_of(prometheus: Prometheus) -> None:
    targets = prometheus.ask("targets")["activeTargets"]

    assert {target["labels"]["job"] for target in targets} == {"services", "gateway", "prometheus"}
    assert [target["lastError"] for target in targets if target["health"] != "up"] == []


def test_every_rule_can_be_asked_and_none_is_alarmed_by_the_journey(prometheus: Prometheus) -> None:
    def rules() -> list[dict[str, Any]]:
        return [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]

    prometheus.wait_until(lambda: all(rule["health"] == "ok" for rule in rules()))

    assert len(rules()) > 30
    assert [rule["name"] for rule in rules() if rule.get("state") == "firing"] == []


@pytest.mark.parametrize(
    "file", sorted((HERE / "grafana/dashboards").glob("*.json")), ids=lambda file: file.stem
)
def test_every_panel_shows_something(prometheus: Prometheus, file: Path) -> None:
    silent = []
    for panel in json.loads(file.read_text())["panels"]:
        for target in panel["targets"]:
            query = target["expr"].replace("$__rate_interval", "1m")
            if not prometheus.ask("query", query=query)["result"] and not any(
                word in query for word in QUIET
            ):
                silent.append(f"{panel['title']}: {query}")

    assert silent == []
