"""Several at once: eight notices, two payers, refund against refund, cancel against notify.

Each guard is first shown to be needed: the careless way, written out here, loses on this very database.
"""

from __future__ import annotations

import threading
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from common.ids import new_uuid
from common.testing.people import ALICE
from common.testing.race import race
from payment.models import Payment, PaymentEvent, PaymentOutbox, Refund

pytestmark = pytest.mark.django_db(transaction=True)
CROWD = 8


def fresh(row: Any) -> Any:
    """`row` as the database has it."""
    row.refresh_from_db()
    return row


def statuses(answers: list[Any]) -> Counter[int]:
    """How often each HTTP status was answered; an exception is a failure."""
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return Counter(answer.status_code for answer in answers)


@pytest.mark.breaks_invariants
def test_without_the_version_two_refunds_both_hold_the_whole_amount(shop: Any) -> None:
    payment, together = shop.paid(), threading.Barrier(2)

    def careless() -> bool:
        row = Payment.objects.get(pk=payment.pk)
        enough = row.refundable_amount >= Decimal("12.00")
        together.wait()
        if enough:
            row.refund_pending_amount += Decimal("12.00")
            row.save(update_fields=["refund_pending_amount"])
        return enough

    # The race is real here: both were told that there is enough.
    assert race([careless, careless]) == [True, True]


def test_of_eight_refunds_of_the_whole_amount_one_is_paid_back(shop: Any) -> None:
    payment = shop.paid()

    answers = race([lambda: shop.refund(payment, "12.00")] * CROWD)

    # Who comes while it is under way is told of the same one: a double click.
    assert set(statuses(answers)) <= {200, 409, 422}
    assert len({answer.json()["data"]["refund_id"] for answer in answers if answer.status_code == 200}) == 1
    assert fresh(payment).refunded_amount == Decimal("12.00") and payment.status == 4
    assert shop.alipay.balance(payment.out_trade_no) == 0
    assert len(shop.alipay.trades[payment.out_trade_no].refunds) == 1


def test_refunds_that_fit_all_fit(shop: Any) -> None:
    """The buyer's one wish at a time does not bind the seller."""
    from common.testing.people import BOB

    payment = shop.paid()

    wishes = [
        lambda number=number: shop.refund(payment, "1.50", person=BOB, refund_reason=f"piece {number}")
        for number in range(CROWD)
    ]

    answers = race(wishes)

    counted = statuses(answers)
    assert set(counted) <= {200, 409}
    assert fresh(payment).refunded_amount == Decimal("1.50") * counted[200]
    assert payment.refund_pending_amount == 0
    assert shop.alipay.balance(payment.out_trade_no) == Decimal("12.00") - payment.refunded_amount


def test_without_the_lease_the_version_still_decides(shop: Any) -> None:
    """The lease is politeness. Here nobody is polite."""
    from payment.services.refund import refund_request
    from payment.states import RefundSource

    payment = shop.paid()

    def grab(number: int) -> Any:
        row = Payment.objects.get(pk=payment.pk)
        return refund_request(
            payment=row,
            amount=Decimal("5.00"),
            reason=f"race {number}",
            source=RefundSource.SELLER,
            actor="test",
            approved=False,
        )

    results = race([lambda number=number: grab(number) for number in range(CROWD)])

    won = [result for result in results if isinstance(result, Refund)]
    assert len(won) == 2 and fresh(payment).refund_pending_amount == Decimal("10.00")
    assert {type(result).__name__ for result in results} == {"Refund", "RefundExceedsPayment"}


def test_eight_equal_notices_at_once_are_one_charge(shop: Any) -> None:
    payment = shop.pending()
    shop.alipay.pay_url(payment.pay_url)
    body = shop.alipay.notices.pop()

    answers = race([lambda: shop.notify(body)] * CROWD)

    assert [answer.content for answer in answers] == [b"success"] * CROWD
    assert PaymentEvent.objects.filter(payment=payment, kind="charge_success").count() == 1
    assert PaymentOutbox.objects.filter(type="payment.succeeded.v1").count() == 2  # two doors


