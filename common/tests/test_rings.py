"""The plain ring stays plain: what it loads is seen in a fresh interpreter, not only by import rules."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
TABLE = (ROOT / "ARCHITECTURE.md").read_text()
CONTRACTS = (ROOT / ".importlinter").read_text()


def ring(name: str) -> list[str]:
    """The modules that ARCHITECTURE.md's table puts into one ring."""
    row = re.search(rf"^\| {name} \| ([\w,; ]+)", TABLE, re.M)
    assert row, f"ARCHITECTURE.md has no ring {name}"
    return re.findall(r"\w+", row[1])


PLAIN = ring("plain")
NETWORK = ["signing", "resilience", "service_registry", "discovery", "exchange"]
FAKES = ["testing.clock", "testing.people", "testing.service_tokens", "testing.transport"]
HTTP = {"requests", "urllib3", "httpx", "aiohttp"}


def test_the_table_names_every_module_and_the_contract_the_same_plain_ones() -> None:
    there = {path.stem for path in (ROOT / "common").iterdir() if is_module(path)}
    core = CONTRACTS.partition("plain-core]")[2].partition("forbidden_modules")[0]

    assert {*PLAIN, *ring("network"), *ring("Django")} == there
    assert set(re.findall(r"common\.(\w+)", core)) == set(PLAIN)


def is_module(path: Path) -> bool:
    apart = {"__init__", "apps", "conftest", "tests"}
    return path.stem not in apart and (path.suffix == ".py" or (path / "__init__.py").exists())


def parts(name: str) -> list[str]:
    """A module, or all of a package."""
    inside = (ROOT / "common" / name).glob("[!_]*.py")
    return [f"{name}.{path.stem}" for path in inside] or [name]


def loaded_by(modules: list[str]) -> set[str]:
    imports = "".join(f"import common.{part}\n" for name in modules for part in parts(name))
    code = f"import sys\n{imports}print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stdout.split()}


@pytest.mark.parametrize("modules", [PLAIN, NETWORK, FAKES], ids=["plain", "network", "fakes"])
def test_no_django_and_no_http_below_the_client(modules: list[str]) -> None:
    assert not loaded_by(modules) & ({"django", "rest_framework"} | HTTP)


def test_the_client_has_http_but_no_django() -> None:
    loaded = loaded_by(["service_client"])

    assert "urllib3" in loaded
    assert not loaded & {"django", "rest_framework", "requests"}


def test_what_a_worker_loads_has_no_grpc() -> None:
    """Its threads do not survive gunicorn's fork: only the agent's process speaks with Nacos."""
    code = (
        "import django, os, sys\n"
        "os.environ['DJANGO_SETTINGS_MODULE'] = 'common.tests.settings'\n"
        "django.setup()\n"
        "import common.service_client, common.worker\n"
        "from django.urls import get_resolver\n"
        "assert get_resolver().url_patterns\n"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "django" in loaded
    assert not loaded & {"grpc", "v2", "aiohttp", "google"}
