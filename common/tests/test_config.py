"""The settings: one table, every problem at once, no secret by default outside embedded mode."""

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest

from common import config
from common.config import SETTINGS, ConfigError, load, load_part
from common.tests.config_cases import SERVICES, one_problem, problems

# --- the table ----------------------------------------------------------------------------------


def test_every_setting_says_what_it_is_for() -> None:
    names = [setting.name for setting in SETTINGS]

    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[A-Z][A-Z0-9_]+", name) for name in names)
    assert all(setting.help and setting.section for setting in SETTINGS)


def test_what_looks_secret_is_marked_so_and_has_no_default() -> None:
    for setting in SETTINGS:
        looks_secret = re.search(r"SECRET|PASSWORD|PRIVATE_KEY|PII_|_HEADERS$|^JWT_KEYS$", setting.name)
        assert setting.secret is bool(looks_secret), setting.name
        assert not (setting.secret and setting.default), setting.name


def test_every_setting_is_a_field_or_a_port_or_part_of_the_database() -> None:
    known = {one.name.upper() for one in fields(config.Settings)}

    assert [s.name for s in SETTINGS if s.name not in known and s.section not in ("database", "ports")] == []


# --- ports --------------------------------------------------------------------------------------


def test_a_port_in_env_moves_the_service_and_what_others_call(embedded_env: dict[str, str]) -> None:
    moved = {**embedded_env, "ORDER_LISTEN_PORT": "9001", "GATEWAY_LISTEN_PORT": "9088"}

    assert config.load("OrderService", moved).service_port == 9001
    assert config.load("OrderService", {**moved, "SERVICE_PORT": "0"}).service_port == 0
    payment = config.load("PaymentService", moved)
    assert payment.service_port == 8002
    assert payment.service_urls["OrderService"] == ("http://127.0.0.1:9001",)
    assert payment.public_base_url == "http://127.0.0.1:9088"


@pytest.mark.parametrize("port", ["0", "65536", "eighty", "-1", "８００１"])
def test_a_port_that_is_none_is_one_problem(embedded_env: dict[str, str], port: str) -> None:
    with pytest.raises(config.ConfigError) as caught:
        config.load("OrderService", {**embedded_env, "ORDER_LISTEN_PORT": port})

    assert caught.value.problems == ["ORDER_LISTEN_PORT must be a whole number from 1 to 65535"]


# --- embedded -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("service", "port"), list(zip(SERVICES, (8001, 8002, 8003), strict=True)))
def test_an_embedded_run_needs_nothing(embedded_env: dict[str, str], service: str, port: int) -> None:
    settings = load(service, embedded_env)

    assert settings.is_embedded
    assert (settings.service, settings.service_port, settings.service_host) == (service, port, "127.0.0.1")
    assert len(settings.django_secret_key) > 32
    assert settings.service_urls["PaymentService"] == ("http://127.0.0.1:8002",)
    assert settings.database.engine == "sqlite"


def test_each_service_has_a_key_and_a_database_of_its_own(embedded_env: dict[str, str]) -> None:
    loaded = [load(service, embedded_env) for service in SERVICES]

    assert len({settings.service_private_key for settings in loaded}) == 3
    assert len({settings.database.name for settings in loaded}) == 3
    assert len({json.dumps(settings.service_public_keys) for settings in loaded}) == 1


def test_a_given_value_wins_over_a_made_up_one(embedded_env: dict[str, str]) -> None:
    settings = load("OrderService", {**embedded_env, "DJANGO_SECRET_KEY": "g" * 40, "SERVICE_PORT": "0"})

    assert (settings.django_secret_key, settings.service_port) == ("g" * 40, 0)


def test_an_empty_variable_is_one_not_given(embedded_env: dict[str, str]) -> None:
    settings = load("OrderService", {**embedded_env, "ORDER_EXPIRE_MINUTES": "", "PII_INDEX_KEY": ""})

    assert settings.order_expire_minutes == 30
    assert settings.pii_index_key


def test_addresses_follow_the_public_one(embedded_env: dict[str, str]) -> None:
    settings = load("PaymentService", {**embedded_env, "PUBLIC_BASE_URL": "http://127.0.0.1:9999/"})

    assert settings.alipay_notify_url == "http://127.0.0.1:9999/api/v1/payment/alipay/notify"
    assert settings.return_url_allow == ("http://127.0.0.1:9999",)
    assert settings.notify_url_allow == ()


