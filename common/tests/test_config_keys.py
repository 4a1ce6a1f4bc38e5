"""The settings that are keys: as issuers and Alipay hand them out."""

import json
from pathlib import Path

from common import embedded
from common.config import load
from common.setting_types import ALGORITHMS
from common.tests.config_cases import one_problem


def test_two_issuers_cannot_share_a_key_name(embedded_env: dict[str, str]) -> None:
    row = {"key": "a", "algorithm": "HS256", "secret": "s" * 40}

    assert "same key" in one_problem({**embedded_env, "JWT_KEYS": json.dumps([row, row])})


def test_only_real_algorithms_can_be_pinned() -> None:
    assert not {"none", "None", "NONE"} & set(ALGORITHMS)


def test_certificates_go_together(embedded_env: dict[str, str]) -> None:
    pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"

    assert one_problem({**embedded_env, "ALIPAY_APP_CERT": pem}).startswith("ALIPAY_APP_CERT must be")


# --- Alipay -------------------------------------------------------------------------------------


def bare(pem: str) -> str:
    return "".join(line for line in pem.splitlines() if "-----" not in line)


def test_alipays_keys_may_be_bare_base64(embedded_env: dict[str, str], var_dir: Path) -> None:
    made = embedded.embedded_environment(var_dir, "PaymentService")
    settings = load(
        "PaymentService",
        {
            **embedded_env,
            "ALIPAY_PRIVATE_KEY": bare(made["ALIPAY_PRIVATE_KEY"]),
            "ALIPAY_PUBLIC_KEY": bare(made["ALIPAY_PUBLIC_KEY"]),
        },
    )

    assert settings.alipay_private_key == made["ALIPAY_PRIVATE_KEY"]
    assert settings.alipay_public_keys == (made["ALIPAY_PUBLIC_KEY"],)


def test_a_key_may_stand_in_one_line(embedded_env: dict[str, str], var_dir: Path) -> None:
    pem = embedded.embedded_environment(var_dir, "PaymentService")["ALIPAY_PRIVATE_KEY"]

    settings = load("PaymentService", {**embedded_env, "ALIPAY_PRIVATE_KEY": pem.replace("\n", "\\n")})

    assert settings.alipay_private_key == pem


def test_a_rotation_keeps_both_of_alipays_keys(embedded_env: dict[str, str], var_dir: Path) -> None:
    now = embedded.embedded_environment(var_dir, "PaymentService")["ALIPAY_PUBLIC_KEY"]
    sandbox = embedded.embedded_environment(var_dir, "sandbox")["SANDBOX_ALIPAY_APP_PUBLIC_KEY"]

    by_name = load("PaymentService", {**embedded_env, "ALIPAY_PUBLIC_KEY_NEXT": sandbox})
    by_list = load("PaymentService", {**embedded_env, "ALIPAY_PUBLIC_KEY": f"{bare(now)},{bare(sandbox)}"})
    by_pems = load("PaymentService", {**embedded_env, "ALIPAY_PUBLIC_KEY": f"{now}\n{sandbox}"})

    assert (
        by_name.alipay_public_keys
        == by_list.alipay_public_keys
        == by_pems.alipay_public_keys
        == (now, sandbox)
    )
