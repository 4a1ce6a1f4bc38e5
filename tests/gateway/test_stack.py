"""What `make run` tells Envoy: each setting that changes it, read in a process of its own as by the stack."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.envoy import ENVOY
from tests.gateway.tokens import new_private_key, public_key_of

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import json
from scripts.stack.prepare import CannotStart, envoy_config
try:
    print(json.dumps(envoy_config()))
except CannotStart as problem:
    print(json.dumps({"problem": str(problem)}))
"""


def told(var: Path, **variables: str) -> dict[str, Any]:
    usual = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    environment = {**usual, "CFMP_VAR_DIR": str(var), "CFMP_MODE": "embedded", **variables}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return document


def cluster(config: dict[str, Any], name: str) -> dict[str, Any]:
    return next(item for item in config["static_resources"]["clusters"] if item["name"] == name)


def places(config: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = cluster(config, name)["load_assignment"]["endpoints"][0]["lb_endpoints"]
    return [entry["endpoint"]["address"] for entry in found]


def keys(*algorithms: str) -> str:
    pem = public_key_of(new_private_key())
    secret = {"secret": "a-secret-of-thirty-two-bytes-or-more"}
    rows = [
        {"key": f"key-{row}", "algorithm": name, **(secret if name == "HS256" else {"public_key": pem})}
        for row, name in enumerate(algorithms)
    ]
    return json.dumps(rows)


def providers(config: dict[str, Any]) -> set[str]:
    return set(json.dumps(config).split('"providers": {')[1].split('"requirement_map"')[0].split('"')) & {
        "issuer_rs256",
        "issuer_rs256_next",
        "issuer_hs256",
        "issuer_hs256_next",
    }


def test_one_instance_is_reached_by_its_socket_several_by_their_ports(tmp_path: Path) -> None:
    several = told(tmp_path, ORDER_SERVICE_URL="http://127.0.0.1:8001,http://127.0.0.1:8011")

    assert places(several, "order") == [
        {"socket_address": {"address": "127.0.0.1", "port_value": port}} for port in (8001, 8011)
    ]
    assert places(several, "payment") == [{"pipe": {"path": str(tmp_path / "run" / "payment.sock")}}]


def test_with_a_registry_the_instances_come_from_files_that_are_there(tmp_path: Path) -> None:
    config = told(tmp_path, DISCOVERY="nacos", NACOS_SERVER="127.0.0.1:8848")
    source = cluster(config, "order")["eds_cluster_config"]["eds_config"]["path_config_source"]

    assert Path(source["path"]).is_file()
    assert Path(source["watched_directory"]["path"]) == Path(source["path"]).parent


def test_two_keys_of_an_algorithm_are_taken_and_no_third(tmp_path: Path) -> None:
    both = told(tmp_path, JWT_KEYS=keys("RS256", "RS256", "HS256"))
    assert providers(both) == {"issuer_rs256", "issuer_rs256_next", "issuer_hs256"}

    third = told(tmp_path, JWT_KEYS=keys("RS256", "RS256", "RS256", "HS256"))
    assert third == {"problem": "JWT_KEYS has three RS256 keys; the gateway takes two: drop the oldest"}


def test_an_algorithm_without_a_consumer_is_named(tmp_path: Path) -> None:
    found = told(tmp_path, JWT_KEYS=keys("RS256", "RS512"))

    assert found == {"problem": "JWT_KEYS has a key for RS512; the gateway takes RS256 and HS256"}


@pytest.mark.parametrize("algorithm", ["RS256", "HS256"])
def test_one_issuer_is_enough(tmp_path: Path, algorithm: str) -> None:
    config = told(tmp_path, JWT_KEYS=keys(algorithm))
    path = tmp_path / "envoy.json"
    path.write_text(json.dumps(config))
    command = [ENVOY, "--mode", "validate", "-c", path]
    judged = subprocess.run(command, capture_output=True, text=True, timeout=60)

    assert providers(config) == {f"issuer_{algorithm.lower()}"}
    assert judged.returncode == 0, judged.stderr


def test_a_wrong_setting_is_one_sentence(tmp_path: Path) -> None:
    assert "CFMP_MODE" in told(tmp_path, CFMP_MODE="embeded")["problem"]
    assert told(tmp_path, GATEWAY_USER_REQUESTS="many")["problem"].startswith("apisix.yaml: ")


def test_spans_are_sent_where_a_collector_is_named(tmp_path: Path) -> None:
    assert cluster(told(tmp_path, OTEL_COLLECTOR="127.0.0.1:4318"), "collector")
    assert '"collector"' not in json.dumps(told(tmp_path))