def test_eight_notices_of_the_same_fact_are_one_charge(shop: Any) -> None:
    """As equal ones, but each with a `notify_id` of its own."""
    payment = shop.pending()
    trade = shop.alipay.pay_url(payment.pay_url)
    bodies = [shop.alipay.notice(trade) for _ in range(CROWD)]

    answers = race([lambda body=body: shop.notify(body) for body in bodies])

    assert [answer.content for answer in answers] == [b"success"] * CROWD
    assert fresh(payment).charged_amount == Decimal("12.00")
    assert PaymentEvent.objects.filter(payment=payment, kind="charge_success").count() == 1


def test_notices_queries_and_the_sweeper_at_once_are_one_charge(shop: Any, frozen_clock: Any) -> None:
    from payment.sagas.sync import sweep_payments

    payment = shop.pending()
    shop.alipay.pay_url(payment.pay_url)
    body = shop.alipay.notices.pop()
    frozen_clock.move(seconds=61)
    query = f"/api/v1/payment/alipay/query/{payment.out_trade_no}"

    race([lambda: shop.notify(body), lambda: shop.api(ALICE).get(query), sweep_payments] * 3)

    assert fresh(payment).status == 1 and payment.sync_due_at is None
    assert PaymentEvent.objects.filter(payment=payment, kind="charge_success").count() == 1


@pytest.mark.breaks_invariants
def test_without_the_key_two_payers_both_start(shop: Any) -> None:
    order, together = shop.order(), threading.Barrier(2)
    template = shop.pending()

    def careless() -> bool:
        free = not Payment.objects.filter(order_uuid=order.uuid).exists()
        together.wait()
        if free:
            Payment.objects.create(
                order_uuid=order.uuid,
                order_id=order.number,
                user_uuid=order.buyer,
                seller_uuid=order.seller,
                amount=order.amount,
                subject="x",
                expires_at=template.expires_at,
            )
        return free

    assert race([careless, careless]) == [True, True]
    assert Payment.objects.filter(order_uuid=order.uuid).count() == 2


def test_eight_payers_of_one_order_share_one_attempt(shop: Any) -> None:
    order = shop.order()

    answers = race([lambda: shop.create(order)] * CROWD)

    counted = statuses(answers)
    assert set(counted) <= {200, 202} and counted[200] >= 1, counted
    assert len({answer.json()["data"]["payment_uuid"] for answer in answers}) == 1
    assert Payment.objects.count() == 1
    assert len(shop.alipay.calls_of("alipay.trade.precreate")) == 1
    evaluations = shop.wire.calls_to("NotificationService", "POST", "/api/internal/risk/evaluate/")
    assert len(evaluations) == 1


def test_two_attempts_that_are_both_paid_leave_one_payment(shop: Any, drain: Any) -> None:
    order = shop.order()
    first = shop.pending(order)
    shop.api(ALICE).post(f"/api/payment/{first.payment_uuid}/cancel/", {})
    second = shop.pending(order)
    shop.alipay.pay_url(first.pay_url)
    shop.alipay.pay_url(second.pay_url)

    race([lambda body=body: shop.notify(body) for body in shop.alipay.notices[-2:]])
    drain()

    assert fresh(second).status == 1 and fresh(first).status == 4
    assert shop.alipay.balance(first.out_trade_no) == 0
    assert shop.alipay.balance(second.out_trade_no) == Decimal("12.00")


@pytest.mark.parametrize("_round", range(4))
def test_cancel_against_notify_ends_in_one_truth(shop: Any, drain: Any, _round: int) -> None:
    payment = shop.pending()
    shop.alipay.pay_url(payment.pay_url)
    body = shop.alipay.notices.pop()
    path = f"/api/payment/{payment.payment_uuid}/cancel/"

    cancelled, notified = race([lambda: shop.api(ALICE).post(path, {}), lambda: shop.notify(body)])

    # Alipay holds the money, and the question before the closing says so: paid wins, whoever was first.
    assert notified.content == b"success" and cancelled.status_code == 409
    drain()
    assert fresh(payment).status == 1 and payment.charged_amount == Decimal("12.00")


@pytest.mark.parametrize("_round", range(4))
def test_cancel_against_the_buyers_thumb_loses_no_money(shop: Any, drain: Any, _round: int) -> None:
    """The buyer pays while we ask, close and book: paid and ours, or closed and sent back."""
    payment = shop.pending()
    shop.alipay.scan_url(payment.pay_url)
    path = f"/api/payment/{payment.payment_uuid}/cancel/"

    race(
        [
            lambda: shop.api(ALICE).post(path, {}),
            lambda: shop.alipay.pay(payment.out_trade_no),
        ]
    )
    for body in shop.alipay.notices:
        assert shop.notify(body).content == b"success"
    drain()

    held = shop.alipay.balance(payment.out_trade_no)
    assert (fresh(payment).status, held) in {
        (1, Decimal("12.00")),
        (3, Decimal("0.00")),
        (4, Decimal("0.00")),
    }


