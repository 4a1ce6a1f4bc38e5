"""Keys: the first answer again, another body refused, and an answer rebuilt after a crash."""

from __future__ import annotations

from typing import Any

import pytest

from common.ids import new_uuid
from common.testing.people import ALICE, CAROL
from payment.models import Payment, PaymentIdempotencyKey, Refund

pytestmark = pytest.mark.django_db
CREATE = "/api/payment/create/"


def wish(order: Any, **more: Any) -> dict[str, Any]:
    """A create's body."""
    return {"order_uuid": str(order.uuid), "payment_method": "alipay", **more}


def test_the_same_key_and_body_is_the_first_answer(shop: Any) -> None:
    order, key = shop.order(), new_uuid()

    first = shop.api(ALICE).post(CREATE, wish(order), key=key)
    second = shop.api(ALICE).post(CREATE, wish(order), key=key)

    assert first.json() == second.json() and second["Idempotent-Replay"] == "true"
    assert len(shop.wire.calls_to("OrderService", "GET")) == 1


def test_the_same_key_with_another_body_is_refused(shop: Any) -> None:
    order, key = shop.order(), new_uuid()
    shop.api(ALICE).post(CREATE, wish(order), key=key)

    answer = shop.api(ALICE).post(CREATE, wish(order, payment_subject="x"), key=key)

    assert answer.status_code == 422 and answer.json()["name"] == "IdempotencyKeyReused"


def test_a_key_means_nothing_to_another_caller(shop: Any) -> None:
    order, key = shop.order(), new_uuid()
    shop.api(ALICE).post(CREATE, wish(order), key=key)

    answer = shop.api(CAROL).post(CREATE, wish(order), key=key)

    assert answer.status_code == 404


def test_a_refusal_is_kept_and_a_passing_trouble_is_not(shop: Any) -> None:
    order, key, other = shop.order(), new_uuid(), new_uuid()
    refused = shop.api(ALICE).post(CREATE, wish(order, amount="1.00"), key=key)
    again = shop.api(ALICE).post(CREATE, wish(order, amount="1.00"), key=key)
    assert refused.status_code == again.status_code == 422 and again["Idempotent-Replay"] == "true"

    shop.wire.fail("OrderService", method="GET")
    assert shop.api(ALICE).post(CREATE, wish(order), key=other).status_code == 504
    shop.wire.heal()

    assert shop.api(ALICE).post(CREATE, wish(order), key=other).status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CREATE, lambda order, payment: wish(order)),
        ("/api/v1/payment/alipay/create", lambda order, payment: {"orderNo": order.number}),
    ],
    ids=["cfmp", "alipay"],
)
def test_an_answer_lost_in_a_crash_is_rebuilt(shop: Any, path: str, body: Any) -> None:
    order, key = shop.order(), new_uuid()
    first = shop.api(ALICE).post(path, body(order, None), key=key)
    PaymentIdempotencyKey.objects.update(answer=None, answer_status=None, lease_until="2026-01-01T00:00:00Z")

    again = shop.api(ALICE).post(path, body(order, None), key=key)

    assert again.status_code == 200 and again.json() == first.json()
    assert Payment.objects.count() == 1


def test_a_refund_under_way_is_rebuilt_as_it_is_now(shop: Any, drain: Any, frozen_clock: Any) -> None:
    payment, key = shop.paid(), new_uuid()
    path, body = f"/api/payment/{payment.order_uuid}/refund/", {"refund_amount": "5.00"}
    shop.alipay.fail_next("alipay.trade.refund", after=True)
    first = shop.api(ALICE).post(path, body, key=key)
    frozen_clock.move(seconds=11)
    drain()

    again = shop.api(ALICE).post(path, body, key=key)

    assert (first.status_code, again.status_code) == (202, 200)
    assert again.json()["data"]["refund_status"] == "completed" and Refund.objects.count() == 1


def test_the_stored_answer_is_ciphertext(shop: Any) -> None:
    from django.db import connection

    order = shop.order()
    shop.api(ALICE).post(CREATE, wish(order), key=new_uuid())

    with connection.cursor() as cursor:
        cursor.execute("SELECT answer FROM payment_idempotency_key")
        (answer,) = cursor.fetchone()
    assert order.number not in answer and "alipay" not in answer
