"""Two Alipays for one suite: the fake in this process, and the sandbox's simulator at ALIPAY_SUITE_URL.

`ALIPAY_SUITE_URL=http://127.0.0.1:8090 pytest payment/tests/gateways` runs every promise against both;
`ALIPAY_SUITE_URL=start` starts a simulator of its own on free ports, with this run's keys.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest
from django.conf import settings

from common import clock
from common.ids import new_uuid
from common.testing.processes import free_ports
from common.testing.provider import FakeAlipay
from payment.gateways import alipay_config
from payment.gateways.alipay import AlipayGateway
from payment.gateways.base import Channel, Charge, PaymentGateway

SUITE_URL = os.environ.get("ALIPAY_SUITE_URL", "")


def http(method: str, url: str, body: dict[str, Any] | None = None) -> bytes:
    """One plain call, as a browser or an operator makes it; URLError for anything but success."""
    data = json.dumps(body).encode() if body is not None else None
    wish = Request(url, data, {"Content-Type": "application/json"}, method=method)
    with urlopen(wish, timeout=10) as answer:
        return bytes(answer.read())


class World(ABC):
    """Our gateway class, and the buyer and the trouble on Alipay's side."""

    gateway: PaymentGateway

    def charge(
        self, *, amount: str = "12.00", channel: Channel = Channel.PAGE, subject: str = "茶壶"
    ) -> Charge:
        """A charge nobody has seen before."""
        return Charge(
            out_trade_no=new_uuid().hex,
            amount=Decimal(amount),
            subject=subject,
            expires_at=clock.now() + timedelta(minutes=30),
            return_url="http://127.0.0.1:9080/api/payment/return/alipay/",
            channel=channel,
        )

    def paid(self, **about: Any) -> Charge:
        """A charge the buyer paid."""
        charge = self.scanned(**about)
        self.pay(charge)
        return charge

    def scanned(self, **about: Any) -> Charge:
        """A charge the buyer has looked at."""
        charge = self.charge(**about)
        self.scan(charge, self.gateway.open(charge).url)
        return charge

    @abstractmethod
    def scan(self, charge: Charge, url: str) -> None:
        """The buyer opens the cashier and logs in."""

    @abstractmethod
    def pay(self, charge: Charge) -> None:
        """The buyer pays."""

    @abstractmethod
    def finish(self, charge: Charge) -> None:
        """The refund window ends."""

    @abstractmethod
    def trouble(self, method: str, how: str, *, after: bool = False) -> None:
        """The next call of `method` has no believable answer."""


class FakeWorld(World):
    """The fake in this process."""

    def __init__(self, gateway: PaymentGateway, answering: list[FakeAlipay]) -> None:
        self.alipay = FakeAlipay()
        answering.append(self.alipay)
        self.gateway = gateway

    def scan(self, charge: Charge, url: str) -> None:
        self.alipay.scan_url(url)

    def pay(self, charge: Charge) -> None:
        self.alipay.pay(charge.out_trade_no)

    def finish(self, charge: Charge) -> None:
        self.alipay.finish(charge.out_trade_no)

    def trouble(self, method: str, how: str, *, after: bool = False) -> None:
        self.alipay.fail_next(method, how=how, after=after)


class SandboxWorld(World):
    """The simulator over HTTP, worked through its control addresses."""

    # Our words for trouble, in the simulator's.
    KINDS = {
        "timeout": {"kind": "timeout"},
        "refused_connection": {"kind": "drop"},
        "html": {"kind": "http_error", "status": 502},
        "bad_sign": {"kind": "bad_sign"},
        "unsigned": {"kind": "unsigned"},
        "20000": {"kind": "unknown"},
        "system_error": {"kind": "system_error"},
    }

    def __init__(self, url: str) -> None:
        self.url = url
        config = replace(alipay_config(), gateway_url=f"{url}/gateway.do", read_timeout=1.0)
        self.gateway = AlipayGateway(config)

    def press(self, path: str, **body: Any) -> None:
        """One switch of the simulator."""
        http("POST", f"{self.url}/sim/{path}", body)

    def scan(self, charge: Charge, url: str) -> None:
        http("GET", url)
        self.press(f"trades/{charge.out_trade_no}/scan/")

    def pay(self, charge: Charge) -> None:
        self.press(f"trades/{charge.out_trade_no}/pay/")

    def finish(self, charge: Charge) -> None:
        self.press(f"trades/{charge.out_trade_no}/finish/")

    def trouble(self, method: str, how: str, *, after: bool = False) -> None:
        # Answers spoilt by their form are spoilt after the effect: the simulator takes no `when` for them.
        when = {} if how in ("bad_sign", "unsigned") else {"when": "after" if after else "before"}
        self.press("faults/", operation=method, **when, **self.KINDS[how])


def _started(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        assert process.poll() is None, "the sandbox did not start"
        try:
            http("GET", f"{url}/health")
            return
        except URLError:
            time.sleep(0.1)
    raise AssertionError("the sandbox does not answer")


@pytest.fixture(scope="session")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The simulator's address."""
    if SUITE_URL != "start":
        yield SUITE_URL
        return
    var_dir = tmp_path_factory.mktemp("sandbox")
    (var_dir / "secrets").symlink_to(Path(settings.CFMP.var_dir) / "secrets")
    ports = dict(zip(("USER", "PRODUCT", "ROOT", "SHOP", "ALIPAY"), free_ports(5), strict=True))
    environment = os.environ | {"CFMP_VAR_DIR": str(var_dir)}
    environment |= {f"SANDBOX_{name}_PORT": str(port) for name, port in ports.items()}
    home = Path(__file__).resolve().parents[4] / "sandbox"
    place = {"cwd": home, "env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([sys.executable, "manage.py", "migrate"], check=True, **place)
    server = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "config.wsgi:application"]
    process = subprocess.Popen(server, **place)
    url = f"http://127.0.0.1:{ports['ALIPAY']}"
    try:
        _started(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(params=["fake", *(["sandbox"] if SUITE_URL else [])])
def world(request: pytest.FixtureRequest, line: tuple[AlipayGateway, list[FakeAlipay]]) -> Iterator[World]:
    """One of the two; the sandbox starts without old trouble."""
    if request.param == "fake":
        yield FakeWorld(*line)
        line[1].pop()
        return
    url = request.getfixturevalue("simulator")
    http("DELETE", f"{url}/sim/faults/")
    yield SandboxWorld(url)
    http("DELETE", f"{url}/sim/faults/")
