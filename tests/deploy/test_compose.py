"""docker-compose.yml keeps its promises: valid, whole, private, ordered by health, no secret of its own."""

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from common.config import PORTS
from common.settings_table import SETTINGS
from tests.deploy import compose
from tests.deploy.compose import ROOT, Dockerfile

BIN = Path(sys.executable).parent
KNOWN = {setting.name for setting in SETTINGS}
SECRET = {setting.name for setting in SETTINGS if setting.secret}
# What the OpenTelemetry SDK reads by itself.
LIBRARIES = {"OTEL_EXPORTER_OTLP_ENDPOINT"}
# The variables that foreign images document.
FOREIGN = {
    "mysql": {"MYSQL_DATABASE", "MYSQL_USER", "MYSQL_PASSWORD_FILE", "MYSQL_ROOT_PASSWORD_FILE"},
    "nacos": {"MODE", "NACOS_AUTH_ENABLE", "NACOS_AUTH_IDENTITY_KEY", "JVM_XMS", "JVM_XMX", "JVM_XMN"},
    "grafana": {
        "GF_SECURITY_ADMIN_PASSWORD__FILE",
        "GF_USERS_ALLOW_SIGN_UP",
        "GF_ANALYTICS_REPORTING_ENABLED",
    },
}
PUBLISHED = {
    "apisix": ["9080:9080"],
    "nacos": ["127.0.0.1:8848:8848"],
    "sandbox": ["127.0.0.1:8090:8090"],
    "order": ["127.0.0.1:8001:8001"],
    "payment": ["127.0.0.1:8002:8002"],
    "notification": ["127.0.0.1:8003:8003"],
    "grafana": ["127.0.0.1:3000:3000"],
}


