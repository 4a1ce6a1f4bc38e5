"""The embedded stack for suites that need all of it: started once, in a var folder of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
VAR = Path(os.environ.get("CFMP_VAR_DIR", ROOT / "var")) / "e2e"


@dataclass(frozen=True)
class Stack:
    """A running stack; `manage` runs a service's command against it, `control` speaks to its supervisor."""

    gateway: str
    environment: dict[str, str]
    var: Path

    def manage(self, folder: str, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self._run([sys.executable, "manage.py", *command], ROOT / folder, check)

    def control(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        supervisorctl = str(Path(sys.executable).parent / "supervisorctl")
        return self._run([supervisorctl, "-c", str(self.var / "supervisord.conf"), *command], ROOT, check)

    def _run(self, command: list[str], folder: Path, check: bool) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command,
            cwd=folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert not check or done.returncode == 0, f"{command} says\n{done.stdout}\n{done.stderr}"
        return done


def stack_verb(verb: str, environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scripts.stack", verb],
        cwd=ROOT,
        env=environment,
        text=True,
        timeout=180,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode != 0:
        pytest.exit(
            f"`scripts.stack {verb}` failed (`make stop` ends another one):\n{done.stdout}", returncode=1
        )


@contextmanager
def running_stack(var: Path = VAR, **variables: str) -> Iterator[Stack]:
    """A stack of its own in the folder `var`, emptied before, with `variables` in its environment."""
    environment = {**os.environ, "CFMP_VAR_DIR": str(var), "CFMP_MODE": "embedded", **variables}
    stack_verb("reset", environment)
    stack_verb("start", environment)
    try:
        yield Stack("http://127.0.0.1:9080", environment, var)
    finally:
        stack_verb("stop", environment)


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The whole system, as `make start` starts it, with empty databases."""
    with running_stack() as stack:
        yield stack
