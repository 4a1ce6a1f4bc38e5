"""Contracts: those in which payment is called are replayed on it, those it calls by are what it sends and
reads."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from common.ids import new_uuid
from common.testing.contracts import Contract, contracts_of, differences, load, replay
from common.testing.people import ALICE, BOB
from payment.clients.notification import risk_evaluate
from payment.clients.order import order_read
from payment.events import ROUTES
from payment.models import Payment

pytestmark = pytest.mark.django_db
MINE = contracts_of(callee="PaymentService")
NUMBER = "CFMP2026112112345678"


@pytest.fixture(autouse=True)
def _still(frozen_clock: Any) -> None:
    """The contracts' orders expire half an hour after the frozen clock's beginning."""


def names(payment: Payment | None = None, **about: Any) -> dict[str, Any]:
    """A value for every placeholder."""
    known = {name: new_uuid() for name in ("order_uuid", "payment_uuid", "product_uuid", "refund_uuid")}
    known |= {"event_id": new_uuid(), "assessment_uuid": new_uuid()}
    if payment is not None:
        known |= {"order_uuid": payment.order_uuid, "payment_uuid": payment.payment_uuid}
    return known | {"user_uuid": ALICE.uuid, "seller_uuid": BOB.uuid} | about


def an_order(shop: Any) -> Any:
    """The order the contracts speak of."""
    return shop.order(number=NUMBER, amount=Decimal("299.50"))


def held(shop: Any) -> Payment:
    """An attempt that waits for a reviewer."""
    shop.risk = {"outcome": "block_and_review"}
    return shop.pending(an_order(shop))


# What must be there before each contract's call.
BEFORE: dict[str, Callable[[Any], Payment | None]] = {
    "order-to-payment-create": lambda shop: None,
    "order-to-payment-read": lambda shop: shop.pending(an_order(shop)),
    "order-to-payment-cancel": lambda shop: shop.pending(an_order(shop)),
    "order-to-payment-refund": lambda shop: shop.paid(an_order(shop)),
    "order-to-payment-return": lambda shop: shop.paid(an_order(shop)),
    "notification-to-payment-risk-decided": held,
}


def test_every_contract_has_its_story() -> None:
    assert {contract.name for contract in MINE} == set(BEFORE)


@pytest.mark.parametrize("contract", MINE, ids=lambda contract: contract.name)
def test_we_keep_our_word(shop: Any, contract: Contract) -> None:
    filled = contract.filled(**names(BEFORE[contract.name](shop)))

    answer = replay(filled, shop.service_api(contract.caller))

    # Beyond the shape: the words a caller decides by.
    told, said = filled.response["json"], answer.json()
    assert said["code"] == told["code"]
    for word in ("status", "refund_status", "success", "amount"):
        if word in told["data"]:
            assert said["data"][word] == told["data"][word], word


def test_an_order_is_read_by_its_contract(fake_transport: Any) -> None:
    contract = load("payment-to-order-read").filled(**names(order_uuid=new_uuid()))
    fake_transport.on("GET", "OrderService", contract.request["path"], contract.response["json"])
    data = contract.response["json"]["data"]

    facts = order_read(data["order_uuid"])

    assert str(facts.order_uuid) == data["order_uuid"] and facts.order_id == NUMBER
    assert facts.payable_amount == Decimal("299.50") and facts.payable and facts.unshipped
    assert facts.subject == "Teapot" and facts.buyer_uuid == ALICE.uuid


def test_risk_control_is_asked_by_its_contract(fake_transport: Any) -> None:
    contract = load("payment-to-notification-risk-evaluate").filled(**names())
    fake_transport.on("POST", "NotificationService", contract.request["path"], contract.response["json"])
    asked = contract.request["json"]

    answer = risk_evaluate(
        payment_uuid=asked["payment_uuid"],
        order_uuid=asked["order_uuid"],
        user_uuid=asked["user_uuid"],
        amount=Decimal(asked["amount"]),
        payment_method="alipay",
        client_ip=asked["client_ip"],
        address_index=asked["address_index"],
        key=new_uuid(),
    )

    (call,) = fake_transport.calls
    assert call.json == asked
    assert answer.outcome == contract.response["json"]["data"]["outcome"]


@pytest.mark.parametrize(
    ("name", "act"),
    [
        ("payment-to-order-succeeded", lambda shop, payment: None),
        ("payment-to-notification-event", lambda shop, payment: None),
        ("payment-to-order-refund-succeeded", lambda shop, payment: shop.refund(payment, "99.00")),
    ],
)
def test_what_we_tell_is_what_the_contract_says(
    shop: Any, drain: Any, name: str, act: Callable[[Any, Payment], Any]
) -> None:
    contract = load(name).filled(**names())
    payment = shop.paid(an_order(shop))
    act(shop, payment)

    drain()

    sent = [
        call.json
        for call in shop.wire.calls_to(contract.callee, "POST", contract.request["path"])
        if call.json["type"] == contract.request["json"]["type"]
    ]
    assert sent and differences(contract.request["json"], sent[0]) == []
    assert set(sent[0]["data"]) == set(contract.request["json"]["data"])


def test_a_closed_payment_is_told_as_the_contract_says(shop: Any, drain: Any) -> None:
    contract = load("payment-to-order-closed").filled(**names())
    payment = shop.pending(an_order(shop))

    shop.api(ALICE).post(f"/api/payment/{payment.payment_uuid}/cancel/", {})
    drain()

    (call,) = shop.wire.calls_to("OrderService", "POST", contract.request["path"])
    assert differences(contract.request["json"], call.json) == []


def test_every_event_has_a_door_that_exists_in_a_contract_or_the_design() -> None:
    doors = {door for routes in ROUTES.values() for door in routes}

    assert doors == {
        ("OrderService", "/event/payment_notified_cm"),
        ("OrderService", "/event/payment_failed_cm"),
        ("OrderService", "/event/refund_notified"),
        ("NotificationService", "/event/inbox"),
        ("Client", "notifyUrl"),
    }