def test_secrets_do_not_show_in_a_printed_settings_object(embedded_env: dict[str, str]) -> None:
    settings = load("PaymentService", {**embedded_env, "PAYMENT_DB_PASSWORD": "hunter2-hunter2"})

    shown = repr(settings)
    assert settings.django_secret_key not in shown
    assert "PRIVATE KEY" not in shown
    assert settings.pii_keys[0] not in shown
    assert "hunter2" not in shown
    assert settings.jwt_keys[1]["secret"] not in shown


# --- problems -----------------------------------------------------------------------------------


def test_all_problems_are_told_at_once(embedded_env: dict[str, str]) -> None:
    env = {
        **embedded_env,
        "SERVICE_PORT": "http",
        "ORDER_EXPIRE_MINUTES": "-1",
        "AUTH_VERIFY": "sometimes",
        "DISCOVERY": "consul",
        "PII_KEYS": "short",
    }

    assert [problem.split()[0] for problem in problems("OrderService", env)] == [
        "AUTH_VERIFY",
        "DISCOVERY",
        "ORDER_EXPIRE_MINUTES",
        "PII_KEYS",
        "SERVICE_PORT",
    ]


BAD_VALUES = [
    ("SERVICE_PORT", "65536"),
    ("SERVICE_PORT", "８００１"),
    ("SERVICE_PORT", "9" * 5000),
    ("ORDER_EXPIRE_MINUTES", "0"),
    ("ORDER_EXPIRE_MINUTES", "1.5"),
    ("WORKER_IDLE_SECONDS", "nan"),
    ("WORKER_IDLE_SECONDS", "1e400"),
    ("LOG_LEVEL", "verbose"),
    ("PUBLIC_BASE_URL", "shop.example"),
    ("PUBLIC_BASE_URL", "javascript:alert(1)"),
    ("ORDER_SERVICE_URL", "http://a:1,b"),
    ("ORDER_SERVICE_URL", "http://a:port"),
    ("CFMP_DB_ENGINE", "postgres"),
    ("PAYMENT_DB_PORT", "0"),
    ("DJANGO_SECRET_KEY", "too short"),
    ("NACOS_SERVER", "http://nacos:8848"),
    ("NACOS_SERVER", "nacos"),
    ("NACOS_SERVER", "nacos:8848,other:0"),
    ("NACOS_SERVER", "nacos:65000"),
    ("SERVICE_WEIGHT", "-1"),
    ("SERVICE_WEIGHT", "101"),
    ("PII_KEYS", "A" * 43),
    ("SERVICE_PRIVATE_KEY", "not a key"),
    ("SERVICE_PUBLIC_KEYS", "[]"),
    ("SERVICE_PUBLIC_KEYS", '{"OrderService": []}'),
    ("SERVICE_PUBLIC_KEYS", '{"OrderService": ["x"]}'),
    ("SERVICE_PUBLIC_KEYS", '{"OrderService": ["a", "b", "c"]}'),
    ("JWT_KEYS", "{}"),
    ("JWT_KEYS", "[1]"),
    ("JWT_KEYS", "[" * 100000),
    ("JWT_KEYS", '[{"key": "a", "algorithm": "none", "secret": ""}]'),
    ("JWT_KEYS", '[{"key": "a", "algorithm": "HS256", "secret": "short"}]'),
    ("JWT_KEYS", '[{"key": "a", "algorithm": "RS256", "public_key": "no pem"}]'),
    ("JWT_KEYS", '[{"key": "a", "algorithm": "RS256", "secret": "' + "s" * 40 + '"}]'),
    ("ALIPAY_PRIVATE_KEY", "bm90IGEga2V5"),
    ("ALIPAY_PUBLIC_KEY", "bm90IGEga2V5"),
]


@pytest.mark.parametrize(("name", "value"), BAD_VALUES, ids=lambda text: text[:24])
def test_a_bad_value_is_named_and_not_repeated(embedded_env: dict[str, str], name: str, value: str) -> None:
    problem = one_problem({**embedded_env, name: value})

    assert problem.startswith(f"{name} ")
    assert len(value) < 6 or value not in problem


