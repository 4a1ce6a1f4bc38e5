"""The plain ring stays plain: what it loads is seen in a fresh interpreter, not only by import rules."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PLAIN = [
    "clock",
    "config",
    "embedded",
    "errors",
    "ids",
    "log",
    "money",
    "setting_types",
    "settings_table",
    "state_machine",
    "tracing",
]
NETWORK = ["signing", "resilience", "service_registry", "discovery", "exchange"]
FAKES = ["testing.clock", "testing.people", "testing.service_tokens", "testing.transport"]
HTTP = {"requests", "urllib3", "httpx", "aiohttp"}


def loaded_by(modules: list[str]) -> set[str]:
    code = "import sys\n" + "".join(f"import common.{name}\n" for name in modules) + "print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stdout.split()}


@pytest.mark.parametrize("modules", [PLAIN, NETWORK, FAKES], ids=["plain", "network", "fakes"])
def test_no_django_and_no_http_below_the_client(modules: list[str]) -> None:
    assert not loaded_by(modules) & ({"django", "rest_framework"} | HTTP)


def test_the_client_has_http_but_no_django() -> None:
    loaded = loaded_by(["service_client"])

    assert "urllib3" in loaded
    assert not loaded & {"django", "rest_framework", "requests"}
