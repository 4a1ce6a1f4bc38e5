"""What an embedded run makes up: once, for its owner only, and each service only what it may know."""

import json
import multiprocessing
import stat
from pathlib import Path

import jwt
import pytest

from common.embedded import MARK, SERVICES, embedded_environment, service_private_key
from common.signing import ServiceSigner, ServiceVerifier


@pytest.fixture(scope="module")
def var_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("var")


def test_secrets_are_made_once(var_dir: Path) -> None:
    first = embedded_environment(var_dir, "OrderService")

    assert embedded_environment(str(var_dir), "OrderService") == first


def test_only_the_owner_can_read_them(var_dir: Path) -> None:
    embedded_environment(var_dir, "OrderService")
    secrets = var_dir / "secrets"

    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets.iterdir()} == {0o600}
    assert not list(secrets.glob("*.tmp"))


def _fingerprint(var_dir: Path) -> str:
    return json.dumps(embedded_environment(var_dir, "PaymentService"), sort_keys=True)


def test_processes_that_start_together_agree(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        seen = pool.map(_fingerprint, [tmp_path] * 4)

    assert len(set(seen)) == 1


def test_what_a_later_version_needs_is_added_and_nothing_changed(tmp_path: Path) -> None:
    before = embedded_environment(tmp_path, "OrderService")
    path = tmp_path / "secrets" / "embedded.json"
    kept = json.loads(path.read_text())
    del kept["alipay"]
    path.write_text(json.dumps(kept))

    after = embedded_environment(tmp_path, "OrderService")

    assert after.pop("ALIPAY_PUBLIC_KEY") != before.pop("ALIPAY_PUBLIC_KEY")
    assert after == before


def test_a_service_never_sees_the_outside_worlds_keys(var_dir: Path) -> None:
    sandbox = embedded_environment(var_dir, "sandbox")
    private = {sandbox["SANDBOX_JWT_PRIVATE_KEY"], sandbox["SANDBOX_ALIPAY_PRIVATE_KEY"]}

    for service in SERVICES:
        own = embedded_environment(var_dir, service)
        assert not private & set(own.values())
        others = {service_private_key(var_dir, name) for name in SERVICES if name != service}
        assert not others & set(own.values())


def test_the_sandbox_never_sees_the_services_keys(var_dir: Path) -> None:
    sandbox = set(embedded_environment(var_dir, "sandbox").values())

    assert not sandbox & {service_private_key(var_dir, name) for name in SERVICES}
    assert embedded_environment(var_dir, "PaymentService")["ALIPAY_PRIVATE_KEY"] not in sandbox


def test_the_keys_fit_together(var_dir: Path) -> None:
    order = embedded_environment(var_dir, "OrderService")
    token = ServiceSigner("OrderService", order["SERVICE_PRIVATE_KEY"]).token("PaymentService")

    assert (
        ServiceVerifier(json.loads(order["SERVICE_PUBLIC_KEYS"]), "PaymentService").verify(token)
        == "OrderService"
    )

    sandbox = embedded_environment(var_dir, "sandbox")
    signed = jwt.encode({"a": 1}, sandbox["SANDBOX_JWT_PRIVATE_KEY"], algorithm="RS256")
    rows = {row["key"]: row for row in json.loads(order["JWT_KEYS"])}
    assert jwt.decode(signed, rows["cfmp-sandbox"]["public_key"], algorithms=["RS256"]) == {"a": 1}
    assert rows["cfmp-hs256"]["secret"] == sandbox["SANDBOX_JWT_HS256_SECRET"]


def test_made_up_texts_are_marked(var_dir: Path) -> None:
    own = embedded_environment(var_dir, "OrderService")

    assert own["DJANGO_SECRET_KEY"].startswith(MARK)
    assert own["PII_INDEX_KEY"].startswith(MARK)


def test_every_address_is_on_this_machine(var_dir: Path) -> None:
    urls = {
        name: url for name, url in embedded_environment(var_dir, "sandbox").items() if name.endswith("_URL")
    }

    assert len(urls) >= 8
    assert all(url.startswith("http://127.0.0.1:") for url in urls.values())