@pytest.mark.parametrize(
    ("name", "wanted_by"),
    [
        ("NACOS_SERVER", {"DISCOVERY": "nacos"}),
        ("WEBHOOK_SECRET", {"NOTIFY_URL_ALLOW": "https://shop.example/"}),
    ],
)
def test_a_bad_value_is_not_called_missing_too(
    embedded_env: dict[str, str], name: str, wanted_by: dict[str, str]
) -> None:
    with pytest.raises(config.ConfigError) as refused:
        config.load("PaymentService", {**embedded_env, **wanted_by, name: "http:/nonsense"})

    (told,) = [problem for problem in refused.value.problems if name in problem]
    assert told.startswith(f"{name} must be")


# --- the environment itself ---------------------------------------------------------------------


def test_dotenv_never_overrides_the_environment(tmp_path: Path) -> None:
    written = tmp_path / ".env"
    written.write_text("LOG_LEVEL=DEBUG\nAUTH_VERIFY=remote\nEMPTY=\nPII_KEYS=written\n")
    environ = {"LOG_LEVEL": "ERROR", "PII_KEYS_FILE": "/run/secrets/pii"}

    assert config.read_environment(written, environ) == {
        "AUTH_VERIFY": "remote",
        "LOG_LEVEL": "ERROR",
        "PII_KEYS_FILE": "/run/secrets/pii",
    }
    assert config.read_environment(tmp_path / "none", environ) == environ


@pytest.mark.parametrize(
    ("content", "said"),
    [
        # What PowerShell's `>` writes.
        ("CFMP_MODE=production\r\n".encode("utf-16"), "is not UTF-8 text"),
        (b"A=1\nCFMP_MODE='production\n", "line 2: must be NAME=value"),
        (b"CFMP_MODE: production\n", "line 1: must be NAME=value"),
    ],
    ids=["utf-16", "an open quote", "a colon"],
)
def test_a_dotenv_that_is_not_understood_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    """Left out, the line would leave the harmless mode on."""
    written = tmp_path / ".env"
    written.write_bytes(content)
    with pytest.raises(config.ConfigError, match=said):
        config.read_environment(written, {})


def test_a_dotenv_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    """What Docker makes of a bind mount whose source is missing."""
    with pytest.raises(config.ConfigError, match="Is a directory"):
        config.read_environment(tmp_path, {})


def test_a_dotenv_may_come_from_any_editor(tmp_path: Path) -> None:
    written = tmp_path / ".env"
    written.write_bytes(b'\xef\xbb\xbfA=1\r\nexport B = "two words"  # said\r\n')
    assert config.read_environment(written, {}) == {"A": "1", "B": "two words"}


# --- parts and folders --------------------------------------------------------------------------


def test_a_part_needs_nothing_of_the_rest(tmp_path: Path) -> None:
    env = {"CFMP_MODE": "production", "CFMP_VAR_DIR": str(tmp_path), "DISCOVERY": "nacos"}

    with pytest.raises(ConfigError) as refused:
        load_part(
            "gateway", ["CFMP_MODE", "DISCOVERY", "NACOS_SERVER", "NACOS_USERNAME", "NACOS_PASSWORD"], env
        )
    assert len(refused.value.problems) == 2
    part = load_part("gateway", ["SERVICE_PORT", "LOG_LEVEL"], {**env, "LOG_LEVEL": "ERROR"})
    assert (part.service_port, part.log_level, part.discovery) == (0, "ERROR", "static")


def test_the_run_folder_lies_in_the_var_folder_or_where_it_is_told(embedded_env: dict[str, str]) -> None:
    assert load("OrderService", embedded_env).run_dir == Path(embedded_env["CFMP_VAR_DIR"]) / "run"
    assert load("OrderService", {**embedded_env, "SERVICE_RUN_DIR": "/run/order"}).run_dir == Path(
        "/run/order"
    )


def test_documents_come_from_a_folder_or_from_nacos(embedded_env: dict[str, str], tmp_path: Path) -> None:
    missing = str(tmp_path / "nowhere")
    nacos = {"DISCOVERY": "nacos", "NACOS_SERVER": "127.0.0.1:8848"}

    assert load("OrderService", {**embedded_env, "CONFIG_DIR": str(tmp_path)}).config_dir == str(tmp_path)
    assert one_problem({**embedded_env, "CONFIG_DIR": missing}) == f"CONFIG_DIR: {missing} is no folder"
    assert one_problem({**embedded_env, **nacos, "CONFIG_DIR": str(tmp_path)}) == (
        "CONFIG_DIR is for DISCOVERY=static: with nacos the documents come from Nacos"
    )
