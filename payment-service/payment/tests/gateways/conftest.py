"""Two Alipays for one suite: the fake in this process, and the sandbox's simulator at ALIPAY_SUITE_URL.

`ALIPAY_SUITE_URL=http://127.0.0.1:8090 pytest payment/tests/gateways` runs every promise against both.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import requests

from common import clock
from common.ids import new_uuid
from common.testing.provider import FakeAlipay
from payment.gateways import alipay_config
from payment.gateways.alipay import AlipayGateway
from payment.gateways.base import Channel, Charge, PaymentGateway

SUITE_URL = os.environ.get("ALIPAY_SUITE_URL", "")


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
        config = replace(alipay_config(), gateway_url=f"{url}/gateway.do", read_timeout=2.0)
        self.gateway = AlipayGateway(config)

    def press(self, path: str, **body: Any) -> None:
        """One switch of the simulator."""
        answer = requests.post(f"{self.url}/sim/{path}", json=body, timeout=10)
        assert answer.ok, answer.text

    def scan(self, charge: Charge, url: str) -> None:
        assert requests.get(url, timeout=10).ok
        self.press(f"trades/{charge.out_trade_no}/scan/")

    def pay(self, charge: Charge) -> None:
        self.press(f"trades/{charge.out_trade_no}/pay/")

    def finish(self, charge: Charge) -> None:
        self.press(f"trades/{charge.out_trade_no}/finish/")

    def trouble(self, method: str, how: str, *, after: bool = False) -> None:
        # Answers spoilt by their form are spoilt after the effect: the simulator takes no `when` for them.
        when = {} if how in ("bad_sign", "unsigned") else {"when": "after" if after else "before"}
        self.press("faults/", operation=method, **when, **self.KINDS[how])


@pytest.fixture(params=["fake", *(["sandbox"] if SUITE_URL else [])])
def world(request: pytest.FixtureRequest, line: tuple[AlipayGateway, list[FakeAlipay]]) -> Iterator[World]:
    """One of the two; the sandbox starts without old trouble."""
    if request.param == "fake":
        yield FakeWorld(*line)
        line[1].pop()
        return
    requests.delete(f"{SUITE_URL}/sim/faults/", timeout=10)
    yield SandboxWorld(SUITE_URL)
    requests.delete(f"{SUITE_URL}/sim/faults/", timeout=10)
