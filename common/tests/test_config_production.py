"""The settings in production: nothing made up, secrets from files, a database of its own."""

from pathlib import Path

import pytest

from common import embedded
from common.config import SETTINGS, load
from common.tests.config_cases import SERVICES, one_problem, problems


def test_a_complete_production_environment_loads(production: dict[str, str]) -> None:
    settings = load("PaymentService", production)

    assert not settings.is_embedded
    assert settings.allowed_hosts == ("payment.internal", "10.0.0.2")
    assert settings.public_base_url == "https://shop.example"
    assert settings.database.engine == "mysql"
    assert (settings.database.name, settings.database.host, settings.database.port) == (
        "cfmp_microservices",
        "127.0.0.1",
        3306,
    )
    assert settings.alipay_gateway_url == "https://openapi.alipay.com/gateway.do"


@pytest.mark.parametrize("service", SERVICES)
def test_an_empty_production_environment_names_everything_that_is_missing(service: str) -> None:
    found = problems(service, {"CFMP_MODE": "production"})

    named = {problem.split()[0] for problem in found}
    needed = {setting.name for setting in SETTINGS if service in setting.required_by}
    assert needed <= named
    assert {
        setting.name for setting in SETTINGS if setting.secret and setting.required_by >= {service}
    } <= named


def test_production_makes_no_secrets(tmp_path: Path) -> None:
    problems("OrderService", {"CFMP_MODE": "production", "CFMP_VAR_DIR": str(tmp_path)})

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["DJANGO_SECRET_KEY", "PII_INDEX_KEY", "JWT_KEYS"])
def test_production_refuses_what_an_embedded_run_made(
    production: dict[str, str], var_dir: Path, name: str
) -> None:
    made = embedded.embedded_environment(var_dir, "PaymentService")

    assert one_problem({**production, name: made[name]}).startswith(name)


def test_production_refuses_the_sandbox(production: dict[str, str]) -> None:
    assert "sandbox" in problems("UserService", production)[0]


@pytest.mark.parametrize("mode", ["prod", "Production", "debug", " embedded"])
def test_a_misspelt_mode_makes_no_secrets_and_is_refused(tmp_path: Path, mode: str) -> None:
    found = problems("OrderService", {"CFMP_MODE": mode, "CFMP_VAR_DIR": str(tmp_path)})

    assert any(problem.startswith("CFMP_MODE must be one of") for problem in found)
    assert list(tmp_path.iterdir()) == []


# --- files --------------------------------------------------------------------------------------


def test_a_secret_may_be_a_file(production: dict[str, str], tmp_path: Path) -> None:
    for name in ("DJANGO_SECRET_KEY", "SERVICE_PRIVATE_KEY", "CFMP_DB_PASSWORD", "ALIPAY_PUBLIC_KEY"):
        (tmp_path / name).write_text(production.pop(name) + "\n")
        production[f"{name}_FILE"] = str(tmp_path / name)

    settings = load("PaymentService", production)

    assert settings.django_secret_key == "d" * 50
    assert settings.database.password == "of-the-shop"
    assert "PRIVATE KEY" in settings.service_private_key


def test_a_file_that_cannot_be_read_is_told_once(production: dict[str, str], tmp_path: Path) -> None:
    del production["DJANGO_SECRET_KEY"]

    gone = one_problem({**production, "DJANGO_SECRET_KEY_FILE": str(tmp_path / "gone")})
    folder = one_problem({**production, "DJANGO_SECRET_KEY_FILE": str(tmp_path)})
    (tmp_path / "empty").write_text("\n")
    empty = one_problem({**production, "DJANGO_SECRET_KEY_FILE": str(tmp_path / "empty")})

    assert ("FileNotFoundError" in gone, "IsADirectoryError" in folder, "empty" in empty) == (
        True,
        True,
        True,
    )


def test_a_secret_given_twice_is_a_question(production: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "key").write_text("f" * 40)

    assert "both given" in one_problem({**production, "DJANGO_SECRET_KEY_FILE": str(tmp_path / "key")})


def test_only_secrets_keys_and_certificates_have_files(embedded_env: dict[str, str]) -> None:
    assert "not read" in one_problem({**embedded_env, "AUTH_VERIFY_FILE": "/etc/hostname"})


# --- databases ----------------------------------------------------------------------------------


def test_a_service_may_have_a_database_of_its_own(production: dict[str, str]) -> None:
    env = {**production, "PAYMENT_DB_NAME": "payments", "PAYMENT_DB_HOST": "db2", "CFMP_DB_PORT": "3307"}

    payment = load("PaymentService", env).database

    assert (payment.name, payment.host, payment.port, payment.user) == ("payments", "db2", 3307, "shop")


def test_others_do_not_see_it(production: dict[str, str]) -> None:
    env = {**production, "PAYMENT_DB_NAME": "payments", "PAYMENT_DB_USER": "other"}

    order = load("OrderService", env).database

    assert (order.name, order.user) == ("cfmp_microservices", "shop")


def test_a_socket_needs_no_port(embedded_env: dict[str, str]) -> None:
    env = {
        **embedded_env,
        "CFMP_DB_ENGINE": "mysql",
        "CFMP_DB_SOCKET": "/run/db.sock",
        "CFMP_DB_USER": "root",
    }

    database = load("OrderService", env).database

    assert (database.engine, database.socket, database.name) == (
        "mysql",
        "/run/db.sock",
        "cfmp_microservices",
    )


# --- webhooks -----------------------------------------------------------------------------------

WEBHOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_clients_may_be_told_at_addresses_of_theirs(production: dict[str, str]) -> None:
    allow = {"NOTIFY_URL_ALLOW": "https://shop.example, https://partner.example:8443/hooks/"}
    two = f"{WEBHOOK_SECRET}, whsec_{'A' * 32}"

    settings = load("PaymentService", {**production, **allow, "WEBHOOK_SECRET": two})

    assert settings.notify_url_allow == ("https://shop.example", "https://partner.example:8443/hooks")
    assert len(settings.webhook_secret) == 2 and WEBHOOK_SECRET not in repr(settings)


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"NOTIFY_URL_ALLOW": "https://shop.example"}, "WEBHOOK_SECRET is missing"),
        ({"NOTIFY_URL_ALLOW": "http://shop.example", "WEBHOOK_SECRET": WEBHOOK_SECRET}, "https"),
        ({"NOTIFY_URL_ALLOW": "https://商店.example", "WEBHOOK_SECRET": WEBHOOK_SECRET}, "ASCII"),
        ({"NOTIFY_URL_ALLOW": "shop.example", "WEBHOOK_SECRET": WEBHOOK_SECRET}, "NOTIFY_URL_ALLOW must be"),
        ({"WEBHOOK_SECRET": "a-secret-of-mine"}, "WEBHOOK_SECRET must be"),
        ({"WEBHOOK_SECRET": "whsec_c2hvcnQ="}, "WEBHOOK_SECRET must be"),
        ({"WEBHOOK_SECRET": ",".join([WEBHOOK_SECRET] * 3)}, "WEBHOOK_SECRET must be"),
    ],
)
def test_webhooks_that_would_not_be_safe_are_refused(
    production: dict[str, str], given: dict[str, str], word: str
) -> None:
    found = one_problem({**production, **given})

    assert word in found and WEBHOOK_SECRET not in found


def test_a_peers_bad_address_is_not_called_missing_too(production: dict[str, str]) -> None:
    assert one_problem({**production, "ORDER_SERVICE_URL": "order"}).startswith("ORDER_SERVICE_URL must be")
