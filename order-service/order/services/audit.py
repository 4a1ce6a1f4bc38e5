"""What must hold for every order at rest, as a list of differences.

One function for tests, the `audit_orders` command and the runbook. It reads and never mends.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.db.models import Sum

from common.sagas.models import SagaState
from order.events import TOLD_BY
from order.models import (
    Order,
    OrderItem,
    OrderOutbox,
    OrderPayment,
    OrderSaga,
    OrderTransition,
    ProductStock,
    StockHold,
    StockPush,
)
from order.states import (
    OPEN_STATUSES,
    PAID_STATUSES,
    FulfilmentStatus,
    HoldState,
    OrderStatus,
    PaymentStatus,
    PushState,
)

AXES: dict[str, Any] = {
    "status": OrderStatus,
    "fulfilment_status": FulfilmentStatus,
    "payment_status": PaymentStatus,
}
HOLD_OF = {OrderStatus.COMPLETED: HoldState.SOLD, OrderStatus.CANCELLED: HoldState.RELEASED}
UNFINISHED = (SagaState.RUNNING, SagaState.COMPENSATING, SagaState.PARKED)


def audit_orders() -> list[str]:
    """Every difference, one sentence each, naming the order or product. Empty when all is well."""
    orders = list(Order.objects.defer("shipping_name", "shipping_phone", "shipping_address"))
    payments = {payment.payment_uuid: payment for payment in OrderPayment.objects.all()}
    return [
        *_money(orders, payments),
        *_strays(payments),
        *_totals(orders),
        *_history(orders),
        *_told(orders),
        *_closings(orders),
        *_holds(orders),
        *_stock(),
    ]


def assert_orders_are_sound() -> None:
    """Raises AssertionError with all differences."""
    differences = audit_orders()
    assert not differences, "\n".join(differences)


def _money(orders: list[Order], payments: dict[UUID, OrderPayment]) -> Iterator[str]:
    """An order is paid exactly when the payment that covers it is, and its refunds are that payment's."""
    for order in orders:
        is_paid = order.payment_status >= PaymentStatus.PAID
        if order.status in PAID_STATUSES and not is_paid:
            yield f"{order}: is {OrderStatus(order.status).name} without a payment"
        if order.status == OrderStatus.PENDING_PAYMENT and is_paid:
            yield f"{order}: awaits payment although it is paid"
        if order.status == OrderStatus.CANCELLED and is_paid and order.refunded_amount != order.paid_amount:
            yield f"{order}: cancelled with {order.paid_amount - order.refunded_amount} not given back"
        if is_paid:
            yield from _cover(order, payments.get(order.payment_uuid) if order.payment_uuid else None)
        elif order.paid_amount or order.refunded_amount:
            yield f"{order}: unpaid with amounts {order.paid_amount} and {order.refunded_amount}"


def _cover(order: Order, payment: OrderPayment | None) -> Iterator[str]:
    if payment is None or not payment.is_paid or payment.is_stray:
        yield f"{order}: its payment {order.payment_uuid} is unknown, unpaid or stray"
        return
    if not payment.amount == order.paid_amount == order.payable_amount:
        yield f"{order}: payable {order.payable_amount}, paid {order.paid_amount}, payment {payment.amount}"
    if payment.refunded_amount != order.refunded_amount or order.refunded_amount > order.paid_amount:
        yield f"{order}: refunded {order.refunded_amount}, its payment says {payment.refunded_amount}"
    yield from _refund_state(order)


def _refund_state(order: Order) -> Iterator[str]:
    if order.refunded_amount == 0:
        expected = PaymentStatus.PAID
    elif order.refunded_amount < order.paid_amount:
        expected = PaymentStatus.PART_REFUNDED
    else:
        expected = PaymentStatus.REFUNDED
    if order.payment_status != expected:
        yield f"{order}: payment status {order.payment_status}, its amounts say {expected.name}"


def _strays(payments: dict[UUID, OrderPayment]) -> Iterator[str]:
    """Money that covers no order has left again, or a saga sees to it."""
    seen_to = set(OrderSaga.objects.filter(state__in=UNFINISHED).values_list("key", flat=True))
    for payment in payments.values():
        unreturned = payment.is_stray and payment.refunded_amount < payment.amount
        if unreturned and str(payment.payment_uuid) not in seen_to:
            yield f"payment {payment}: stray, {payment.refunded_amount} of {payment.amount} given back"


