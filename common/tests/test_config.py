"""The settings: one table, every problem at once, no secret by default outside embedded mode."""

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest

from common import config, embedded
from common.config import SETTINGS, ConfigError, load, load_part
from common.setting_types import ALGORITHMS

SERVICES = ("OrderService", "PaymentService", "NotificationService")


@pytest.fixture(scope="module")
def var_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("var")


@pytest.fixture
def embedded_env(var_dir: Path) -> dict[str, str]:
    return {"CFMP_VAR_DIR": str(var_dir)}


@pytest.fixture
def production(var_dir: Path) -> dict[str, str]:
    """All that a PaymentService needs in production, with keys of its own."""
    made = embedded.embedded_environment(var_dir, "PaymentService")
    user_keys = json.loads(made["JWT_KEYS"])
    return {
        "CFMP_MODE": "production",
        "ALLOWED_HOSTS": "payment.internal, 10.0.0.2",
        "PUBLIC_BASE_URL": "https://shop.example/",
        "DJANGO_SECRET_KEY": "d" * 50,
        "PII_KEYS": made["PII_KEYS"],
        "PII_INDEX_KEY": "i" * 40,
        "SERVICE_PRIVATE_KEY": made["SERVICE_PRIVATE_KEY"],
        "SERVICE_PUBLIC_KEYS": made["SERVICE_PUBLIC_KEYS"],
        "JWT_KEYS": json.dumps([{**user_keys[0], "key": "shop-issuer"}]),
        "ALIPAY_APP_ID": "2021000000000001",
        "ALIPAY_SELLER_ID": "2088000000000002",
        "ALIPAY_PRIVATE_KEY": made["ALIPAY_PRIVATE_KEY"],
        "ALIPAY_PUBLIC_KEY": made["ALIPAY_PUBLIC_KEY"],
        "CFMP_DB_USER": "shop",
        "CFMP_DB_PASSWORD": "of-the-shop",
        **{
            f"{name}_SERVICE_URL": f"http://{name.lower()}:80"
            for name in ("ORDER", "PAYMENT", "NOTIFICATION", "USER", "PRODUCT", "ROOT")
        },
    }


def problems(service: str, env: dict[str, str]) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        load(service, env)
    return refused.value.problems


def one_problem(env: dict[str, str], service: str = "PaymentService") -> str:
    found = problems(service, env)
    assert len(found) == 1, found
    return found[0]


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


# --- production ---------------------------------------------------------------------------------


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


def test_two_issuers_cannot_share_a_key_name(embedded_env: dict[str, str]) -> None:
    row = {"key": "a", "algorithm": "HS256", "secret": "s" * 40}

    assert "same key" in one_problem({**embedded_env, "JWT_KEYS": json.dumps([row, row])})


def test_only_real_algorithms_can_be_pinned() -> None:
    assert not {"none", "None", "NONE"} & set(ALGORITHMS)


def test_certificates_go_together(embedded_env: dict[str, str]) -> None:
    pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"

    assert one_problem({**embedded_env, "ALIPAY_APP_CERT": pem}).startswith("ALIPAY_APP_CERT must be")


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


# --- keys as Alipay hands them out --------------------------------------------------------------


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


# --- Nacos --------------------------------------------------------------------------------------


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


def test_documents_come_from_a_folder_or_from_nacos(embedded_env: dict[str, str], tmp_path: Path) -> None:
    missing = str(tmp_path / "nowhere")
    nacos = {"DISCOVERY": "nacos", "NACOS_SERVER": "127.0.0.1:8848"}

    assert load("OrderService", {**embedded_env, "CONFIG_DIR": str(tmp_path)}).config_dir == str(tmp_path)
    assert one_problem({**embedded_env, "CONFIG_DIR": missing}) == f"CONFIG_DIR: {missing} is no folder"
    assert one_problem({**embedded_env, **nacos, "CONFIG_DIR": str(tmp_path)}) == (
        "CONFIG_DIR is for DISCOVERY=static: with nacos the documents come from Nacos"
    )
