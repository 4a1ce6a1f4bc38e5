"""The local halves of a cancellation; `sagas/cancel.py` puts the remote ones between them.

A pending order is only marked (`closing_key`) until its payment is closed at the provider; a paid one is
CANCELLING until its money is back. `closing_key` names the saga, so that asking twice finds the one that
runs.
"""

from uuid import UUID

from django.db.models import F

from common import clock
from common.transactions import apply_transition, transactional
from order.errors import OrderAlreadyShipped, OrderStateConflict
from order.events import CANCEL_FAILED, CANCELLED, CANCELLING, EXPIRED, order_event
from order.models import Order, OrderTransition
from order.selectors import order_by_uuid
from order.services.stock import stock_release
from order.states import KEY_OF_EDIT, ORDER_MACHINE, FulfilmentStatus, OrderStatus


@transactional
def order_cancel_begin(*, order_uuid: UUID, actor: str, reason: str) -> tuple[str, bool]:
    """Mark the order as ending; returns (saga key, whether it is new: False when one already runs).

    Raises OrderStateConflict for a finished order, OrderAlreadyShipped for a shipped one.
    """
    order = order_by_uuid(order_uuid)
    if order.closing_key.startswith(KEY_OF_EDIT):
        # Over in a moment, and no cancellation to join.
        raise OrderStateConflict(retry_after=1)
    if order.closing_key:
        return order.closing_key, False
    key = f"cancel:{order.order_uuid}:{order.version + 1}"
    if order.status == OrderStatus.PENDING_PAYMENT:
        order_close_mark(order, key=key, reason=reason)
    else:
        _begin_paid(order, key=key, actor=actor, reason=reason)
    return key, True


def order_close_mark(order: Order, *, key: str, reason: str) -> None:
    """Forbid new payments of a pending order while its saga closes the living one.

    Raises OrderStateConflict.
    """
    pending = Order.objects.filter(pk=order.pk, status=OrderStatus.PENDING_PAYMENT, closing_key="")
    if not pending.update(
        closing_key=key, cancel_reason=reason, version=F("version") + 1, updated_at=clock.now()
    ):
        raise OrderStateConflict
    order.refresh_from_db()


def _begin_paid(order: Order, *, key: str, actor: str, reason: str) -> None:
    if order.status == OrderStatus.PAID and order.fulfilment_status != FulfilmentStatus.UNSHIPPED:
        raise OrderAlreadyShipped
    apply_transition(
        order,
        "begin_cancel",
        machine=ORDER_MACHINE,
        history=OrderTransition,
        actor=actor,
        reason=reason,
        where={"fulfilment_status": FulfilmentStatus.UNSHIPPED},
        changes={"closing_key": key, "cancel_reason": reason},
        publish=lambda row: [order_event(row, CANCELLING, reason=reason)],
        conflict=OrderStateConflict,
    )


@transactional
def order_cancel_settle(*, order_uuid: UUID, actor: str, event: str = "cancel") -> OrderStatus:
    """After the living payment was closed: end a pending order, or turn a paid one to CANCELLING.

    `event` is cancel or expire; an expiring order that turned out paid goes on as paid. Returns the status
    reached. Precondition: the saga named by `closing_key` calls.
    """
    order = order_by_uuid(order_uuid)
    try:
        _settle(order, event=event, actor=actor)
    except OrderStateConflict:
        # A payment was booked between reading and writing: what is true now decides.
        order.refresh_from_db()
        _settle(order, event=event, actor=actor)
    return OrderStatus(order.status)


def _settle(order: Order, *, event: str, actor: str) -> None:
    if order.status == OrderStatus.PENDING_PAYMENT:
        _end_pending(order, event=event, actor=actor)
    elif order.status == OrderStatus.PAID and event == "expire":
        _reopen(order)
    elif order.status == OrderStatus.PAID:
        _begin_paid(order, key=order.closing_key, actor=actor, reason=order.cancel_reason)


def _end_pending(order: Order, *, event: str, actor: str) -> None:
    told = {"cancel": CANCELLED, "expire": EXPIRED}[event]
    apply_transition(
        order,
        event,
        machine=ORDER_MACHINE,
        history=OrderTransition,
        actor=actor,
        reason=order.cancel_reason,
        changes={"cancelled_at": clock.now(), "closing_key": ""},
        publish=lambda row: [order_event(row, told, reason=row.cancel_reason)],
        conflict=OrderStateConflict,
    )
    stock_release(order.order_uuid)


def _reopen(order: Order) -> None:
    Order.objects.filter(pk=order.pk).update(
        closing_key="", cancel_reason="", version=F("version") + 1, updated_at=clock.now()
    )
    order.refresh_from_db()


@transactional
def order_cancel_abort(*, order_uuid: UUID, actor: str, reason: str) -> None:
    """Undo a cancellation whose refund or close was refused: the order is what it was. Harmless when it
    has ended.
    """
    order = order_by_uuid(order_uuid)
    if order.status == OrderStatus.CANCELLING:
        apply_transition(
            order,
            "abort_cancel",
            machine=ORDER_MACHINE,
            history=OrderTransition,
            actor=actor,
            reason=reason,
            changes={"closing_key": "", "cancel_reason": ""},
            publish=lambda row: [order_event(row, CANCEL_FAILED, reason=reason)],
        )
    elif order.closing_key and order.status in (OrderStatus.PENDING_PAYMENT, OrderStatus.PAID):
        _reopen(order)
