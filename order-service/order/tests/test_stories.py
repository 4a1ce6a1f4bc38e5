"""Stories that nobody wrote: hypothesis picks what happens next, outages and lost answers included.

After every step the audit is silent. At the end, when everything has healed and settled, the money that
stayed at the payment service and the units that left the shelf are exactly those of the orders that stand.
"""

import os
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from common.errors import PeerBroken, PeerTimeout, PeerUnavailable
from common.service_client import use_transport
from common.testing.clock import FrozenClock
from common.testing.people import ALICE, BOB
from common.testing.transport import FakeTransport
from common.worker import drain
from order.models import Order, OrderSaga
from order.services.audit import audit_orders
from order.tests.world import TEA, World

UNITS = 10
EXAMPLES = 400 if os.environ.get("CFMP_DEEP") else 20
PEERS = st.sampled_from(["PaymentService", "ProductService", "NotificationService"])
FAULTS = st.sampled_from([PeerTimeout, PeerBroken, PeerUnavailable])


class Shop(RuleBasedStateMachine):
    """Alice buys tea from Bob; payments are made, lost, late and refunded; time passes."""

    api: Callable[..., Any]
    service_api: Callable[..., Any]

    def __init__(self) -> None:
        super().__init__()
        for model in apps.get_app_config("order").get_models():
            model.objects.all().delete()  # type: ignore[attr-defined]
        self.clock = FrozenClock()
        self.clock.__enter__()
        self.wire = use_transport(FakeTransport())
        self.world = World(self.wire.__enter__(), self.service_api)
        self.orders: list[dict[str, Any]] = []

    def teardown(self) -> None:
        try:
            self._heal_and_settle()
            self._all_adds_up()
        finally:
            self.wire.__exit__(None, None, None)
            self.clock.__exit__(None, None, None)

    @initialize()
    def open_the_shop(self) -> None:
        """Every story begins with one order paid and one to be paid: the rest is what happens to them."""
        self.place(2, "pay and arrive")
        self.place(1, "pay")

    @staticmethod
    def _one_of(data: Any, rows: list[Any]) -> Any:
        return rows[data.draw(st.integers(0, len(rows) - 1))]

    # what people do

    def _ask(self, person: Any, method: str, order: dict[str, Any], action: str) -> None:
        path = f"/api/orders/{order['order_uuid']}/{action}/"
        answer = self.api(person).request(method, path, {})
        assert answer.status_code in (200, 202, 409, 502, 503, 504), answer.content
        self._sound()

    @rule(quantity=st.integers(1, 4), then=st.sampled_from(["look", "pay", "pay and arrive"]))
    def place(self, quantity: int, then: str) -> None:
        answer = self.api(ALICE).post("/api/orders/", self.world.order_body(quantity=quantity))
        assert answer.status_code in (200, 409, 502, 503, 504), answer.content
        if answer.status_code == 200:
            self.orders.append(answer.json()["data"])
            if then != "look":
                self._ask(ALICE, "POST", self.orders[-1], "pay")
            if then == "pay and arrive" and self.world.payments:
                self._arrive(self.world.payments[-1], told=1)
        self._sound()

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), action=st.sampled_from(["pay", "cancel", "cancel", "complete"]))
    def alice_acts(self, data: Any, action: str) -> None:
        self._ask(ALICE, "POST", self._one_of(data, self.orders), action)

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def bob_ships(self, data: Any) -> None:
        self._ask(BOB, "POST", self._one_of(data, self.orders), "ship")

    # what happens at the payment service

    @precondition(lambda self: self.world.payments)
    @rule(data=st.data(), told=st.integers(0, 2))
    def money_arrives(self, data: Any, told: int) -> None:
        waiting = [paid for paid in self.world.payments if paid.status in ("pending", "cancelled")]
        if waiting:
            self._arrive(self._one_of(data, waiting), told)
        self._sound()

    def _arrive(self, paid: Any, told: int) -> None:
        if paid.status == "cancelled":  # too late: the payment service sends it back by itself
            paid.late = True
            self.world.refund(paid, paid.amount)
            self.world.tell("payment.refund_succeeded.v1", paid, refund_source="late_payment")
        if paid.status == "pending":
            paid.status = "success"
            for _ in range(told):
                assert self.world.tell("payment.succeeded.v1", paid).status_code == 200

    @precondition(lambda self: Order.objects.filter(status=3).exists())
    @rule(data=st.data())
    def money_arrives_for_what_has_ended(self, data: Any) -> None:
        ended = {str(uuid) for uuid in Order.objects.filter(status=3).values_list("order_uuid", flat=True)}
        order = self._one_of(data, [one for one in self.orders if one["order_uuid"] in ended])
        self.world.tell("payment.succeeded.v1", self.world.payment_for(order, status="success"))
        self._sound()

    @precondition(lambda self: self.world.payments)
    @rule(data=st.data(), whole=st.booleans(), told=st.booleans())
    def money_is_refunded(self, data: Any, whole: bool, told: bool) -> None:
        paid = self._one_of(data, self.world.payments)
        left = Decimal(paid.amount) - paid.asked
        if paid.status in ("success", "part_refunded") and left > 1:
            self.world.refund(paid, str(left if whole else Decimal("1.00")))
            if told:
                self.world.tell("payment.refund_succeeded.v1", paid)
        self._sound()

    @rule(outcome=st.sampled_from(["completed", "processing", "failed"]))
    def refunds_will_be(self, outcome: str) -> None:
        self.world.refund_outcome = outcome

    # what goes wrong, and time

    @rule(peer=PEERS, error=FAULTS, after_effect=st.booleans(), times=st.integers(1, 4))
    def a_peer_fails(self, peer: str, error: Any, after_effect: bool, times: int) -> None:
        after = after_effect and error is not PeerUnavailable
        self.world.transport.fail(peer, error=error, times=times, after_effect=after)

    @rule(seconds=st.sampled_from([1, 10, 31, 31, 300, 1900]))
    def time_passes(self, seconds: int) -> None:
        self.clock.move(seconds=seconds)
        drain()
        self._sound()

    # what must hold

    def _sound(self) -> None:
        assert not audit_orders()

    def _heal_and_settle(self) -> None:
        self.world.transport.heal()
        self.world.refund_outcome = "completed"
        for paid in self.world.payments:
            for refund in paid.refunds.values():
                if refund["refund_status"] == "processing":
                    refund["refund_status"] = "completed"
            self.world._settle(paid)
            if paid.status in ("success", "part_refunded", "refunded") and not paid.late:
                self.world.tell("payment.succeeded.v1", paid)
        for _ in range(6):
            self.clock.move(minutes=6)
            drain()
        for paid in self.world.payments:
            if paid.refunded and not paid.late:
                self.world.tell("payment.refund_succeeded.v1", paid)
        for _ in range(6):
            self.clock.move(minutes=6)
            drain()

    def _all_adds_up(self) -> None:
        self._sound()
        unfinished = OrderSaga.objects.exclude(state__in=(2, 3))
        assert not unfinished, [str(row) for row in unfinished]
        kept = {
            str(order.order_uuid): order.paid_amount - order.refunded_amount for order in Order.objects.all()
        }
        for uuid, amount in kept.items():
            mine = [paid for paid in self.world.payments if paid.order_uuid == uuid]
            charged = [one for one in mine if one.status in ("success", "part_refunded", "refunded")]
            there = sum((Decimal(one.amount) - one.refunded for one in charged), Decimal(0))
            assert there == amount, f"{uuid}: {there} at payments, {amount} here"
        standing = Order.objects.exclude(status=3)
        units = sum(item.quantity for order in standing for item in order.items.all())
        assert self.world.goods[TEA].stock == UNITS - units


@pytest.mark.django_db(transaction=True)
def test_whatever_happens_money_and_stock_add_up(api: Any, service_api: Any) -> None:
    Shop.api, Shop.service_api = staticmethod(api), staticmethod(service_api)

    run_state_machine_as_test(
        Shop,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=20,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
