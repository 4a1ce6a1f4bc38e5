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


@pytest.mark.parametrize("name", ["uuid", "number", "row_id"])
def test_an_order_is_named_by_uuid_number_or_id(shop: Any, name: str) -> None:
    order = shop.order()
    wish = {"order_uuid": str(getattr(order, name)), "payment_method": "alipay"}
    created = shop.api(ALICE).post("/api/payment/create/", wish).json()["data"]

    found = shop.api(ALICE).get(f"/api/payment/{getattr(order, name)}/").json()["data"]

    assert found["payment_uuid"] == created["payment_uuid"] and found["order_uuid"] == str(order.uuid)


@pytest.mark.parametrize(
    ("method", "stored"),
    [(0, "alipay"), ("0", "alipay"), ("ALIPAY_PC", "alipay"), ("alipay_wap", "alipay_wap")],
)
def test_a_method_is_named_as_clients_do(shop: Any, method: Any, stored: str) -> None:
    assert shop.create(shop.order(), payment_method=method).json()["data"]["payment_method"] == stored


@pytest.mark.parametrize("method", [1, "1", "wechat_pay", "wechat"])
def test_a_method_not_offered_yet_is_said_so(shop: Any, method: Any) -> None:
    answer = shop.create(shop.order(), payment_method=method)

    assert answer.status_code == 422 and answer.json()["name"] == "MethodUnavailable"
    assert "wechat_pay" in answer.json()["message"] and Payment.objects.count() == 0


@pytest.mark.parametrize("method", [2, -1, "cash", "", None, True, [], {"a": 1}, 1.0])
def test_a_method_that_is_none_is_a_field_error(shop: Any, method: Any) -> None:
    answer = shop.create(shop.order(), payment_method=method)

    assert answer.status_code == 400 and "payment_method" in answer.json()["errors"]


@pytest.mark.parametrize(
    ("about", "why"),
    [({"status": 1}, 409), ({"status": 3}, 409), ({"cancelling": True}, 409), ({"status": 2}, 409)],
)
def test_only_an_order_that_waits_for_money_is_paid(shop: Any, about: dict[str, Any], why: int) -> None:
    answer = shop.create(shop.order(**about))

    assert answer.status_code == why and answer.json()["name"] == "OrderNotPayable"
    assert Payment.objects.count() == 0


def test_an_order_whose_time_is_over_is_not_paid(shop: Any, frozen_clock: Any) -> None:
    order = shop.order()
    snapshot = order.snapshot() | {"expires_at": "2026-11-21T01:59:59Z"}
    body = {"order_uuid": str(order.uuid), "payment_method": 0, "order": snapshot}

    answer = shop.service_api("OrderService").post("/api/payment/create/", body)

    assert answer.status_code == 409 and Payment.objects.count() == 0


def test_silence_of_orderservice_is_passed_on_and_nothing_is_made(shop: Any) -> None:
    shop.wire.fail("OrderService")

    answer = shop.create(shop.order())

    assert answer.status_code == 504 and Payment.objects.count() == 0