def test_approve_against_reject_is_one_decision(shop: Any) -> None:
    from common.testing.people import BOB, OLIVE

    order = shop.order()
    payment = shop.paid(order)
    shop.change(order, status=1, fulfilment=1)
    refund_id = shop.refund(payment, "5.00").json()["data"]["refund_id"]

    answers = race(
        [
            lambda: shop.api(BOB).post(f"/api/refunds/{refund_id}/approve/", {}),
            lambda: shop.api(OLIVE).post(f"/api/refunds/{refund_id}/reject/", {}),
        ]
        * 3
    )

    counted = statuses(answers)
    assert counted[200] == 1 and counted[409] == 5, counted
    refund = Refund.objects.get()
    paid_back = Decimal("5.00") if refund.status == 3 else Decimal("0.00")
    assert shop.alipay.balance(payment.out_trade_no) == Decimal("12.00") - paid_back


def test_a_refund_notice_against_the_refunds_own_answer_settles_once(shop: Any) -> None:
    payment = shop.paid()
    shop.alipay.fail_next("alipay.trade.refund", after=True)
    shop.refund(payment, "5.00")
    body, refund = shop.alipay.notices.pop(), Refund.objects.get()
    from payment.sagas.sync import refund_sync

    race([lambda: shop.notify(body), lambda: refund_sync(Refund.objects.select_related("payment").get())] * 3)

    assert fresh(refund).status == 3 and fresh(payment).refunded_amount == Decimal("5.00")
    assert PaymentEvent.objects.filter(kind="refund_success").count() == 1


def test_one_key_eight_times_at_once_is_one_refund(shop: Any) -> None:
    payment, key = shop.paid(), new_uuid()
    order = shop.service_api
    body = {"refund_amount": "5.00", "refund_reason": "order_cancelled"}
    path = f"/api/payment/{payment.order_uuid}/refund/"

    answers = race([lambda: order("OrderService").post(path, body, key=key)] * CROWD)

    counted = statuses(answers)
    assert set(counted) <= {200, 202, 409} and counted[200] >= 1
    assert Refund.objects.count() == 1 and fresh(payment).refunded_amount == Decimal("5.00")


def test_two_workers_send_a_due_refund_once(shop: Any, frozen_clock: Any) -> None:
    from payment.sagas.sync import sweep_refunds

    payment = shop.pending()
    shop.api(ALICE).post(f"/api/payment/{payment.payment_uuid}/cancel/", {})
    shop.alipay.pay_url(payment.pay_url)
    shop.notify(shop.alipay.notices.pop())

    race([sweep_refunds] * 4)

    assert fresh(payment).status == 4 and len(shop.alipay.calls_of("alipay.trade.refund")) == 1


def test_release_against_stop_is_one_decision(shop: Any, drain: Any) -> None:
    from payment.tests.test_risk import decide, decided, held

    payment = held(shop)

    answers = race(
        [lambda: decide(shop, decided(payment, "release")), lambda: decide(shop, decided(payment, "stop"))]
        * 2
    )
    drain()

    outcomes = Counter(answer.json()["data"]["outcome"] for answer in answers)
    assert outcomes["released"] + outcomes["stopped"] == 1 and outcomes["too_late"] == 3
    assert fresh(payment).status == (2 if outcomes["stopped"] else 0)


def test_eight_clicks_on_one_part_are_one_refund(shop: Any) -> None:
    from common.testing.people import BOB

    payment = shop.paid()

    answers = race([lambda: shop.refund(payment, "1.50", person=BOB)] * CROWD)

    counted = statuses(answers)
    # Who waited too long for the others is told to come again.
    assert set(counted) <= {200, 409} and counted[200] >= 1
    assert len({answer.json()["data"]["refund_id"] for answer in answers if answer.status_code == 200}) == 1
    assert fresh(payment).refunded_amount == Decimal("1.50") and Refund.objects.count() == 1
