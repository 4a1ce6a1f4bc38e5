"""deploy/k8s/README.md's recipe for webhooks, as an operator would put it on top of an overlay."""

import os
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from tests.deploy import kubernetes
from tests.deploy.kubernetes import K8S, Resource


@pytest.fixture
def resources(tmp_path: Path) -> list[Resource]:
    """The production overlay with the recipe."""
    kubernetes.require()
    (recipe,) = re.findall(r"```yaml\n(.+?)```", (K8S / "README.md").read_text(), re.DOTALL)
    below = os.path.relpath(K8S / "overlays" / "prod", tmp_path)
    (tmp_path / "kustomization.yaml").write_text(f"resources: [{below}]\nnamespace: order-suite\n{recipe}")
    done = kubernetes.build(tmp_path)
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def test_the_workers_of_payments_reach_every_address_that_is_allowed(resources: list[Resource]) -> None:
    (policy,) = [one["spec"] for one in resources if one["metadata"]["name"] == "webhooks"]
    (given,) = [one["data"] for one in resources if one["metadata"]["name"].startswith("alipay-settings-")]
    needed = {urlsplit(url).port or 443 for url in given["NOTIFY_URL_ALLOW"].split(",")}

    assert needed == {443, 8443} == {one["port"] for one in policy["egress"][0]["ports"]}
    assert given["WEBHOOK_SECRET_FILE"] == "/run/secrets/webhook_secret"
    assert given["ALIPAY_PRIVATE_KEY_FILE"]  # what lies below stays
