"""Silence, noise and crashes on the way to Alipay: nothing is concluded from them, and everything is found
out."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from common.clock import now
from payment.models import PaymentOutbox, Refund, SecurityEvent
from payment.services.booking import SYNC_PAUSES

pytestmark = pytest.mark.django_db

QUERY, CLOSE, REFUND = "alipay.trade.query", "alipay.trade.close", "alipay.trade.refund"
REFUND_QUERY, PRECREATE = "alipay.trade.fastpay.refund.query", "alipay.trade.precreate"
NOISES = ["timeout", "refused_connection", "html", "bad_sign", "unsigned", "20000", "system_error", "foreign"]


def fresh(row: Any) -> Any:
    """`row` as the database has it."""
    row.refresh_from_db()
    return row


@pytest.fixture(autouse=True)
def _still(frozen_clock: Any) -> None:
    """Time moves when a test says so."""


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("how", NOISES)
def test_a_refund_without_a_believable_answer_is_found_out(
    shop: Any, drain: Any, frozen_clock: Any, how: str, after: bool
) -> None:
    payment = shop.paid()
    shop.alipay.fail_next(REFUND, how=how, after=after)

    answer = shop.refund(payment, "5.00")

    assert answer.status_code == 202 and answer.json()["data"]["refund_status"] == "processing"
    assert fresh(payment).refund_pending_amount == Decimal("5.00") and payment.refunded_amount == 0
    frozen_clock.move(seconds=11)
    drain()
    assert fresh(payment).refunded_amount == Decimal("5.00") and payment.refund_pending_amount == 0
    assert shop.alipay.balance(payment.out_trade_no) == Decimal("7.00")
    assert Refund.objects.get().status == 3


def test_a_refund_is_asked_about_with_longer_and_longer_pauses(
    shop: Any, drain: Any, frozen_clock: Any
) -> None:
    payment = shop.paid()
    shop.alipay.fail_next(REFUND, how="timeout", after=True, times=100)
    shop.alipay.fail_next(REFUND_QUERY, how="timeout", times=len(SYNC_PAUSES) + 1)
    shop.refund(payment, "5.00")
    refund = Refund.objects.get()
    pauses = []

    for _ in range(len(SYNC_PAUSES) + 1):
        frozen_clock.set(fresh(refund).sync_due_at)
        drain()
        pauses.append(int((fresh(refund).sync_due_at - now()).total_seconds()))
        assert refund.status == 2

    assert pauses == [*SYNC_PAUSES, 86_400]
    frozen_clock.set(refund.sync_due_at)
    drain()
    assert fresh(refund).status == 3 and fresh(payment).refunded_amount == Decimal("5.00")


@pytest.mark.parametrize(
    "code", ["ACQ.TRADE_HAS_FINISHED", "ACQ.TRADE_NOT_ALLOW_REFUND", "ACQ.REASON_TRADE_REFUND_FEE_ERR"]
)
def test_a_final_no_frees_the_amount_and_is_told(shop: Any, code: str) -> None:
    payment = shop.paid()
    shop.alipay.refuse_next(REFUND, code)

    answer = shop.refund(payment, "5.00")

    assert answer.status_code == 200 and answer.json()["data"]["refund_status"] == "failed"
    assert answer.json()["data"]["success"] is False
    assert fresh(payment).refund_pending_amount == 0 and payment.status == 1
    assert Refund.objects.get().failure_reason == code
    assert PaymentOutbox.objects.filter(type="payment.refund_failed.v1").count() == 2
    assert shop.refund(payment, "5.00").json()["data"]["refund_status"] == "completed"


def test_an_empty_merchant_purse_waits_and_sends_the_same_number_again(
    shop: Any, drain: Any, frozen_clock: Any
) -> None:
    payment = shop.paid()
    shop.alipay.refuse_next(REFUND, "ACQ.SELLER_BALANCE_NOT_ENOUGH", times=2)

    assert shop.refund(payment, "5.00").status_code == 202
    for seconds in (11, 11, 20):
        frozen_clock.move(seconds=seconds)
        drain()

    assert fresh(payment).refunded_amount == Decimal("5.00")
    assert len({call["out_request_no"] for call in shop.alipay.calls_of(REFUND)}) == 1


def test_a_provider_that_paid_back_after_saying_no_is_believed(shop: Any) -> None:
    payment = shop.paid()
    shop.alipay.refuse_next(REFUND, "ACQ.TRADE_NOT_ALLOW_REFUND")
    shop.refund(payment, "5.00")
    refund, trade = Refund.objects.get(), shop.alipay.trades[payment.out_trade_no]
    trade.refunds[refund.out_request_no] = Decimal("5.00")

    assert shop.notify(shop.alipay.notice(trade, refund=refund.out_request_no)).content == b"success"

    assert fresh(refund).status == 3
    assert fresh(payment).refunded_amount == Decimal("5.00") and payment.refund_pending_amount == 0


def test_a_revived_refund_whose_amount_is_promised_elsewhere_is_for_an_operator(shop: Any) -> None:
    payment = shop.paid()
    shop.alipay.refuse_next(REFUND, "ACQ.TRADE_NOT_ALLOW_REFUND")
    shop.refund(payment, "12.00")
    lost, trade = Refund.objects.get(), shop.alipay.trades[payment.out_trade_no]
    shop.alipay.fail_next(REFUND)
    shop.refund(payment, "12.00")
    trade.refunds[lost.out_request_no] = Decimal("12.00")

    shop.notify(shop.alipay.notice(trade, refund=lost.out_request_no))

    assert fresh(lost).status == 4 and fresh(payment).refunded_amount == 0
    assert SecurityEvent.objects.get().kind == "refund_without_room"
