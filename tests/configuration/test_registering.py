"""A service that cannot register says why, in documented words, and serves all the same."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from common.nacos_agent import advice
from common.nacos_client import Target
from common.testing.processes import eventually, give_secrets, processes_with
from tests.configuration.test_bad_configuration import TROUBLESHOOTING, clean_environment
from tests.conftest import ROOT

PATIENCE = 30.0


def test_a_registry_that_is_away_is_told_by_the_agent(tmp_path: Path) -> None:
    give_secrets(tmp_path)
    log = tmp_path / "log"
    with log.open("wb") as output:
        running = subprocess.Popen(
            [sys.executable, "-m", "common.launcher", "web"],
            cwd=ROOT / "order-service",
            env={
                **clean_environment(),
                "CFMP_VAR_DIR": str(tmp_path),
                "DISCOVERY": "nacos",
                "NACOS_SERVER": "127.0.0.1:1",
                "SERVICE_PORT": "0",
                "MISCONFIGURED": str(tmp_path),
            },
            stdout=output,
            stderr=output,
        )
    try:
        eventually(lambda: "Cannot reach Nacos at 127.0.0.1:1" in log.read_text(), PATIENCE)
        state = json.loads((tmp_path / "run" / "nacos" / "agent.json").read_text())
        port = int((tmp_path / "run" / "order.port").read_text())
        eventually(lambda: answers(port), PATIENCE)
    finally:
        running.send_signal(signal.SIGTERM)
        status = running.wait(PATIENCE)

    assert status == 0
    assert state["registered"] == []
    assert "Traceback" not in log.read_text()
    assert processes_with(f"MISCONFIGURED={tmp_path}") == {}


@pytest.mark.parametrize(
    ("said", "documented"),
    [
        (advice.unreachable(Target(("h:1",), "n", "u", "p")), ("无法连接 Nacos（", "Cannot reach Nacos at ")),
        (advice.forbidden(Target(("h:1",), "n", "u", "p")), ("Nacos 拒绝访问", "Nacos refuses the user ")),
        (advice.no_namespace(Target(("h:1",), "n", "u", "p")), ("Nacos 中没有命名空间 ", "The namespace ")),
        (advice.unwritable(OSError(28, "No space", "f")), ("文件无法写入：", "A file cannot be written (")),
    ],
)
def test_the_document_has_what_an_agent_says(said: str, documented: tuple[str, ...]) -> None:
    for words in documented:
        assert words in said
        assert words in TROUBLESHOOTING


def answers(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/livez", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
