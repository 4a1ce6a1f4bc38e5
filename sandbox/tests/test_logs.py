"""What the sandbox's programs write to their log."""

import json
import subprocess
import sys
from pathlib import Path

from tests.live import SANDBOX, running


def lines_of(text: str) -> list[dict[str, str]]:
    """Each line, which must be JSON."""
    return [json.loads(line) for line in text.splitlines()]


def test_gunicorn_and_django_write_json_lines(tmp_path: Path) -> None:
    with running(tmp_path):
        pass

    told = lines_of((tmp_path / "sandbox.log").read_text())
    assert any("Listening at" in line["event"] for line in told)
    assert {(line["service"], line["role"]) for line in told} == {("sandbox", "web")}
    assert all(line["at"] and line["level"] and line["logger"] for line in told)


def test_the_notifier_writes_json_lines_with_the_traceback_in_them(tmp_path: Path) -> None:
    """Its database has no tables: each round fails, and says so."""
    done = subprocess.run(
        [sys.executable, "manage.py", "notifier", "--once"],
        cwd=SANDBOX,
        env={"PATH": "/usr/bin:/bin", "CFMP_VAR_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )

    (line,) = lines_of(done.stdout)
    assert (line["service"], line["role"], line["level"]) == ("sandbox", "notifier", "error")
    assert line["event"] == "a round failed" and "no such table" in line["exception"]
