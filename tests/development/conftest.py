"""A copy of the tree that tests may write into, and the servers they start in it."""

import http.client
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0


@dataclass(frozen=True)
class Checkout:
    """A tree of its own: nothing a test writes reaches the one it came from."""

    root: Path

    def run(self, folder: str, *command: str) -> subprocess.CompletedProcess[str]:
        """`python COMMAND…` in `folder`, as a person would type it."""
        return subprocess.run(
            [sys.executable, *command],
            cwd=self.root / folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )

    @contextmanager
    def running(self, folder: str, *command: str) -> Iterator[subprocess.Popen[str]]:
        """The same, left running until the block ends."""
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=self.root / folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            yield process
        finally:
            process.terminate()
            process.communicate(timeout=PATIENCE)

    def environment(self) -> dict[str, str]:
        """Only what a shell has: the settings come from the copy's own `.env`."""
        return {
            name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")
        }

    def append(self, file: str, text: str) -> None:
        with (self.root / file).open("a") as opened:
            opened.write(text)

    def replace(self, file: str, old: str, new: str) -> None:
        """Edit `file`; the recipe is wrong when `old` is not there."""
        path = self.root / file
        text = path.read_text()
        assert old in text, f"{file} has no {old!r}"
        path.write_text(text.replace(old, new, 1))


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    root = tmp_path_factory.mktemp("checkout")
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, root / name)
    return Checkout(root)


def eventually_json(process: subprocess.Popen[str], port: int, path: str) -> dict[str, Any]:
    """What `path` answers with 200, as soon as it does; fails at once when the server ends."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if process.poll() is not None:
            raise AssertionError(f"the server ended: {process.stdout.read() if process.stdout else ''}")
        status, body = ask(port, path)
        if status == 200:
            return json.loads(body)
        time.sleep(0.2)
    raise AssertionError(f"nothing answered 200 on port {port}")


def ask(port: int, path: str) -> tuple[int, bytes]:
    """Status and body; 0 when nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()
