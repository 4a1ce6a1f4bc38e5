"""A life of orders nobody wrote down: hypothesis pays, cancels, refunds, loses answers and repeats notices.

After every step the books add up; at the end, when the noise is over and time has passed, they equal what
Alipay holds, to the cent.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from common.testing.people import ALICE, BOB, OLIVE
from common.testing.provider import FakeAlipay, Refusal
from payment.models import Payment, Refund
from payment.services.audit import check
from payment.states import RefundStatus

pytestmark = pytest.mark.django_db

CALLS = [
    "alipay.trade.precreate",
    "alipay.trade.query",
    "alipay.trade.close",
    "alipay.trade.refund",
    "alipay.trade.fastpay.refund.query",
]
NOISES = ["timeout", "html", "bad_sign", "20000", "system_error", "foreign"]
STARTS = st.sampled_from(["waiting", "given up", "paid unheard", "paid", "shipped"])
AMOUNTS = st.sampled_from(["0.01", "3.33", "5.00", "11.99", "12.00", "12.01"])


class Life(RuleBasedStateMachine):
    """One example: a few orders, and everything that happens to them."""

    def __init__(self, open_shop: Callable[[], Any], clock: Any, drain: Callable[[], None]) -> None:
        super().__init__()
        # Each example is rolled back; the service must not see it as a transaction of its own.
        self.frame = transaction.atomic()
        self.frame._from_testcase = True
        self.frame.__enter__()
        self.shop, self.clock, self.drain = open_shop(), clock, drain
        self.alipay: FakeAlipay = self.shop.alipay
        self.bodies: list[bytes] = []

    @initialize(starts=st.tuples(STARTS, STARTS))
    def orders(self, starts: tuple[str, str]) -> None:
        """Lives begin in the middle: most of what can go wrong needs a payment that is already somewhere."""
        self.known = [self.shop.order(), self.shop.order()]
        for order, start in zip(self.known, starts, strict=True):
            payment = self.shop.pending(order)
            if start == "given up":
                self.shop.api(ALICE).post(f"/api/payment/{payment.payment_uuid}/cancel/", {})
            if start in ("paid", "paid unheard", "shipped"):
                self.alipay.pay_url(payment.pay_url)
            if start in ("paid", "shipped"):
                assert self.shop.notify(self.alipay.notices[-1]).content == b"success"
            if start == "shipped":
                self.known[self.known.index(order)] = self.shop.change(order, fulfilment=1)
        self.collect()

    def payments(self) -> list[Payment]:
        return list(Payment.objects.order_by("id"))

    @rule(index=st.integers(0, 1), method=st.sampled_from(["alipay", "alipay_wap", "alipay_qr"]))
    def create(self, index: int, method: str) -> None:
        answer = self.shop.create(self.known[index], payment_method=method)
        assert answer.status_code in (200, 202, 409, 502), answer.content

    @rule(pick=st.integers(0, 5), scan_only=st.booleans())
    def pay(self, pick: int, scan_only: bool) -> None:
        payments = [p for p in self.payments() if p.pay_url or p.qr_code]
        if not payments:
            return
        payment = payments[pick % len(payments)]
        try:
            if payment.pay_url:
                trade = self.alipay.scan_url(payment.pay_url)
            else:
                trade = self.alipay.scan_qr(payment.qr_code)
            if not scan_only:
                self.alipay.pay(trade.out_trade_no)
        except Refusal:
            pass  # paid, closed or expired already: Alipay's own affair
        self.collect()

    def collect(self) -> None:
        self.bodies += self.alipay.notices
        self.alipay.notices.clear()

    @precondition(lambda self: self.bodies or self.alipay.notices)
    @rule(pick=st.integers(0, 50))
    def deliver(self, pick: int) -> None:
        self.collect()
        if self.bodies:
            assert self.shop.notify(self.bodies[pick % len(self.bodies)]).content == b"success"

    @rule(pick=st.integers(0, 5))
    def cancel(self, pick: int) -> None:
        payments = self.payments()
        if payments:
            path = f"/api/payment/{payments[pick % len(payments)].payment_uuid}/cancel/"
            assert self.shop.api(ALICE).post(path, {}).status_code in (200, 409, 503)

    @rule(pick=st.integers(0, 5), amount=AMOUNTS, person=st.sampled_from([ALICE, BOB, OLIVE]))
    def refund(self, pick: int, amount: str, person: Any) -> None:
        payments = self.payments()
        if payments:
            path = f"/api/payments/{payments[pick % len(payments)].payment_uuid}/refund/"
            answer = self.shop.api(person).post(path, {"refund_amount": amount})
            assert answer.status_code in (200, 202, 409, 422), answer.content

    @rule(index=st.integers(0, 1))
    def ship(self, index: int) -> None:
        self.known[index] = self.shop.change(self.known[index], fulfilment=1)

    @precondition(lambda self: Refund.objects.filter(status=RefundStatus.REQUESTED).exists())
    @rule(verb=st.sampled_from(["approve", "reject"]))
    def decide(self, verb: str) -> None:
        waiting = Refund.objects.filter(status=RefundStatus.REQUESTED).first()
        answer = self.shop.api(BOB).post(f"/api/refunds/{waiting.refund_uuid}/{verb}/", {})
        assert answer.status_code in (200, 202)

    @rule(call=st.sampled_from(CALLS), how=st.sampled_from(NOISES), after=st.booleans())
    def lose_an_answer(self, call: str, how: str, after: bool) -> None:
        self.alipay.fail_next(call, how=how, after=after)

    @rule(code=st.sampled_from(["ACQ.SELLER_BALANCE_NOT_ENOUGH", "ACQ.TRADE_NOT_ALLOW_REFUND"]))
    def refuse_a_refund(self, code: str) -> None:
        self.alipay.refuse_next("alipay.trade.refund", code)

    @rule(seconds=st.sampled_from([1, 6, 61, 400, 2_000]))
    def time_passes(self, seconds: int) -> None:
        self.clock.move(seconds=seconds)
        self.drain()

    @invariant()
    def the_books_add_up(self) -> None:
        check()

    def teardown(self) -> None:
        try:
            self.settle()
        finally:
            transaction.set_rollback(True)
            self.frame.__exit__(None, None, None)

    def settle(self) -> None:
        """The noise is over: whatever is open is found out, and equals what Alipay holds."""
        self.alipay.heal()
        self.collect()
        for body in self.bodies:
            assert self.shop.notify(body).content == b"success"
        for _ in range(6):
            self.clock.move(hours=12)
            self.drain()
        check()
        assert not Refund.objects.filter(status=RefundStatus.PROCESSING).exists()
        for payment in self.payments():
            held = payment.charged_amount - payment.refunded_amount
            assert held == self.alipay.balance(payment.out_trade_no), payment
        for order in self.known:
            rows = Payment.objects.filter(order_uuid=order.uuid)
            assert sum(row.charged_amount - row.refunded_amount for row in rows) <= Decimal("12.00")


def test_whatever_happens_the_books_equal_alipays(
    shop: Any, frozen_clock: Any, drain: Any, open_shop: Callable[[], Any]
) -> None:
    run_state_machine_as_test(
        lambda: Life(open_shop, frozen_clock, drain),
        settings=settings(
            max_examples=40,
            stateful_step_count=30,
            # Shrinking a life costs minutes; its thirty steps, printed, tell enough.
            phases=[Phase.generate],
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
