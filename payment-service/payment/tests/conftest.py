"""A shop around the payment service: an Alipay that really signs, an order of Alice's, siblings that
answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from common import clock
from common.clock import rfc3339
from common.ids import new_id, new_uuid
from common.testing.people import ALICE, BOB, OLIVE
from common.testing.provider import FakeAlipay, private_pem, public_pem
from payment.gateways import use_gateway
from payment.gateways.alipay import AlipayGateway
from payment.gateways.alipay_sdk import AlipayConfig
from payment.models import Payment

NOTIFY = "/api/v1/payment/alipay/notify"
FORM = "application/x-www-form-urlencoded"


def config_of(alipay: FakeAlipay) -> AlipayConfig:
    """What an operator would configure for this Alipay."""
    return AlipayConfig(
        app_id=alipay.app_id,
        seller_id=alipay.seller_id,
        private_key=private_pem(alipay.app_key),
        public_keys=(public_pem(alipay.key),),
        gateway_url=alipay.gateway_url,
        notify_url="http://127.0.0.1:9080/api/v1/payment/alipay/notify",
        # Eight threads that race on a busy machine must all get their turn.
        patience=10.0,
    )


@pytest.fixture(scope="session")
def line() -> tuple[AlipayGateway, list[FakeAlipay]]:
    """Our gateway class, made once (reading an RSA key takes a tenth of a second), and who answers its
    calls."""
    answering: list[FakeAlipay] = []
    gateway = AlipayGateway(config_of(FakeAlipay()), send=lambda *call: answering[-1].send(*call))
    return gateway, answering


@pytest.fixture
def alipay(line: tuple[AlipayGateway, list[FakeAlipay]]) -> Iterator[FakeAlipay]:
    """Alipay, and our gateway class talking to it."""
    gateway, answering = line
    answering.append(FakeAlipay())
    with use_gateway(gateway):
        yield answering[-1]
    answering.pop()


@dataclass(frozen=True)
class Order:
    """An order as OrderService would describe it."""

    uuid: UUID = field(default_factory=new_uuid)
    row_id: int = field(default_factory=new_id)
    number: str = "CFMP2026112112345678"
    buyer: UUID = ALICE.uuid
    seller: UUID = BOB.uuid
    amount: Decimal = Decimal("12.00")
    status: int = 0
    fulfilment: int = 0
    cancelling: bool = False

    def snapshot(self) -> dict[str, Any]:
        """The data of call 1."""
        return {
            "order_uuid": str(self.uuid),
            "order_id": self.number,
            "id": self.row_id,
            "buyer_uuid": str(self.buyer),
            "seller_uuid": str(self.seller),
            "total_amount": float(self.amount),
            "payable_amount": float(self.amount),
            "status": self.status,
            "fulfilment_status": self.fulfilment,
            "payment_status": "unpaid",
            "refunded_amount": 0.00,
            "cancelling": self.cancelling,
            "version": 1,
            "created_at": rfc3339(clock.now()),
            "address_index": "ab" * 32,
            "expires_at": rfc3339(clock.now() + timedelta(minutes=30)),
            "items": [
                {"product_uuid": str(new_uuid()), "product_name": "茶壶", "price": 12.00, "quantity": 1}
            ],
        }


class Shop:
    """What a test tells the story with. Every act goes through the service's own addresses."""

    def __init__(
        self, api: Callable[..., Any], service_api: Callable[..., Any], wire: Any, alipay: FakeAlipay
    ):
        self.api, self.service_api, self.wire, self.alipay = api, service_api, wire, alipay
        self.orders: dict[str, Order] = {}
        self.risk: dict[str, Any] = {"outcome": "approve"}
        wire.on("GET", "OrderService", "/api/orders/internal/orders/{order}/", self._order)
        wire.on("POST", "NotificationService", "/api/internal/risk/evaluate/", self._risk)
        wire.on("POST", "NotificationService", "/event/inbox", {"code": "200", "data": {}})
        wire.on("GET", "UserService", "/api/v1/user/{user}/", self._user)
        for door in ("payment_notified_cm", "payment_failed_cm", "refund_notified"):
            wire.on("POST", "OrderService", f"/event/{door}", {"code": 200, "data": {}})

    def order(self, **about: Any) -> Order:
        """An order that waits for its money."""
        number = f"CFMP20261121{len(self.orders):08d}"
        order = Order(**{"number": number, **about})
        self.orders[str(order.uuid)] = self.orders[order.number] = self.orders[str(order.row_id)] = order
        return order

    def change(self, order: Order, **about: Any) -> Order:
        """OrderService has moved on."""
        changed = replace(order, **about)
        self.orders |= dict.fromkeys((str(order.uuid), order.number, str(order.row_id)), changed)
        return changed

    def create(self, order: Order, person: Any = ALICE, **body: Any) -> Any:
        """Ask to pay."""
        wish = {"order_uuid": str(order.uuid), "payment_method": "alipay", **body}
        return self.api(person).post("/api/payment/create/", wish)

    def pending(self, order: Order | None = None, **body: Any) -> Payment:
        """An attempt whose cashier is open."""
        answer = self.create(order or self.order(), **body)
        assert answer.status_code == 200, answer.content
        return Payment.objects.get(payment_uuid=answer.json()["data"]["payment_uuid"])

    def paid(self, order: Order | None = None) -> Payment:
        """An attempt the buyer paid and Alipay told us about."""
        payment = self.pending(order)
        self.alipay.pay_url(payment.pay_url)
        assert self.notify(self.alipay.notices.pop()).content == b"success"
        payment.refresh_from_db()
        return payment

    def notify(self, body: bytes) -> Any:
        """Alipay posts."""
        return self.api().request("POST", NOTIFY, body=body, content_type=FORM)

    def refund(self, payment: Payment, amount: str | None = None, person: Any = ALICE, **body: Any) -> Any:
        """Somebody wants money back."""
        wish = {"refund_amount": amount, "refund_reason": "changed my mind", **body}
        return self.api(person).post(f"/api/payment/{payment.order_uuid}/refund/", wish)

    def _order(self, call: Any) -> Any:
        order = self.orders.get(call.path.rstrip("/").rsplit("/", 1)[-1])
        if order is None:
            return 404, {"code": "5001", "name": "OrderNotFound", "message": "", "data": None}
        return {"code": "200", "message": "success", "data": order.snapshot()}

    def _user(self, call: Any) -> Any:
        uuid = call.path.rstrip("/").rsplit("/", 1)[-1]
        return {"user_id": uuid, "privilege": int(uuid == str(OLIVE.uuid))}

    def _risk(self, call: Any) -> Any:
        return {"code": "200", "data": {"assessment_uuid": str(new_uuid()), "score": 0, **self.risk}}


@pytest.fixture
def shop(db: None, api: Any, service_api: Any, fake_transport: Any, alipay: FakeAlipay) -> Shop:
    """The shop, on a database that is rolled back."""
    return Shop(api, service_api, fake_transport, alipay)


@pytest.fixture
def open_shop(
    db: None, api: Any, service_api: Any, fake_transport: Any, line: tuple[AlipayGateway, list[FakeAlipay]]
) -> Callable[[], Shop]:
    """A new shop and a new Alipay each time, for tests that live many lives."""

    def opened() -> Shop:
        line[1][-1] = FakeAlipay()
        return Shop(api, service_api, fake_transport, line[1][-1])

    return opened
