"""The worker takes up what a crash left: it must know every saga that a view or an event can start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import payment.urls  # noqa: F401 - whatever the web process has
from common.sagas.definition import definitions

SERVICE = Path(__file__).resolve().parents[2]
ASK = """
import django; django.setup()
from common.worker import load_definitions
from common.sagas.definition import definitions
load_definitions()
print(*(saga.name for saga in definitions()))
"""


def test_the_worker_knows_every_saga_of_this_service() -> None:
    environment = {"DJANGO_SETTINGS_MODULE": "config.settings", "PYTHONPATH": f"{SERVICE}:{SERVICE.parent}"}
    asked = subprocess.run(
        [sys.executable, "-c", ASK], env=environment, cwd=SERVICE, capture_output=True, text=True, check=True
    )

    known = set(asked.stdout.split())
    assert {saga.name for saga in definitions()} <= known
    assert {"payment.create", "payment.release", "payment.stop"} <= known
