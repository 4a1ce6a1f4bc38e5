"""The settings that name Nacos."""

import json
from pathlib import Path

from common.config import load
from common.tests.config_cases import one_problem


def test_nacos_needs_its_address(embedded_env: dict[str, str]) -> None:
    problem = one_problem({**embedded_env, "DISCOVERY": "nacos"})

    assert problem == "NACOS_SERVER is missing: DISCOVERY=nacos needs the host:port of Nacos"


def test_a_port_of_nacos_leaves_room_for_grpc(embedded_env: dict[str, str]) -> None:
    highest = {**embedded_env, "NACOS_SERVER": "nacos:64535"}

    assert load("OrderService", highest).nacos_server == ("nacos:64535",)
    assert one_problem({**embedded_env, "NACOS_SERVER": "nacos:64536"}) == (
        "NACOS_SERVER must have ports from 1 to 64535: gRPC is at the port + 1000"
    )


def test_an_embedded_run_finds_its_own_nacos(tmp_path: Path) -> None:
    env = with_nacos(tmp_path)

    settings = load("OrderService", {**env, "DISCOVERY": "nacos"})

    assert (settings.nacos_server, settings.nacos_username, settings.nacos_password) == (
        ("127.0.0.1:8848",),
        "nacos",
        "made-for-it",
    )


def test_the_password_of_our_own_nacos_is_not_told_another(tmp_path: Path) -> None:
    env = with_nacos(tmp_path)

    settings = load("OrderService", {**env, "DISCOVERY": "nacos", "NACOS_SERVER": "n1:8848"})

    assert (settings.nacos_username, settings.nacos_password) == ("", "")


def with_nacos(var: Path) -> dict[str, str]:
    """The environment of a var folder in which `scripts/nacos` made a server."""
    folder = var / "nacos"
    folder.mkdir()
    access = {
        "NACOS_SERVER": "127.0.0.1:8848",
        "NACOS_USERNAME": "nacos",
        "NACOS_PASSWORD": "made-for-it",
    }
    (folder / "access.json").write_text(json.dumps(access))
    return {"CFMP_VAR_DIR": str(var)}


def test_nacos_is_used_without_the_urls(production: dict[str, str]) -> None:
    env = {name: value for name, value in production.items() if not name.endswith("_SERVICE_URL")}
    nacos = {
        "DISCOVERY": "nacos",
        "NACOS_SERVER": "n1:8848, n2:8848",
        "NACOS_USERNAME": "u",
        "NACOS_PASSWORD": "p",
    }

    settings = load("PaymentService", {**env, **nacos})

    assert settings.nacos_server == ("n1:8848", "n2:8848")


def test_production_asks_for_a_password_at_nacos(production: dict[str, str]) -> None:
    env = {**production, "DISCOVERY": "nacos", "NACOS_SERVER": "n1:8848"}

    assert one_problem(env).startswith("NACOS_USERNAME and NACOS_PASSWORD are missing")
    assert one_problem({**env, "NACOS_USERNAME": "u"}) == "NACOS_USERNAME and NACOS_PASSWORD go together"