def test_it_is_a_compose_file() -> None:
    command = [f"{BIN}/check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(compose.FILE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_published_is_what_the_readme_promises_and_nothing_else() -> None:
    assert {name: one["ports"] for name, one in compose.services().items() if "ports" in one} == PUBLISHED


def test_ports_can_be_moved_in_dotenv() -> None:
    names = re.findall(r"\$\{(\w+_PORT):-\d+\}", compose.FILE.read_text())
    moved = compose.load({name: str(40000 + number) for number, name in enumerate(sorted(set(names)))})

    for name, ports in PUBLISHED.items():
        assert [p.rsplit(":", 1)[0] for p in moved["services"][name]["ports"]] != [
            p.rsplit(":", 1)[0] for p in ports
        ]
    documented = (ROOT / "deploy" / "README.md").read_text()
    assert {name for name in names if f"`{name}`" not in documented} == set()


def test_each_variable_means_something_to_who_gets_it() -> None:
    for name, service in compose.suite().items():
        given = {variable.removesuffix("_FILE") for variable in service["environment"]}
        assert given <= KNOWN | LIBRARIES, name
    sandboxes = (ROOT / "sandbox" / "README.md").read_text()
    for name, service in compose.ours().items():
        if name not in compose.suite():
            given = {variable.removesuffix("_FILE") for variable in service["environment"]}
            assert {one for one in given - KNOWN if f"`{one}`" not in sandboxes} == set(), name
    for name, known in FOREIGN.items():
        assert set(compose.services()[name]["environment"]) <= known


def test_the_gateway_gets_exactly_what_its_files_ask_for() -> None:
    texts = "".join((ROOT / "apisix" / name).read_text() for name in ("config.yaml", "apisix.yaml"))
    texts = re.sub(r"(?m)^\s*#.*$", "", texts)
    asked = set(re.findall(r"\$\{\{(\w+)", texts)) | set(re.findall(r"\$ENV://(\w+)", texts))
    needed = set(re.findall(r"\$\{\{(\w+)\}\}", texts)) | set(re.findall(r"\$ENV://(\w+)", texts))
    needed = {name for name in needed if "_NEXT_" not in name}  # of a rotation
    gateway = compose.services()["apisix"]
    given = set(gateway["environment"]) | set(re.findall(r"(\w+)=\"\$\(cat", gateway["entrypoint"][-1]))

    assert needed <= given <= asked


def test_every_file_variable_names_a_secret_that_the_service_holds() -> None:
    for name, service in compose.services().items():
        variables = {k: v for k, v in (service.get("environment") or {}).items() if k.endswith("_FILE")}
        text = " ".join(
            [*variables.values(), *map(str, service.get("entrypoint") or ()), str(service.get("healthcheck"))]
        )
        read = set(re.findall(r"/run/secrets/(\w+)", text))
        assert read == set(service.get("secrets", ())), name


def test_no_secret_stands_in_the_file() -> None:
    for name, service in compose.services().items():
        assert SECRET.isdisjoint(service.get("environment") or {}), name
        for variable, value in (service.get("environment") or {}).items():
            telling = re.search(r"PASSWORD|SECRET|TOKEN|PRIVATE", variable)
            assert not telling or value.startswith("/run/secrets/"), f"{name}: {variable}"


def test_every_path_it_mounts_or_builds_from_exists() -> None:
    for name, service in compose.services().items():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            here = (ROOT / source).exists() if source.startswith(".") else source in compose.load()["volumes"]
            assert here, f"{name}: {source}"
        if "build" in service:
            assert (ROOT / service["build"]["context"]).is_dir()
            assert compose.target(service) in Dockerfile().stages


def test_every_name_it_calls_is_on_a_network_with_the_caller() -> None:
    found = compose.services()
    names = {name: compose.networks_of(one) for name, one in found.items()}
    for one in found.values():
        declared = one.get("networks")
        for network, options in declared.items() if isinstance(declared, dict) else ():
            names |= {alias: {network} for alias in options["aliases"]}
    for caller, service in found.items():
        for variable, value in (service.get("environment") or {}).items():
            host = urlsplit(value).hostname if "://" in value else re.fullmatch(r"([\w.-]+):\d+", value)
            if not host or variable in {"PUBLIC_BASE_URL", "KAFKA_LISTENERS"}:
                continue
            host = host if isinstance(host, str) else host[1]
            assert compose.networks_of(service) & names.get(host, set()), f"{caller}: {variable}={value}"


def test_a_service_answers_to_each_name_it_is_called_by() -> None:
    for service in compose.suite().values():
        given = service["environment"]
        allowed = given["ALLOWED_HOSTS"].split(",")
        assert urlsplit(given["PUBLIC_BASE_URL"]).hostname in allowed
        if "ALIPAY_NOTIFY_URL" in given:
            assert urlsplit(given["ALIPAY_NOTIFY_URL"]).hostname in allowed
            assert urlsplit(given["ALIPAY_GATEWAY_URL"]).hostname in _sandbox_hosts()


def _sandbox_hosts() -> list[str]:
    return compose.services()["sandbox"]["environment"]["SANDBOX_ALLOWED_HOSTS"].split(",")


@pytest.mark.parametrize("service", ["order", "payment", "notification"])
def test_it_starts_in_the_order_of_health(service: str) -> None:
    found = compose.services()
    web, worker, migrate = (found[f"{service}{part}"]["depends_on"] for part in ("", "-worker", "-migrate"))
    done = {"condition": "service_completed_successfully"}

    assert migrate == {"mysql": {"condition": "service_healthy"}}
    assert web == worker == {f"{service}-migrate": done, "nacos-prepare": done}
    assert found["nacos-prepare"]["depends_on"] == {"nacos": {"condition": "service_healthy"}}
    assert found["apisix"]["depends_on"][service] == {"condition": "service_healthy"}


def test_whoever_is_waited_for_can_say_that_it_is_healthy_or_ends() -> None:
    found = compose.services()
    for name, service in found.items():
        waited = service.get("depends_on") or {}
        for other, how in waited.items() if isinstance(waited, dict) else ():
            if how["condition"] == "service_healthy":
                own = (found[other].get("healthcheck") or {}).get("test")
                built = "build" in found[other] and Dockerfile().last(
                    compose.target(found[other]), "HEALTHCHECK"
                )
                assert own or built, f"{name} waits for {other}"
            else:
                assert found[other]["restart"] == "no", f"{name} waits for the end of {other}"


def test_rows_cannot_be_reached_from_outside() -> None:
    networks = compose.load()["networks"]

    assert networks["data"] == networks["telemetry"] == {"internal": True}
    assert compose.services()["mysql"]["networks"] == ["data"]
    for name in PUBLISHED:  # an internal network alone cannot publish
        assert "mesh" in compose.services()[name]["networks"]


def test_our_containers_can_do_little() -> None:
    for name, service in compose.ours().items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_images_are_pinned_to_the_versions_the_design_names() -> None:
    images = {name: one["image"] for name, one in compose.services().items() if "build" not in one}
    assert all(re.search(r":v?\d+\.\d+", image) for image in images.values()), images
    apisix = re.search(r":(\d+)\.(\d+)", images["apisix"])
    assert apisix and (int(apisix[1]), int(apisix[2])) >= (3, 17), "older ones accept forged RS256 tokens"
    assert re.search(r":v2\.5\.", images["nacos"]), "APISIX speaks only the v1 API"
    assert re.search(r"^mysql:8\.", images["mysql"])


def test_each_service_has_its_web_its_worker_and_its_own_keys() -> None:
    found = compose.services()
    for name in ("order", "payment", "notification"):
        web, worker, migrate = found[name], found[f"{name}-worker"], found[f"{name}-migrate"]
        assert worker["command"] == ["worker"]
        assert "command" not in web and Dockerfile().last(name, "CMD") == '["web"]'
        assert web["environment"] == worker["environment"] == migrate["environment"]
        private = [
            one for one in web["secrets"] if one.endswith(("django_secret_key", "service_private_key"))
        ]
        assert private == [f"{name}_django_secret_key", f"{name}_service_private_key"]
        port = PORTS[f"{name.capitalize()}Service"]
        assert Dockerfile().environment(name)["SERVICE_PORT"] == str(port) == web["ports"][0].split(":")[-1]


def test_only_payment_holds_the_key_that_moves_money() -> None:
    holders = {
        name for name, one in compose.services().items() if "alipay_private_key" in one.get("secrets", ())
    }

    assert holders == {"payment", "payment-worker", "payment-migrate"}


def test_logs_lie_on_the_shared_volume() -> None:
    for name, service in compose.suite().items():
        folder = compose.Dockerfile().last(compose.target(service), "WORKDIR")
        assert service["volumes"] == [f"logs:{folder}/logs"], name
