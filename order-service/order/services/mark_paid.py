"""What the payment service says, put to the order: authorized, paid, failed, refunded.

Facts arrive late, twice and out of order, so they are first merged into our row of that payment (which
only grows), then the order is moved to where the facts say it must be. Running it again changes nothing.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import F
from django.db.models.functions import Greatest

from common import clock
from common.errors import StateConflict
from common.log import get_logger
from common.transactions import apply_transition, transactional
from order.events import AUTHORIZED, CANCELLED, PAID, PURCHASED, REFUNDED, VOIDED, order_event
from order.models import Order, OrderPayment, OrderTransition
from order.selectors import order_by_uuid
from order.services.stock import stock_release
from order.states import (
    ORDER_MACHINE,
    PAYMENT_MACHINE,
    FulfilmentStatus,
    OrderStatus,
    PaymentStatus,
)

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PaymentFacts:
    """One payment as the payment service tells it (CNY, two places).

    `refunded_amount` is the total so far.
    """

    payment_uuid: UUID
    order_uuid: UUID
    amount: Decimal
    refunded_amount: Decimal = Decimal("0.00")
    is_paid: bool = False
    is_authorized: bool = False
    failure: str = ""
    version: int = 0
    paid_at: datetime | None = None


@transactional
def payment_learn(*, facts: PaymentFacts, actor: str) -> bool:
    """Merge `facts` and move the order accordingly.

    True when this payment turned out to be stray just now: it was paid, but does not cover the order
    (cancelled, paid otherwise, or another amount), so the caller must start giving it back.
    Raises OrderNotFound.
    """
    order = order_by_uuid(facts.order_uuid)
    payment = _merge(facts)
    if payment.is_paid and not _cover(order, payment, facts, actor):
        return OrderPayment.objects.filter(pk=payment.pk, is_stray=False).update(is_stray=True) == 1
    if not payment.is_paid:
        _authorization(order, payment, actor)
    elif payment.refunded_amount > order.refunded_amount:
        _refunded(order, payment, actor)
    return False


def _merge(facts: PaymentFacts) -> OrderPayment:
    row, _ = OrderPayment.objects.get_or_create(
        payment_uuid=facts.payment_uuid,
        defaults={"order_uuid": facts.order_uuid, "amount": facts.amount},
    )
    changes = {
        "refunded_amount": Greatest(F("refunded_amount"), facts.refunded_amount),
        "last_version": Greatest(F("last_version"), facts.version),
        "updated_at": clock.now(),
    }
    changes |= {name: True for name in ("is_paid", "is_authorized") if getattr(facts, name)}
    if facts.failure and facts.version >= row.last_version:
        changes["failure"] = facts.failure[:255]
    OrderPayment.objects.filter(pk=row.pk).update(**changes)
    row.refresh_from_db()
    return row


def _cover(order: Order, payment: OrderPayment, facts: PaymentFacts, actor: str) -> bool:
    """Let `payment` pay the order; False when it is stray."""
    if payment.is_stray:
        return False
    if payment.amount == order.payable_amount:
        try:
            _capture(order, payment, facts.paid_at, actor)
        except StateConflict:
            # Lost to a cancellation or to another payment, or it already happened: look again.
            order.refresh_from_db()
    return order.payment_uuid == payment.payment_uuid and order.payment_status >= PaymentStatus.PAID


def _capture(order: Order, payment: OrderPayment, paid_at: datetime | None, actor: str) -> None:
    apply_transition(
        order,
        "capture",
        machine=PAYMENT_MACHINE,
        history=OrderTransition,
        actor=actor,
        field="payment_status",
        where={"status": OrderStatus.PENDING_PAYMENT},
        changes={
            "payment_uuid": payment.payment_uuid,
            "paid_amount": payment.amount,
            "payment_time": paid_at or clock.now(),
        },
    )
    apply_transition(
        order,
        "pay",
        machine=ORDER_MACHINE,
        history=OrderTransition,
        actor=actor,
        publish=lambda row: [order_event(row, PAID), order_event(row, PURCHASED)],
    )


def _authorization(order: Order, payment: OrderPayment, actor: str) -> None:
    """A card authorization holds money without moving it: noted on the payment axis, taken back when it
    fails.
    """
    is_ours = order.payment_uuid == payment.payment_uuid
    if payment.failure and is_ours and order.payment_status == PaymentStatus.AUTHORIZED:
        _move_payment(order, "void", VOIDED, actor, {"payment_uuid": None}, payment.failure)
    elif payment.is_authorized and not payment.failure and _awaits_payment(order):
        _move_payment(order, "authorize", AUTHORIZED, actor, {"payment_uuid": payment.payment_uuid})


def _awaits_payment(order: Order) -> bool:
    return order.status == OrderStatus.PENDING_PAYMENT and order.payment_status == PaymentStatus.UNPAID


def _refunded(order: Order, payment: OrderPayment, actor: str) -> None:
    whole = payment.refunded_amount >= order.paid_amount
    changes = {"refunded_amount": payment.refunded_amount}
    _move_payment(order, "refund_whole" if whole else "refund_part", REFUNDED, actor, changes)
    # What was shipped stays shipped: only an order that never left ends with its money.
    if whole and order.fulfilment_status == FulfilmentStatus.UNSHIPPED:
        _end_refunded(order, actor)


def _end_refunded(order: Order, actor: str) -> None:
    if not ORDER_MACHINE.allows(OrderStatus(order.status), "refund"):
        return
    apply_transition(
        order,
        "refund",
        machine=ORDER_MACHINE,
        history=OrderTransition,
        actor=actor,
        reason=order.cancel_reason,
        where={"fulfilment_status": FulfilmentStatus.UNSHIPPED},
        changes={"cancelled_at": clock.now(), "closing_key": ""},
        publish=lambda row: [order_event(row, CANCELLED, reason=row.cancel_reason)],
    )
    stock_release(order.order_uuid)


def _move_payment(
    order: Order, event: str, told: str, actor: str, changes: dict[str, object], reason: str = ""
) -> None:
    apply_transition(
        order,
        event,
        machine=PAYMENT_MACHINE,
        history=OrderTransition,
        actor=actor,
        reason=reason,
        field="payment_status",
        changes=changes,
        publish=lambda row: [order_event(row, told, reason=reason)],
    )
