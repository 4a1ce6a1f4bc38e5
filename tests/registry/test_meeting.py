"""When is the stack on Nacos ready? When all know each other; until then it says who does not, and why."""

import json
import os
import subprocess
import sys
from pathlib import Path

from common.config import PORTS
from common.snapshots import SnapshotFolder, write_snapshot

ROOT = Path(__file__).resolve().parents[2]
PLACES = (
    "sandbox",
    *(f"{name}{role}" for name in ("order", "payment", "notification") for role in ("", "-worker")),
)
ASK = (
    "import json; from scripts.stack import registry as r; print(json.dumps([r.strangers(), r.complaints()]))"
)


def asked(var: Path, discovery: str = "nacos") -> tuple[list[str], list[str]]:
    """Who does not know whom, and what the agents say is wrong."""
    environment = {**os.environ, "CFMP_VAR_DIR": str(var), "DISCOVERY": discovery}
    said = subprocess.check_output([sys.executable, "-c", ASK], cwd=ROOT, env=environment, text=True)
    strangers, complaints = json.loads(said)
    return strangers, complaints


def know(var: Path, place: str, service: str, **row: object) -> None:
    one = {
        "host": "127.0.0.1",
        "port": 1,
        "weight": 1,
        "enabled": True,
        "healthy": True,
        "metadata": {},
        **row,
    }
    content = {"service": service, "revision": 1, "written_at": "2026-01-01T00:00:00Z", "instances": [one]}
    write_snapshot(SnapshotFolder.of(var / "run" / place).service(service), content)


def everybody_meets(var: Path) -> None:
    for place in PLACES:
        for service in PORTS:
            know(var, place, service)


def test_everybody_has_met(tmp_path: Path) -> None:
    everybody_meets(tmp_path)

    assert asked(tmp_path) == ([], [])


def test_one_who_does_not_know_another_is_named(tmp_path: Path) -> None:
    everybody_meets(tmp_path)
    know(tmp_path, "order", "PaymentService", enabled=False)
    know(tmp_path, "payment-worker", "OrderService", healthy=False)

    assert asked(tmp_path)[0] == [
        "order does not know PaymentService",
        "payment-worker does not know OrderService",
    ]


def test_at_the_beginning_nobody_knows_anybody_but_itself(tmp_path: Path) -> None:
    strangers, _ = asked(tmp_path)

    assert len(strangers) == len(PLACES)
    assert (
        "order does not know PaymentService, NotificationService, UserService, ProductService, RootService"
        in strangers
    )


def test_what_the_agents_say_is_wrong_is_told_once(tmp_path: Path) -> None:
    for place in PLACES:
        state = {"pid": 1, "connected": False, "registered": [], "problem": "Cannot reach Nacos"}
        write_snapshot(SnapshotFolder.of(tmp_path / "run" / place).agent, state)

    assert asked(tmp_path)[1] == ["Cannot reach Nacos"]


def test_without_nacos_nobody_has_to_meet(tmp_path: Path) -> None:
    assert asked(tmp_path, "static") == ([], [])
