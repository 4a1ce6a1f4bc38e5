"""Payments without a believable answer, late money, and deaths around Alipay's effects."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from common.clock import now
from common.testing.people import ALICE
from payment.models import Payment, PaymentOutbox, Refund, SecurityEvent

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


@pytest.mark.parametrize("how", NOISES)
def test_a_lost_notification_is_found_by_asking(shop: Any, drain: Any, frozen_clock: Any, how: str) -> None:
    payment = shop.pending()
    shop.alipay.pay_url(payment.pay_url)
    shop.alipay.fail_next(QUERY, how=how)

    frozen_clock.move(seconds=61)
    drain()
    assert fresh(payment).status == 0
    frozen_clock.move(seconds=301)
    drain()

    assert fresh(payment).status == 1 and payment.charged_amount == Decimal("12.00")


def test_an_unpaid_attempt_is_closed_at_alipay_when_its_time_is_over(
    shop: Any, drain: Any, frozen_clock: Any
) -> None:
    payment = shop.pending()
    shop.alipay.scan_url(payment.pay_url)

    frozen_clock.move(minutes=31)
    drain()

    assert fresh(payment).status == 3 and payment.living_key is None
    assert shop.alipay.trades[payment.out_trade_no].status == "TRADE_CLOSED"
    assert set(PaymentOutbox.objects.values_list("path", flat=True)) == {
        "/event/payment_failed_cm",
        "/event/inbox",
    }


def test_a_trade_nobody_opened_is_closed_with_us_alone(shop: Any, drain: Any, frozen_clock: Any) -> None:
    payment = shop.pending()

    frozen_clock.move(minutes=31)
    drain()

    assert fresh(payment).status == 3 and shop.alipay.calls_of(CLOSE) == []


def test_while_nobody_can_say_an_expired_attempt_stays_open(shop: Any, drain: Any, frozen_clock: Any) -> None:
    payment = shop.pending()
    shop.alipay.pay_url(payment.pay_url)
    shop.alipay.fail_next(QUERY, times=3)

    frozen_clock.move(minutes=31)
    drain()
    assert fresh(payment).status == 0 and payment.unknown
    polled = shop.api(ALICE).get(f"/api/payment/{payment.order_uuid}/").json()["data"]
    assert polled["status"] == "processing"
    for _ in range(4):
        frozen_clock.move(minutes=20)
        drain()

    assert fresh(payment).status == 1


def test_late_money_goes_back_by_itself_and_the_order_stays_closed(shop: Any, drain: Any) -> None:
    payment = shop.pending()
    shop.api(ALICE).post(f"/api/payment/{payment.payment_uuid}/cancel/", {})
    assert fresh(payment).status == 3
    drain()
    shop.alipay.pay_url(payment.pay_url)  # a screenshot of the QR code, say

    assert shop.notify(shop.alipay.notices.pop()).content == b"success"
    assert fresh(payment).charged_amount == payment.refund_pending_amount == Decimal("12.00")
    data = shop.api(ALICE).get(f"/api/payment/{payment.order_uuid}/").json()["data"]
    assert data["status"] == "processing"
    drain()

    assert fresh(payment).status == 4 and payment.refunded_amount == Decimal("12.00")
    assert shop.alipay.balance(payment.out_trade_no) == 0
    assert Refund.objects.get().source == "late_payment"
    told = set(PaymentOutbox.objects.filter(destination="OrderService").values_list("type", flat=True))
    assert told == {"payment.closed.v1", "payment.refund_succeeded.v1"}


def test_an_order_paid_twice_gives_the_second_money_back(shop: Any, drain: Any) -> None:
    order = shop.order()
    first = shop.pending(order)
    shop.api(ALICE).post(f"/api/payment/{first.payment_uuid}/cancel/", {})
    second = shop.paid(order)
    assert second.payment_uuid != first.payment_uuid

    shop.alipay.pay_url(first.pay_url)
    shop.notify(shop.alipay.notices.pop())
    drain()

    assert fresh(second).status == 1 and fresh(first).status == 4
    assert Refund.objects.get().source == "overpayment"
    shown = shop.api(ALICE).get(f"/api/payment/{order.number}/").json()["data"]
    assert shown["payment_uuid"] == str(second.payment_uuid) and shown["status"] == "success"


def test_late_money_cannot_be_asked_back_twice(shop: Any) -> None:
    payment = shop.pending()
    shop.api(ALICE).post(f"/api/payment/{payment.payment_uuid}/cancel/", {})
    shop.alipay.pay_url(payment.pay_url)
    shop.notify(shop.alipay.notices.pop())

    answer = shop.refund(payment, "12.00")

    assert answer.status_code == 422 and Refund.objects.count() == 1


@pytest.mark.parametrize("how", NOISES)
def test_cancelling_without_a_believable_answer_is_503_and_nothing_else(shop: Any, how: str) -> None:
    payment = shop.pending()
    shop.alipay.scan_url(payment.pay_url)
    shop.alipay.fail_next(QUERY, how=how)

    answer = shop.api(ALICE).post(f"/api/payment/{payment.payment_uuid}/cancel/", {})

    assert answer.status_code == 503 and answer.json()["code"] == "6007" and answer["Retry-After"]
    assert fresh(payment).status == 0 and payment.unknown
    assert payment.sync_due_at == now() + timedelta(seconds=5)


def test_paid_between_the_question_and_the_closing_wins(shop: Any) -> None:
    payment = shop.pending()
    shop.alipay.scan_url(payment.pay_url)

    def pay_first(method: str, moment: str) -> None:
        if (method, moment) == (CLOSE, "before"):
            shop.alipay.pay(payment.out_trade_no)

    shop.alipay.on_effect = pay_first

    answer = shop.api(ALICE).post(f"/api/payment/{payment.payment_uuid}/cancel/", {})

    assert answer.status_code == 409 and answer.json()["data"] == {"status": "success"}
    assert fresh(payment).status == 1 and payment.charged_amount == Decimal("12.00")


def test_cancelling_what_is_paid_but_not_yet_told_books_it_instead(shop: Any) -> None:
    payment = shop.pending()
    shop.alipay.pay_url(payment.pay_url)

    answer = shop.service_api("OrderService").post(f"/api/payment/{payment.payment_uuid}/cancel/", {})

    assert answer.status_code == 409 and answer.json()["code"] == "6002"
    assert answer.json()["data"] == {"status": "success"}
    assert fresh(payment).status == 1


def test_cancelling_twice_is_the_same_as_once(shop: Any) -> None:
    payment = shop.pending()
    path = f"/api/payment/{payment.payment_uuid}/cancel/"

    first, second = (shop.api(ALICE).post(path, {}) for _ in range(2))

    assert first.status_code == second.status_code == 200
    assert second.json()["data"]["status"] == "cancelled"
    assert PaymentOutbox.objects.filter(type="payment.closed.v1").count() == 2  # two doors, once


def test_a_query_with_another_amount_books_nothing(shop: Any) -> None:
    payment = shop.pending()
    trade = shop.alipay.pay_url(payment.pay_url)
    trade.amount = Decimal("0.01")

    answer = shop.api(ALICE).get(f"/api/v1/payment/alipay/verify/{payment.out_trade_no}")

    assert answer.status_code == 400
    assert fresh(payment).status == 0 and payment.charged_amount == 0
    assert SecurityEvent.objects.get().kind == "wrong_amount"


def test_silence_about_the_qr_code_leaves_the_page(shop: Any) -> None:
    shop.alipay.fail_next(PRECREATE)

    data = shop.create(shop.order()).json()["data"]

    assert data["payment_data"]["qrcode"] is None and data["payment_data"]["url"]
    assert data["status"] == "pending"


def test_a_qr_payment_waits_for_its_code(shop: Any, drain: Any, frozen_clock: Any) -> None:
    shop.alipay.fail_next(PRECREATE)

    answer = shop.create(shop.order(), payment_method="alipay_qr")

    assert answer.status_code == 202 and answer.json()["data"]["payment_data"] is None
    assert answer.json()["data"]["status"] == "processing"
    frozen_clock.move(seconds=5)
    drain()
    payment = Payment.objects.get()
    assert payment.qr_code and payment.pay_url == "" and not payment.unknown
    shop.alipay.pay_qr(payment.qr_code)
    shop.notify(shop.alipay.notices.pop())
    assert fresh(payment).status == 1


def test_a_provider_that_refuses_the_charge_fails_the_attempt(shop: Any) -> None:
    shop.alipay.refuse_next(PRECREATE, "ACQ.TOTAL_FEE_EXCEED")
    order = shop.order()

    answer = shop.create(order, payment_method="alipay_qr")

    assert answer.status_code == 502 and answer.json()["code"] == "6006"
    assert Payment.objects.get().status == 2
    assert shop.create(order, payment_method="alipay_qr").status_code == 200


class Crash(BaseException):
    """The process dies here: no handler runs, what is committed stays."""


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("method", [REFUND, PRECREATE, CLOSE])
def test_a_death_around_the_providers_effect_converges(
    shop: Any, drain: Any, frozen_clock: Any, method: str, moment: str
) -> None:
    def die(called: str, when: str) -> None:
        if (called, when) == (method, moment):
            shop.alipay.on_effect = lambda *_: None
            raise Crash

    act = _act(shop, method)
    shop.alipay.on_effect = die
    with pytest.raises(Crash):
        act()

    frozen_clock.move(minutes=40)
    for _ in range(3):
        drain()
        frozen_clock.move(minutes=10)
    payment = Payment.objects.get()
    expected = {REFUND: (5, "7.00"), PRECREATE: (3, "0.00"), CLOSE: (3, "0.00")}[method]
    assert (payment.status, f"{shop.alipay.balance(payment.out_trade_no):.2f}") == expected
    assert payment.refund_pending_amount == 0


def _act(shop: Any, method: str) -> Any:
    """Something that makes us call `method`."""
    if method == PRECREATE:
        order = shop.order()
        return lambda: shop.create(order, payment_method="alipay_qr")
    if method == REFUND:
        paid = shop.paid()
        return lambda: shop.refund(paid, "5.00")
    pending = shop.pending()
    shop.alipay.scan_url(pending.pay_url)
    return lambda: shop.api(ALICE).post(f"/api/payment/{pending.payment_uuid}/cancel/", {})


def test_late_money_whose_notification_is_lost_is_found_when_the_cashier_has_ended(
    shop: Any, drain: Any, frozen_clock: Any
) -> None:
    payment = shop.pending()
    assert shop.api(ALICE).post(f"/api/payment/{payment.payment_uuid}/cancel/", {}).status_code == 200
    # Nobody had opened the cashier, so Alipay knew no trade to close: the signed address still works.
    shop.alipay.pay_url(payment.pay_url)
    shop.alipay.notices.clear()

    frozen_clock.move(minutes=31)
    for _ in range(2):
        drain()
        frozen_clock.move(seconds=11)

    assert fresh(payment).status == 4 and payment.refunded_amount == Decimal("12.00")
    assert payment.settles_order is False and payment.sync_due_at is None
    assert shop.alipay.balance(payment.out_trade_no) == 0


@pytest.mark.parametrize("opened", [False, True], ids=["never opened", "closed there"])
def test_a_closed_attempt_is_looked_at_once_more_and_then_left_alone(
    shop: Any, drain: Any, frozen_clock: Any, opened: bool
) -> None:
    payment = shop.pending()
    if opened:
        shop.alipay.scan_url(payment.pay_url)
    shop.api(ALICE).post(f"/api/payment/{payment.payment_uuid}/cancel/", {})
    asked = len(shop.alipay.calls_of(QUERY))

    for _ in range(5):
        frozen_clock.move(minutes=31)
        drain()

    assert len(shop.alipay.calls_of(QUERY)) == asked + 1
    assert fresh(payment).status == 3 and payment.sync_due_at is None


def test_an_address_no_key_opens_any_more_stops_nobodys_money(
    shop: Any, drain: Any, frozen_clock: Any
) -> None:
    """PII_KEYS lost its oldest key: the sweeper, the cashier's notice and the refund need no address."""
    payments = [shop.pending() for _ in range(3)]
    for payment in payments:
        shop.alipay.pay_url(payment.pay_url)
    told = shop.alipay.notices.pop()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE payment SET client_ip = 'nobody reads this'")

    assert shop.notify(told).content == b"success"
    shop.alipay.fail_next(REFUND)
    assert shop.refund(payments[2], "5.00").status_code == 202
    frozen_clock.move(seconds=61)
    drain()

    seen = list(Payment.objects.order_by("id").values_list("status", "charged_amount", "refunded_amount"))
    paid = Decimal("12.00")
    assert sorted(seen) == [(1, paid, 0), (1, paid, 0), (5, paid, Decimal("5.00"))]
