"""Paying: from the wish to the booked notification, by the service's own addresses."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from common.testing.people import ALICE, CAROL
from payment.models import Payment, PaymentEvent, PaymentOutbox, PaymentTransition

pytestmark = pytest.mark.django_db


def published(payment: Payment) -> list[str]:
    """The event types of one payment, in order, each once."""
    rows = PaymentOutbox.objects.filter(aggregate_id=payment.payment_uuid).order_by("version", "id")
    return list(dict.fromkeys(rows.values_list("type", flat=True)))


def test_create_answers_with_the_cashier_and_the_qr_code(shop: Any) -> None:
    order = shop.order()

    answer = shop.create(order)

    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert body["code"] == "200" and "创建成功" in body["message"]
    data = body["data"]
    assert data["amount"] == "12.00" and data["status"] == "pending" and data["under_review"] is False
    assert data["payment_data"]["url"].startswith(shop.alipay.gateway_url + "?")
    assert data["payment_data"]["qrcode"].startswith("https://qr.alipay.test/")
    assert isinstance(data["payment_id"], int)


def test_a_paid_and_notified_payment_is_booked_once_and_told(shop: Any) -> None:
    payment = shop.paid()

    assert payment.status == 1 and payment.charged_amount == Decimal("12.00")
    assert payment.transaction_id and payment.paid_at
    assert published(payment) == ["payment.succeeded.v1"]
    doors = PaymentOutbox.objects.filter(aggregate_id=payment.payment_uuid)
    assert set(doors.values_list("destination", "path")) == {
        ("OrderService", "/event/payment_notified_cm"),
        ("NotificationService", "/event/inbox"),
    }
    assert shop.alipay.balance(payment.out_trade_no) == Decimal("12.00")
    kinds = PaymentEvent.objects.filter(payment=payment).values_list("kind", flat=True)
    assert sorted(kinds) == ["charge_request", "charge_success"]
    history = PaymentTransition.objects.filter(entity_uuid=payment.payment_uuid).order_by("id")
    assert list(history.values_list("event", flat=True)) == ["created", "succeed"]


def test_the_client_polls_for_success(shop: Any) -> None:
    payment = shop.paid()

    data = shop.api(ALICE).get(f"/api/payment/{payment.order_id}/").json()["data"]

    assert data["status"] == "success" and data["payment_data"] is None
    assert data["transaction_id"] == payment.transaction_id and data["refunds"] == []
    assert "events" not in data


def test_a_second_create_answers_with_the_living_attempt(shop: Any) -> None:
    order = shop.order()
    first = shop.create(order).json()["data"]

    second = shop.create(order).json()["data"]

    assert second["payment_uuid"] == first["payment_uuid"] and second["payment_data"] == first["payment_data"]
    assert Payment.objects.count() == 1


def test_a_paid_order_is_not_paid_again(shop: Any) -> None:
    order = shop.order()
    shop.paid(order)

    answer = shop.create(order)

    assert answer.status_code == 409 and answer.json()["code"] == "6002"
    assert answer.json()["data"] == {"status": "success"}


def test_another_buyers_order_does_not_exist(shop: Any) -> None:
    answer = shop.create(shop.order(), person=CAROL)

    assert answer.status_code == 404
    assert Payment.objects.count() == 0


@pytest.mark.parametrize("amount", ["12.01", "11.99", 1])
def test_the_amount_is_the_orders_and_never_the_clients(shop: Any, amount: Any) -> None:
    answer = shop.create(shop.order(), amount=amount)

    assert answer.status_code == 422 and answer.json()["name"] == "PaymentAmountMismatch"
    assert Payment.objects.count() == 0
