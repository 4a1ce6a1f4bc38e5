"""Real programs, really misconfigured: each says so once, in documented words, and is gone."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

from common.testing.processes import give_secrets, processes_with
from tests import missing
from tests.configuration.faults import FAULTS, UNREACHED, Fault
from tests.conftest import ROOT

TROUBLESHOOTING = (ROOT / "docs" / "troubleshooting.md").read_text()


@dataclass(frozen=True)
class Ending:
    """How the program ended, and which of its processes were left."""

    status: int
    said: str
    expected: str
    left: dict[int, str]


@pytest.fixture(scope="module")
def endings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[Ending]]]:
    """Every fault is tried, two at a time."""
    with socket.create_server(("127.0.0.1", 0)) as squatter, ThreadPoolExecutor(2) as pool:
        port = squatter.getsockname()[1]
        tried = {}
        for number, (name, fault) in enumerate(FAULTS.items()):
            # A short path: unix sockets lie in it.
            var = tmp_path_factory.mktemp(f"v{number}")
            give_secrets(var)
            tried[name] = pool.submit(ending_of, fault, var, port)
        yield tried


def ending_of(fault: Fault, var: Path, port: int) -> Ending:
    def filled(text: str) -> str:
        return text.replace("{port}", str(port)).replace("{}", str(var))

    for file, content in fault.damaged.items():
        (var / file).parent.mkdir(exist_ok=True)
        (var / file).write_text(content)
    folder, *command = fault.program
    mark = f"MISCONFIGURED={var}"
    own = {name: filled(value) for name, value in fault.variables.items()}
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT / folder,
        env={**clean_environment(), "CFMP_VAR_DIR": str(var), "MISCONFIGURED": str(var), **own},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return Ending(done.returncode, done.stdout + done.stderr, filled(fault.said), processes_with(mark))


def clean_environment() -> dict[str, str]:
    """Nothing of whoever runs the tests but what Python needs."""
    kept = {name: value for name, value in os.environ.items() if "_DB_" not in name}
    return {**kept, "PYTHONPATH": str(ROOT), "LOG_FILE": "off", "CFMP_MODE": "embedded"}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_told_once_and_nothing_is_left(name: str, endings: dict[str, Future[Ending]]) -> None:
    if FAULTS[name].said == UNREACHED and find_spec("MySQLdb") is None:
        missing.skip("no database was away: its driver is missing, and only root on Debian can build it")
    ending = endings[name].result()

    assert ending.status not in (0, None)
    assert ending.said.count(ending.expected) == 1, ending.said
    assert "Traceback" not in ending.said
    assert ending.left == {}


@pytest.mark.parametrize("name", FAULTS)
def test_the_document_explains_it(name: str) -> None:
    fault = FAULTS[name]
    general = "The settings have problems:" if "must be" in fault.said else ""

    assert (fault.documented or general or fault.said) in TROUBLESHOOTING


def test_all_problems_are_told_at_once(endings: dict[str, Future[Ending]]) -> None:
    said = endings["two faults"].result().said

    assert "LOG_LEVEL must be one of" in said
    assert "PII_KEYS" in said
