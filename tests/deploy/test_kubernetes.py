"""deploy/k8s: both overlays build, are valid Kubernetes, and keep the promises that a rollout stands on."""

import base64
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from common import config
from common.config import PORTS
from common.instance.stopping import longest_stop
from common.settings_table import SETTINGS, Settings
from tests.deploy import kubernetes
from tests.deploy.compose import ROOT, Dockerfile
from tests.deploy.kubernetes import K8S, OVERLAYS, Resource

BIN = Path(sys.executable).parent
SERVICES = {"order": 8001, "payment": 8002, "notification": 8003}
KNOWN = {setting.name for setting in SETTINGS}

pytestmark = [pytest.mark.parametrize("overlay", OVERLAYS)]


@pytest.fixture(autouse=True)
def _builder() -> None:
    kubernetes.require()


def pod_of(overlay: str, name: str) -> Resource:
    template: Resource = dict(kubernetes.pods(overlay))[name]
    return template


def test_it_is_valid_kubernetes_to_the_last_field(overlay: str, tmp_path: Path) -> None:
    (tmp_path / "all.yaml").write_text(kubernetes.built(overlay))
    command = [
        f"{BIN}/kubernetes-validate",
        "--strict",
        "-k",
        "1.37.0",
        "--quiet",
        str(tmp_path / "all.yaml"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_each_service_has_web_workers_migration_budgets_and_scaling(overlay: str) -> None:
    for name, port in SERVICES.items():
        web = pod_of(overlay, f"Deployment/{name}-web")["spec"]["containers"][0]
        worker = pod_of(overlay, f"Deployment/{name}-worker")["spec"]["containers"][0]
        assert (web["args"], worker["args"]) == (["web"], ["worker"])
        assert web["ports"][0]["containerPort"] == port == PORTS[f"{name.capitalize()}Service"]
        assert web["image"].split(":")[0].endswith(f"/{name}")
        migrate = pod_of(overlay, f"Job/{name}-migrate")["spec"]["containers"][0]
        assert migrate["command"][-3:] == ["manage.py", "migrate", "--no-input"]
        scaler = kubernetes.named(overlay, "HorizontalPodAutoscaler", f"{name}-web")["spec"]
        assert scaler["scaleTargetRef"]["name"] == f"{name}-web"
        for part in ("web", "worker"):
            budget = kubernetes.named(overlay, "PodDisruptionBudget", f"{name}-{part}")["spec"]
            labels = pod_of(overlay, f"Deployment/{name}-{part}")["metadata"]["labels"]
            assert budget["maxUnavailable"] == 1
            assert kubernetes.selects(budget["selector"], labels)


def test_a_budget_covers_the_pods_of_one_deployment_alone(overlay: str) -> None:
    for budget in kubernetes.resources(overlay, "PodDisruptionBudget"):
        selector = budget["spec"]["selector"]
        covered = [
            name
            for name, pod in kubernetes.pods(overlay)
            if kubernetes.selects(selector, pod["metadata"]["labels"])
        ]
        assert covered == [f"Deployment/{budget['metadata']['name']}"]


def test_no_code_meets_a_schema_older_than_itself(overlay: str) -> None:
    for name in SERVICES:
        for part in ("web", "worker"):
            pod = pod_of(overlay, f"Deployment/{name}-{part}")["spec"]
            (wait,) = pod["initContainers"]
            assert wait["command"] == ["python", "manage.py", "migrate", "--check"]
            assert wait["image"] == pod["containers"][0]["image"]
            assert kubernetes.environment(overlay, wait).items() >= _settings(overlay, pod).items()


def _settings(overlay: str, pod: Resource) -> dict[str, str]:
    return kubernetes.environment(overlay, {"envFrom": pod["containers"][0]["envFrom"]})


def test_a_rollout_never_has_fewer_pods_and_gives_each_the_time_to_stop(overlay: str) -> None:
    for name in (*(f"{service}-web" for service in SERVICES), "gateway"):
        deployment = kubernetes.named(overlay, "Deployment", name)["spec"]
        assert deployment["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
        assert deployment["minReadySeconds"] >= 10
    for name, pod in kubernetes.pods(overlay):
        if name.endswith(("-web", "-worker")):
            given = kubernetes.environment(overlay, pod["spec"]["containers"][0])
            drain = float(given.get("DRAIN_SECONDS", Settings.drain_seconds))
            assert pod["spec"]["terminationGracePeriodSeconds"] > longest_stop(drain), name


def test_probes_ask_what_they_are_for(overlay: str) -> None:
    for name in SERVICES:
        web = pod_of(overlay, f"Deployment/{name}-web")["spec"]["containers"][0]
        asked = {
            probe: web[probe]["httpGet"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")
        }
        assert asked == {
            "startupProbe": {"path": "/livez", "port": "http"},
            "livenessProbe": {
                "path": "/livez",
                "port": "http",
            },  # a database that is away must not restart us
            "readinessProbe": {"path": "/readyz", "port": "http"},
        }


def test_containers_of_ours_can_do_little(overlay: str) -> None:
    for name, pod in kubernetes.pods(overlay):
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False, name
        assert spec["enableServiceLinks"] is False, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in kubernetes.containers(pod):
            assert set(container["resources"]["limits"]) == {"cpu", "memory"}, name
            if container["image"].startswith(("mysql:", "nacos/")):
                continue  # of the dev overlay
            assert spec["securityContext"]["runAsNonRoot"] is True, name
            own = container["securityContext"]
            assert own["capabilities"] == {"drop": ["ALL"]} and own["allowPrivilegeEscalation"] is False
            assert own["readOnlyRootFilesystem"] is not container["image"].startswith("apache/apisix:")


def test_a_pod_tells_nacos_its_own_address(overlay: str) -> None:
    for name in SERVICES:
        (pod_ip, host) = pod_of(overlay, f"Deployment/{name}-web")["spec"]["containers"][0]["env"]
        assert pod_ip["valueFrom"] == {"fieldRef": {"fieldPath": "status.podIP"}}
        assert host == {"name": "SERVICE_HOST", "value": "$(POD_IP)"}


@pytest.fixture(scope="module")
def secrets(secrets_folder: Path) -> dict[str, dict[str, str]]:
    """What `deploy/k8s/secrets` prints, by Secret."""
    kubernetes.require()
    done = subprocess.run(
        [str(K8S / "secrets"), str(secrets_folder)], capture_output=True, text=True, check=True
    )
    found = yaml.safe_load_all(done.stdout)
    return {
        one["metadata"]["name"]: {key: base64.b64decode(value).decode() for key, value in one["data"].items()}
        for one in found
    }


def test_every_secret_that_is_read_is_mounted_and_every_mounted_one_is_made(
    overlay: str, secrets: dict[str, dict[str, str]]
) -> None:
    for name, pod in kubernetes.pods(overlay):
        mounted = {key for one in kubernetes.secret_files(pod) for key in secrets[one]}
        for container in kubernetes.containers(pod):
            read = (
                container.get("env"),
                container.get("readinessProbe"),
                kubernetes.environment(overlay, container),
            )
            text = str(read)
            assert set(re.findall(r"/run/secrets/(\w+)", text)) <= mounted, name
            for one in container.get("env", ()):
                source = one.get("valueFrom", {}).get("secretKeyRef")
                assert not source or source["key"] in secrets[source["name"]], name


def test_no_secret_lies_in_the_files(overlay: str) -> None:
    assert kubernetes.resources(overlay, "Secret") == []
    secret = {setting.name for setting in SETTINGS if setting.secret}
    for one in kubernetes.resources(overlay, "ConfigMap"):
        assert secret.isdisjoint(one["data"])


@pytest.mark.parametrize("part", ["web", "worker", "migrate"])
@pytest.mark.parametrize("name", SERVICES)
def test_a_service_starts_with_what_its_pod_gives_it(
    overlay: str, name: str, part: str, secrets: dict[str, dict[str, str]], tmp_path: Path
) -> None:
    kind = "Job" if part == "migrate" else "Deployment"
    pod = pod_of(overlay, f"{kind}/{name}-{part}")
    for one in kubernetes.secret_files(pod):
        for key, text in secrets[one].items():
            (tmp_path / key).write_text(text)
    given = kubernetes.environment(overlay, pod["spec"]["containers"][0])
    given |= {"SERVICE_HOST": "10.1.2.3"} if "SERVICE_HOST" in given else {}
    given.pop("POD_IP", None)
    given = {key: value.replace("/run/secrets", str(tmp_path)) for key, value in given.items()}

    loaded = config.load(f"{name.capitalize()}Service", {**Dockerfile().environment(name), **given})

    assert not loaded.is_embedded and loaded.discovery == "nacos"
    assert {key for key in given if not {key, key.removesuffix("_FILE")} & KNOWN} == set()


WEB = {
    "app.kubernetes.io/part-of": "order-suite",
    "app.kubernetes.io/component": "web",
    "app.kubernetes.io/name": "order",
}
GATEWAY = {
    "app.kubernetes.io/part-of": "order-suite",
    "app.kubernetes.io/component": "gateway",
    "app.kubernetes.io/name": "gateway",
}
STRANGER = {"app.kubernetes.io/name": "stranger"}


def test_the_policies_let_through_what_is_needed_and_nothing_else(overlay: str) -> None:
    worker = {**WEB, "app.kubernetes.io/component": "worker"}
    migrate = {**WEB, "app.kubernetes.io/component": "migrate"}
    payment = {**WEB, "app.kubernetes.io/name": "payment"}

    def may(source: dict[str, str], target: dict[str, str], port: int) -> bool:
        return kubernetes.may_speak(overlay, source, target, port)

    assert may(GATEWAY, WEB, 8001) and may(WEB, payment, 8002) and may(worker, payment, 8002)
    assert not may(STRANGER, WEB, 8001) and not may(WEB, STRANGER, 8001)
    assert not may(migrate, payment, 8002) and not may(WEB, worker, 8001)
    assert not may(GATEWAY, WEB, 22) and not may(WEB, GATEWAY, 9080)


def test_the_database_and_the_registry_are_reached_by_who_needs_them(overlay: str) -> None:
    worker, migrate = ({**WEB, "app.kubernetes.io/component": part} for part in ("worker", "migrate"))
    database, registry = (
        kubernetes.named(overlay, "NetworkPolicy", name)["spec"] for name in ("database", "registry")
    )

    def covers(policy: Resource) -> list[bool]:
        return [kubernetes.selects(policy["podSelector"], who) for who in (WEB, worker, migrate, GATEWAY)]

    assert covers(database) == [True, True, True, False]
    assert covers(registry) == [True, True, False, True]
    assert [one["port"] for one in database["egress"][0]["ports"]] == [3306]
    assert [one["port"] for one in registry["egress"][0]["ports"]] == [8848, 9848]


def test_only_payments_reach_the_internet(overlay: str) -> None:
    abroad = [
        one["metadata"]["name"]
        for one in kubernetes.resources(overlay, "NetworkPolicy")
        if "0.0.0.0/0" in str(one["spec"].get("egress"))
    ]
    payment = {**WEB, "app.kubernetes.io/name": "payment"}
    its_worker = {**payment, "app.kubernetes.io/component": "worker"}

    assert abroad == ["alipay", "webhooks"]
    for name, web_too in (("alipay", True), ("webhooks", False)):
        policy = kubernetes.named(overlay, "NetworkPolicy", name)["spec"]
        who = [kubernetes.selects(policy["podSelector"], labels) for labels in (its_worker, payment, WEB)]
        assert who == [True, web_too, False], name
        assert policy["egress"][0]["to"][0]["ipBlock"]["except"][0] == "10.0.0.0/8"


def test_the_gateways_files_are_the_ones_of_the_repository(overlay: str) -> None:
    (files,) = [
        one
        for one in kubernetes.resources(overlay, "ConfigMap")
        if one["metadata"]["name"].startswith("gateway-files-")
    ]
    assert files["data"] == {
        name: (ROOT / "apisix" / name).read_text() for name in ("config.yaml", "apisix.yaml")
    }
    volumes = pod_of(overlay, "Deployment/gateway")["spec"]["volumes"]
    assert volumes == [{"name": "files", "configMap": {"name": files["metadata"]["name"]}}]


def test_the_gateway_gets_what_its_files_ask_for(overlay: str) -> None:
    texts = "".join((ROOT / "apisix" / name).read_text() for name in ("config.yaml", "apisix.yaml"))
    texts = re.sub(r"(?m)^\s*#.*$", "", texts)
    needed = set(re.findall(r"\$\{\{(\w+)\}\}", texts)) | set(re.findall(r"\$ENV://(\w+)", texts))
    needed = {name for name in needed if "_NEXT_" not in name}  # of a rotation
    apisix = pod_of(overlay, "Deployment/gateway")["spec"]["containers"][0]

    assert needed <= set(kubernetes.environment(overlay, apisix))


def test_every_image_has_a_version(overlay: str) -> None:
    for name, pod in kubernetes.pods(overlay):
        for container in kubernetes.containers(pod):
            assert re.search(r":(v?\d+\.\d+|dev$)", container["image"]), name
