"""deploy/k8s as kustomize builds it."""

import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests import missing
from tests.deploy.compose import ROOT

K8S = ROOT / "deploy" / "k8s"
OVERLAYS = ("dev", "prod")
# What scripts/kustomize answers where it has none.
NO_KUSTOMIZE = 3
Resource = dict[str, Any]


def require() -> None:
    """Skips where nothing can be built."""
    tried = _build(OVERLAYS[0])
    if tried.returncode == NO_KUSTOMIZE:
        missing.skip(f"no Kubernetes file was tested: {tried.stderr.strip()}")


def built(overlay: str) -> str:
    """The YAML that `kubectl apply -k` would send."""
    done = _build(overlay)
    assert done.returncode == 0, done.stderr
    return done.stdout


@cache
def _build(overlay: str) -> subprocess.CompletedProcess[str]:
    return build(K8S / "overlays" / overlay)


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(ROOT / "scripts" / "kustomize"), "build", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@cache
def _all(overlay: str) -> list[Resource]:
    return [one for one in yaml.load_all(built(overlay), yaml.CSafeLoader) if one]


def resources(overlay: str, *kinds: str) -> list[Resource]:
    found = _all(overlay)
    return [one for one in found if not kinds or one["kind"] in kinds]


def named(overlay: str, kind: str, name: str) -> Resource:
    (found,) = [one for one in resources(overlay, kind) if one["metadata"]["name"] == name]
    return found


def pods(overlay: str) -> Iterator[tuple[str, Resource]]:
    """Name and template of whatever makes pods."""
    for one in resources(overlay, "Deployment", "StatefulSet", "Job"):
        yield f"{one['kind']}/{one['metadata']['name']}", one["spec"]["template"]


def containers(pod: Resource) -> list[Resource]:
    return [*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]]


def environment(overlay: str, container: Resource) -> dict[str, str]:
    """What its ConfigMaps and its own list give it; a field of the pod as `<field>`."""
    maps = {one["metadata"]["name"]: one["data"] for one in resources(overlay, "ConfigMap")}
    found: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        found |= maps[source["configMapRef"]["name"]]
    for one in container.get("env", ()):
        found[one["name"]] = one.get("value", "<field>")
    return found


def secret_files(pod: Resource) -> list[str]:
    """The Secrets mounted at /run/secrets."""
    for volume in pod["spec"].get("volumes", ()):
        if volume["name"] == "secrets":
            sources = volume.get("projected", {}).get("sources", ())
            return (
                [volume["secret"]["secretName"]]
                if "secret" in volume
                else [s["secret"]["name"] for s in sources]
            )
    return []


def selects(selector: Resource, labels: dict[str, str]) -> bool:
    """matchLabels and matchExpressions with In, all that is used here."""
    wanted = selector.get("matchLabels", {})
    told = selector.get("matchExpressions", ())
    return all(labels.get(k) == v for k, v in wanted.items()) and all(
        one["operator"] == "In" and labels.get(one["key"]) in one["values"] for one in told
    )


def may_speak(overlay: str, source: dict[str, str], target: dict[str, str], port: int) -> bool:
    """Whether the policies let a pod labelled `source` reach one labelled `target` in its namespace."""
    policies = [one["spec"] for one in resources(overlay, "NetworkPolicy")]
    return _lets(policies, "Egress", source, target, port) and _lets(
        policies, "Ingress", target, source, port
    )


def _lets(
    policies: list[Resource], way: str, subject: dict[str, str], other: dict[str, str], port: int
) -> bool:
    key, who = ("egress", "to") if way == "Egress" else ("ingress", "from")
    own = [one for one in policies if way in one["policyTypes"] and selects(one["podSelector"], subject)]
    rules = [rule for one in own for rule in one.get(key, ())]
    return not own or any(_peer(rule.get(who), other) and _port(rule.get("ports"), port) for rule in rules)


def _peer(peers: list[Resource] | None, labels: dict[str, str]) -> bool:
    if peers is None:
        return True
    # A namespaceSelector without labels is every namespace, ours too; one with labels is never ours here.
    return any(
        "podSelector" in one and not one.get("namespaceSelector") and selects(one["podSelector"], labels)
        for one in peers
    )


def _port(ports: list[Resource] | None, port: int) -> bool:
    return ports is None or any(one["port"] <= port <= one.get("endPort", one["port"]) for one in ports)