def _totals(orders: list[Order]) -> Iterator[str]:
    sums: dict[int, Any] = defaultdict(int)
    for order_id, price, quantity in OrderItem.objects.values_list("order_id", "price", "quantity"):
        sums[order_id] += price * quantity
    for order in orders:
        if sums[order.pk] != order.total_amount:
            yield f"{order}: total {order.total_amount}, its items sum to {sums[order.pk]}"


def _history(orders: list[Order]) -> Iterator[str]:
    """Each axis is an unbroken line of moves that ends where the order is."""
    moves: dict[tuple[UUID, str], list[tuple[str, str]]] = defaultdict(list)
    rows = OrderTransition.objects.order_by("id").values_list("entity_uuid", "axis", "source", "target")
    for entity, axis, source, target in rows:
        moves[entity, axis].append((source, target))
    for order in orders:
        for axis, states in AXES.items():
            at = "" if axis == "status" else states(0).name.lower()
            for source, target in moves[order.order_uuid, axis]:
                if source != at:
                    yield f"{order}: {axis} moved from {source or 'nothing'} but was {at or 'nothing'}"
                at = target
            if at != states(getattr(order, axis)).name.lower():
                yield f"{order}: {axis} is {getattr(order, axis)}, its history ends at {at}"


def _told(orders: list[Order]) -> Iterator[str]:
    """Every transition has its outbox row. What a newer release tells besides is its own business."""
    due: Counter[tuple[UUID, str]] = Counter()
    for entity, axis, event in OrderTransition.objects.values_list("entity_uuid", "axis", "event"):
        due[entity, TOLD_BY[axis, event]] += 1
    rows = OrderOutbox.objects.values_list("aggregate_id", "type", "event_id").distinct()
    known = set(TOLD_BY.values())
    told = Counter((aggregate, kind) for aggregate, kind, _ in rows if kind in known)
    names = {order.order_uuid: order.order_id for order in orders}
    for key in due.keys() | told.keys():
        if due[key] != told[key]:
            yield f"{names.get(key[0], key[0])}: {due[key]} transitions need {key[1]}, {told[key]} were told"


def _closings(orders: list[Order]) -> Iterator[str]:
    """An order that is ending has a saga that ends it, or one an operator must look at."""
    living = set(OrderSaga.objects.filter(state__in=UNFINISHED).values_list("key", flat=True))
    for order in orders:
        if order.closing_key and order.closing_key not in living:
            yield f"{order}: is ending by {order.closing_key}, which does not run"
        if order.status == OrderStatus.CANCELLING and not order.closing_key:
            yield f"{order}: is CANCELLING by nobody"


def _holds(orders: list[Order]) -> Iterator[str]:
    """Open orders hold what they contain, completed ones have sold it, cancelled ones gave it back."""
    wanted: Counter[tuple[int, UUID]] = Counter()
    for order_id, product, quantity in OrderItem.objects.values_list("order_id", "product_uuid", "quantity"):
        wanted[order_id, product] += quantity
    held: dict[tuple[UUID, UUID], tuple[int, int]] = {
        (order, product): (quantity, state)
        for order, product, quantity, state in StockHold.objects.values_list(
            "order_uuid", "product_uuid", "quantity", "state"
        )
    }
    by_pk = {order.pk: order for order in orders}
    for (order_pk, product), quantity in wanted.items():
        order = by_pk[order_pk]
        status = OrderStatus(order.status)
        expected = HoldState.HELD if status in OPEN_STATUSES else HOLD_OF[status]
        if held.pop((order.order_uuid, product), None) != (quantity, expected):
            yield f"{order}: {quantity} of {product} should be {expected.name}"
    yield from (f"order {order}: holds {product} that it does not contain" for order, product in held)


def _stock() -> Iterator[str]:
    """Per product: applied pushes + in flight + unsent = minus what is held or sold."""
    taken = _sums(StockHold.objects.exclude(state=HoldState.RELEASED), "quantity")
    applied = _sums(StockPush.objects.filter(state=PushState.APPLIED), "delta")
    intended = _sums(StockPush.objects.filter(state=PushState.INTENDED), "delta")
    for row in ProductStock.objects.all():
        product = row.product_uuid
        if applied[product] + row.in_flight + row.unsent != -taken[product]:
            yield (
                f"product {product}: pushed {applied[product]}, in flight {row.in_flight},"
                f" unsent {row.unsent}, but {taken[product]} are held or sold"
            )
        if row.in_flight != intended[product]:
            yield f"product {product}: in flight {row.in_flight}, open pushes say {intended[product]}"


def _sums(rows: Any, column: str) -> dict[UUID, int]:
    sums = rows.order_by().values_list("product_uuid").annotate(total=Sum(column))
    return defaultdict(int, sums)
