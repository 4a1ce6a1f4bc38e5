"""The settings that compose and `make secrets` hand out: each service starts with them, and they agree."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from common import config
from common.signing import ServiceSigner
from tests.deploy import compose
from tests.deploy.compose import ROOT, Dockerfile


def environment_of(service: dict[str, Any], secrets: Path) -> dict[str, str]:
    """What the process in the container sees, with the secrets where this machine has them."""
    given = {**Dockerfile().environment(compose.target(service)), **service["environment"]}
    return {name: value.replace("/run/secrets", str(secrets)) for name, value in given.items()}


def load(name: str, secrets: Path, **changed: str) -> config.Settings:
    service = compose.target(compose.services()[name])
    environment = environment_of(compose.services()[name], secrets)
    return config.load(f"{service.capitalize()}Service", {**environment, **changed})


@pytest.mark.parametrize("name", sorted(compose.suite()))
def test_a_container_of_ours_has_every_setting_that_production_asks_for(
    name: str, secrets_folder: Path
) -> None:
    loaded = load(name, secrets_folder)

    assert not loaded.is_embedded
    assert (loaded.discovery, loaded.nacos_server) == ("nacos", ("nacos:8848",))
    assert (loaded.database.engine, loaded.database.host) == ("mysql", "mysql")
    assert loaded.service_host == "0.0.0.0"


def test_a_missing_secret_is_named(secrets_folder: Path) -> None:
    with pytest.raises(config.ConfigError, match="PII_KEYS_FILE: /run/secrets/none cannot be read"):
        load("order", secrets_folder, PII_KEYS_FILE="/run/secrets/none")


def test_each_service_signs_with_a_key_that_the_others_know(secrets_folder: Path) -> None:
    for name in ("order", "payment", "notification"):
        own = load(name, secrets_folder)
        token = ServiceSigner(own.service, own.service_private_key).token("OrderService")
        for other in ("order", "payment", "notification"):
            (known,) = load(other, secrets_folder).service_public_keys[own.service]
            jwt.decode(token, known, algorithms=["EdDSA"], audience="OrderService")


def sandbox(secrets: Path, var: Path) -> dict[str, str]:
    """What the sandbox of the compose file reads, asked in its own process: it has a `config` of its own."""
    environment = environment_of(compose.services()["sandbox"], secrets)
    program = (
        "import json; from config.environment import load; e = load();"
        "print(json.dumps({n: str(getattr(e, n)) for n in e.__dataclass_fields__}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={
            **os.environ,
            **environment,
            "CFMP_VAR_DIR": str(var),
            "PYTHONPATH": f"{ROOT / 'sandbox'}:{ROOT}",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_the_sandbox_and_the_services_hold_the_two_halves_of_the_same_keys(
    secrets_folder: Path, tmp_path: Path
) -> None:
    outside, payment = sandbox(secrets_folder, tmp_path), load("payment", secrets_folder)
    keys = {row["key"]: row for row in payment.jwt_keys}

    def same(private: str, public: str) -> bool:
        halves = (
            load_pem_private_key(private.encode(), None).public_key(),
            load_pem_public_key(public.encode()),
        )
        return halves[0] == halves[1]

    assert same(outside["jwt_private_key"], keys[outside["jwt_key"]]["public_key"])
    assert outside["jwt_hs256_secret"] == keys[outside["jwt_hs256_key"]]["secret"]
    assert same(outside["alipay_private_key"], payment.alipay_public_keys[0])
    assert same(payment.alipay_private_key, outside["alipay_app_public_key"])
    assert (outside["alipay_app_id"], outside["alipay_seller_id"]) == (
        payment.alipay_app_id,
        payment.alipay_seller_id,
    )


def test_the_gateway_knows_the_issuers_by_the_same_names(secrets_folder: Path) -> None:
    gateway = compose.services()["apisix"]["environment"]
    keys = {row["algorithm"]: row for row in load("order", secrets_folder).jwt_keys}

    assert gateway["JWT_RS256_KEY"] == keys["RS256"]["key"]
    assert gateway["JWT_HS256_KEY"] == keys["HS256"]["key"]
    assert (secrets_folder / "jwt_rs256_public_key").read_text() == keys["RS256"]["public_key"]
    assert (secrets_folder / "jwt_hs256_secret").read_text() == keys["HS256"]["secret"]


def test_an_operators_address_may_stand_in_a_token_url(secrets_folder: Path) -> None:
    """APISIX carries Nacos' password inside a URL."""
    assert (secrets_folder / "nacos_password").read_text().isalnum()
