"""The copy that these tests write into, and asking the servers they start in it."""

import http.client
import json
import subprocess
import time
from typing import Any

import pytest

from tests.checkout import PATIENCE, Checkout, copied_to


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    return copied_to(tmp_path_factory.mktemp("checkout"))


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
