"""Notices in every order and number: whatever arrives first, the books end the same."""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest

from common.ids import new_uuid
from common.testing.people import BOB
from payment.models import Payment, PaymentOutbox, Refund, SecurityEvent
from payment.tests.test_notify import kinds

pytestmark = pytest.mark.django_db


def refunded_trade(shop: Any, amount: str) -> tuple[Payment, Refund, dict[str, bytes]]:
    """A payment known as paid, a refund Alipay made and we have not heard of, and all notices about it."""
    payment = shop.pending()
    trade = shop.alipay.pay_url(payment.pay_url)
    success = shop.alipay.notices.pop()
    shop.api(shop_buyer()).get(f"/api/v1/payment/alipay/query/{payment.out_trade_no}")
    shop.alipay.fail_next("alipay.trade.refund", after=True)
    assert shop.refund(payment, amount).status_code == 202
    refund = Refund.objects.get(payment=payment)
    notices = {"success": success, "refund": shop.alipay.notices.pop()}
    if trade.status == "TRADE_CLOSED":
        notices["close"] = shop.alipay.notice(trade)
    return payment, refund, notices


def shop_buyer() -> Any:
    """Alice."""
    from common.testing.people import ALICE

    return ALICE


@pytest.mark.parametrize("amount", ["5.00", "12.00"])
@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_notices_in_every_order_and_twice_end_in_the_same_books(
    shop: Any, amount: str, order: tuple[int, ...]
) -> None:
    payment, refund, notices = refunded_trade(shop, amount)
    posts = list(notices.values())
    sequence = [posts[index] for index in order if index < len(posts)]

    for body in [*sequence, *sequence]:
        assert shop.notify(body).content == b"success"

    payment.refresh_from_db()
    refund.refresh_from_db()
    assert payment.status == (4 if amount == "12.00" else 5)
    assert payment.refunded_amount == Decimal(amount) and payment.refund_pending_amount == 0
    assert refund.status == 3
    assert kinds(payment) == ["charge_request", "charge_success", "refund_request", "refund_success"]
    assert PaymentOutbox.objects.filter(type="payment.refund_succeeded.v1").count() == 2  # two doors
    assert SecurityEvent.objects.count() == 0


@pytest.mark.parametrize("order", list(permutations(["success", "close"])), ids="-".join)
def test_a_close_and_a_success_in_either_order_never_lose_money(shop: Any, order: tuple[str, ...]) -> None:
    """Contradictory notices: whatever came first, what was paid either pays the order or goes back."""
    payment = shop.pending()
    trade = shop.alipay.pay_url(payment.pay_url)
    bodies = {
        "success": shop.alipay.notices.pop(),
        "close": shop.alipay.notice(trade, trade_status="TRADE_CLOSED"),
    }

    for name in order:
        assert shop.notify(bodies[name]).content == b"success"

    payment.refresh_from_db()
    assert payment.charged_amount == Decimal("12.00")
    assert payment.settles_order == (order[0] == "success")
    held = payment.refund_pending_amount
    assert held == (Decimal("0.00") if order[0] == "success" else Decimal("12.00"))


@pytest.mark.parametrize("fee", ["4.99", "5.01", "0.01", "12.00"])
def test_a_refund_fee_off_by_a_cent_settles_nothing(shop: Any, fee: str) -> None:
    payment, refund, _ = refunded_trade(shop, "5.00")
    trade = shop.alipay.trades[payment.out_trade_no]

    answer = shop.notify(shop.alipay.notice(trade, refund=refund.out_request_no, refund_fee=fee))

    refund.refresh_from_db()
    payment.refresh_from_db()
    assert answer.content == b"failure" and refund.status == 2
    assert payment.refunded_amount == 0 and payment.refund_pending_amount == Decimal("5.00")
    assert SecurityEvent.objects.get().kind == "wrong_refund_amount"


def test_the_cumulative_fee_of_the_second_refund_names_both(shop: Any) -> None:
    payment = shop.paid()
    shop.refund(payment, "5.00")
    shop.alipay.notices.clear()
    shop.alipay.fail_next("alipay.trade.refund", after=True)
    shop.refund(payment, "3.00")

    answer = shop.notify(shop.alipay.notices.pop())

    payment.refresh_from_db()
    assert answer.content == b"success"
    assert payment.refunded_amount == Decimal("8.00") and payment.refund_pending_amount == 0


def test_a_refund_that_is_not_ours_is_for_an_operator(shop: Any) -> None:
    """Somebody paid back in Alipay's own console."""
    payment = shop.paid()
    trade = shop.alipay.trades[payment.out_trade_no]
    trade.refunds["console"] = Decimal("3.00")

    answer = shop.notify(shop.alipay.notice(trade, refund=new_uuid().hex))

    payment.refresh_from_db()
    assert answer.content == b"success"
    assert payment.status == 1 and payment.refunded_amount == 0
    assert SecurityEvent.objects.get().kind == "foreign_refund"


def test_a_refund_that_still_waits_for_the_seller_cannot_be_settled_by_a_notice(shop: Any) -> None:
    order = shop.order()
    payment = shop.paid(order)
    shop.change(order, status=1, fulfilment=1)
    shop.refund(payment, "5.00")
    refund = Refund.objects.get()
    trade = shop.alipay.trades[payment.out_trade_no]
    trade.refunds[refund.out_request_no] = Decimal("5.00")

    shop.notify(shop.alipay.notice(trade, refund=refund.out_request_no))

    refund.refresh_from_db()
    payment.refresh_from_db()
    assert refund.status == 0 and payment.refunded_amount == 0
    assert SecurityEvent.objects.get().kind == "foreign_refund"


@pytest.mark.parametrize(("off", "status"), [("0.00", 200), ("0.01", 400)])
def test_very_many_refunds_of_one_payment_are_no_burden(shop: Any, off: str, status: int) -> None:
    """Their sums double with each of them: a notification that looked at all would never end."""
    payment = shop.paid(shop.order(amount=Decimal("1000000.00")))
    for power in range(26):
        assert shop.refund(payment, str(Decimal(2**power) / 100), BOB).status_code == 200
    last, trade = Refund.objects.latest("id"), shop.alipay.trades[payment.out_trade_no]
    fee = str(Decimal(2**26 - 1) / 100 + Decimal(off))

    answer = shop.notify(shop.alipay.notice(trade, refund=last.out_request_no, refund_fee=fee))

    assert answer.status_code == status
    payment.refresh_from_db()
    assert payment.refunded_amount == Decimal(2**26 - 1) / 100
