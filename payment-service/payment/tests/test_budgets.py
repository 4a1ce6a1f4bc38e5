"""What each hot path may cost in SQL statements: exact counts, so that one more is a decision and not an
accident."""

from __future__ import annotations

from typing import Any

import pytest

from common.testing.people import ALICE
from payment.models import Payment

pytestmark = pytest.mark.django_db

# The budgets: create <= 14, refund <= 14, notify <= 8, list <= 3, detail <= 3.
CREATE, REFUND, NOTIFY, DUPLICATE, LIST, DETAIL, SERVICE_DETAIL = 12, 14, 6, 3, 2, 2, 3


def test_a_payment_is_created_in_twelve(shop: Any, count_sql: Any) -> None:
    order = shop.order()

    with count_sql() as log:
        assert shop.create(order).status_code == 200

    assert log.count == CREATE, log


def test_a_refund_is_made_in_fourteen(shop: Any, count_sql: Any) -> None:
    payment = shop.paid()

    with count_sql() as log:
        assert shop.refund(payment, "5.00").status_code == 200

    assert log.count == REFUND, log


def test_a_notification_is_booked_in_six(shop: Any, count_sql: Any) -> None:
    payment = shop.pending()
    shop.alipay.pay_url(payment.pay_url)
    body = shop.alipay.notices.pop()

    with count_sql() as log:
        assert shop.notify(body).content == b"success"
    with count_sql() as again:
        assert shop.notify(body).content == b"success"

    assert log.count == NOTIFY, log
    assert again.count == DUPLICATE, again


def test_late_money_stays_within_the_notifications_budget_twice_over(shop: Any, count_sql: Any) -> None:
    """The rare path: booking and the refund it starts, in one transaction."""
    payment = shop.pending()
    shop.api(ALICE).post(f"/api/payment/{payment.payment_uuid}/cancel/", {})
    shop.alipay.pay_url(payment.pay_url)

    with count_sql() as log:
        assert shop.notify(shop.alipay.notices.pop()).content == b"success"

    assert log.count == 10, log


@pytest.mark.parametrize("size", [1, 10, 30])
@pytest.mark.parametrize("path", ["/api/payment/records/", "/api/payments/", "/api/refunds/"])
def test_a_list_costs_the_same_at_any_size(shop: Any, count_sql: Any, path: str, size: int) -> None:
    _payments_with_refunds(shop, 30)

    with count_sql() as log:
        answer = shop.api(ALICE).get(path, {"page_size": size})

    assert len(answer.json()["results"]["data"]) == size
    assert log.count == LIST, log


def test_a_detail_is_two_and_three_for_a_sibling(shop: Any, count_sql: Any) -> None:
    payment = shop.paid()
    shop.refund(payment, "5.00")
    path = f"/api/payment/{payment.order_uuid}/"

    with count_sql() as own:
        assert shop.api(ALICE).get(path).status_code == 200
    with count_sql() as sibling:
        assert shop.service_api("OrderService").get(path).status_code == 200

    assert own.count == DETAIL, own
    assert sibling.count == SERVICE_DETAIL, sibling


def _payments_with_refunds(shop: Any, count: int) -> None:
    for _ in range(count):
        payment = shop.paid()
        shop.refund(payment, "1.00")
    assert Payment.objects.count() == count
