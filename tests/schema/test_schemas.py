"""schemathesis against each running service: no 5xx, no answer that its schema does not document.

Three callers: Olive (who may do all a person may), a sibling service on the internal doors, and
nobody. Real ids are handed in, so that the calls reach the code behind the 404.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from common.config import load
from common.signing import ServiceSigner
from scripts.demo import ADDRESS
from scripts.storyteller import Person
from tests.conftest import VAR, Stack

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
INTERNAL = r"^/(event|internal|api/internal|api/orders/internal)"
PORTS = {"OrderService": 8001, "PaymentService": 8002, "NotificationService": 8003}
CALLERS = {
    "OrderService": "PaymentService",
    "PaymentService": "OrderService",
    "NotificationService": "OrderService",
}
EXAMPLES = os.environ.get("SCHEMA_EXAMPLES", "6")


@pytest.fixture(scope="module")
def known(stack: Stack) -> dict[str, str]:
    """Path parameters that exist: Olive's own paid-for order and its payment."""
    olive, bob = Person("Olive", stack.gateway).log_in(), Person("Bob", stack.gateway).log_in()
    goods = olive.get("/api/product/2/")
    line = {"product_uuid": goods["product_uuid"], "quantity": 1}
    body = {"products": [line], "seller_uuid": bob.uuid, "payment_method": 0, **ADDRESS}
    order = olive.post("/api/orders/", body)["data"]
    payment = olive.post(
        "/api/payment/create/", {"order_uuid": order["order_uuid"], "payment_method": "alipay"}
    )
    return {
        "ref": order["order_uuid"],
        "order": order["order_uuid"],
        "payment": payment["data"]["payment_uuid"],
        "out_trade_no": payment["data"]["payment_uuid"].replace("-", ""),
        "token": str(olive.session.headers["Authorization"]),
    }


def run(service: str, known: dict[str, str], folder: Path, headers: dict[str, str], *arguments: str) -> None:
    """Run schemathesis from the command line; its report is the failure message."""
    config = folder / "schemathesis.toml"
    lines = [f'"path.{name}" = {json.dumps(value)}' for name, value in known.items() if name != "token"]
    config.write_text("[parameters]\n" + "\n".join(lines) + "\n")
    command = [str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(config), "run"]
    command += [f"http://127.0.0.1:{PORTS[service]}/api/schema/", "--checks", CHECKS, "-n", EXAMPLES]
    command += ["--seed", "20261121", "--workers", "1", "--no-color", *arguments]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False, cwd=folder)
    assert done.returncode == 0, done.stdout[-12000:] + done.stderr[-2000:]
    assert "generated" in done.stdout  # it did try something


@pytest.mark.parametrize("service", PORTS)
def test_a_person_finds_no_undocumented_answer(
    stack: Stack, known: dict[str, str], tmp_path: Path, service: str
) -> None:
    run(service, known, tmp_path, {"Authorization": known["token"]})


@pytest.mark.parametrize("service", PORTS)
def test_a_sibling_finds_no_undocumented_answer(
    stack: Stack, known: dict[str, str], tmp_path: Path, service: str
) -> None:
    caller = CALLERS[service]
    settings = load(caller, {"CFMP_VAR_DIR": str(VAR)})
    token = ServiceSigner(caller, settings.service_private_key).token(service)
    headers = {"X-Service-Authorization": f"Bearer {token}"}

    run(service, known, tmp_path, headers, "--include-path-regex", INTERNAL)


@pytest.mark.parametrize("service", PORTS)
def test_nobody_finds_no_undocumented_answer(
    stack: Stack, known: dict[str, str], tmp_path: Path, service: str
) -> None:
    run(service, known, tmp_path, {}, "--phases", "coverage")
