"""Reads, and who may see or do what. Rows come out as dicts where a list is hot, as Order where a command
follows.

Room: queries only. Nothing here changes a row or calls another process.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, Sum

from common import clock
from common.errors import PermissionRefused
from common.money import format_amount
from common.web.converters import Ref
from order.errors import OrderNotFound
from order.listing import ROW_FIELDS, Listing, order_rows, with_items
from order.models import (
    LogisticsEvent,
    Order,
    OrderOutbox,
    OrderPayment,
    OrderSaga,
    OrderTransition,
    ProductStock,
    StockPush,
)
from order.states import OrderStatus, PaymentStatus, PushState, StockState, shown_status

BUYER, SELLER, OPERATOR = "buyer", "seller", "operator"

# What each part in an order may do to it. Seeing it is no permission to act on it.
WHO_MAY: dict[str, frozenset[str]] = {
    "read": frozenset({BUYER, SELLER, OPERATOR}),
    "edit": frozenset({BUYER}),
    "pay": frozenset({BUYER}),
    "cancel": frozenset({BUYER, OPERATOR}),
    "ship": frozenset({SELLER, OPERATOR}),
    "complete": frozenset({BUYER, OPERATOR}),
    "hide": frozenset({BUYER, SELLER}),
}

STATUS_FILTERS: dict[str, frozenset[OrderStatus] | None] = {
    "all": None,
    "pending_payment": frozenset({OrderStatus.PENDING_PAYMENT}),
    "paid": frozenset({OrderStatus.PAID, OrderStatus.CANCELLING}),
    "completed": frozenset({OrderStatus.COMPLETED}),
    "cancelled": frozenset({OrderStatus.CANCELLED}),
}
STATUS_FILTERS |= {
    str(number): STATUS_FILTERS[name]
    for number, name in enumerate(("pending_payment", "paid", "completed", "cancelled"))
}

SORTS = {
    "created_desc": ("-created_at", "-id"),
    "created_asc": ("created_at", "id"),
    "amount_desc": ("-total_amount", "-id"),
    "amount_asc": ("total_amount", "id"),
}

PRIVATE_FIELDS = ("shipping_name", "shipping_phone", "shipping_address", "shipping_postal_code")

RECENT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Viewer:
    """The person who asks. An operator sees every order."""

    user_uuid: UUID
    is_operator: bool = False

    @property
    def actor(self) -> str:
        return f"user:{self.user_uuid}"


def _by_ref(ref: Ref) -> Q:
    field = {"uuid": "order_uuid", "number": "order_id", "id": "id"}[ref.kind]
    return Q(**{field: ref.value})


def visible_to(viewer: Viewer) -> Q:
    """Orders `viewer` takes part in and has not removed from their list; all of them for an operator."""
    if viewer.is_operator:
        return Q()
    bought = Q(buyer_uuid=viewer.user_uuid, hidden_by_buyer=False)
    sold = Q(seller_uuid=viewer.user_uuid, hidden_by_seller=False)
    return bought | sold


def parts_of(order: Order, viewer: Viewer) -> frozenset[str]:
    """The parts `viewer` plays in `order`."""
    parts = {BUYER} if order.buyer_uuid == viewer.user_uuid else set()
    parts |= {SELLER} if order.seller_uuid == viewer.user_uuid else set()
    return frozenset(parts | ({OPERATOR} if viewer.is_operator else set()))


def order_get_for(ref: Ref, viewer: Viewer, action: str = "read") -> Order:
    """The order `viewer` may do `action` to.

    Raises OrderNotFound when it is unknown or not theirs, PermissionRefused when they see it but may not act.
    """
    order = Order.objects.filter(_by_ref(ref)).filter(visible_to(viewer)).first()
    if order is None:
        raise OrderNotFound
    if not parts_of(order, viewer) & WHO_MAY[action]:
        raise PermissionRefused
    return order


def order_detail_for(ref: Ref, viewer: Viewer) -> dict[str, Any]:
    """One order with its items, two queries. Raises OrderNotFound."""
    return _detail(_by_ref(ref) & visible_to(viewer))


def order_detail(order_uuid: UUID) -> dict[str, Any]:
    """One order with its items for whoever already passed a check. Raises OrderNotFound."""
    return _detail(Q(order_uuid=order_uuid))


def order_facts(ref: Ref) -> dict[str, Any]:
    """One order with its items for siblings: no address is read or decrypted. Raises OrderNotFound."""
    fields = [name for name in ROW_FIELDS if name not in PRIVATE_FIELDS]
    return _detail(_by_ref(ref), [*fields, "shipping_address_index"])


def order_snapshot(order_uuid: UUID) -> dict[str, Any]:
    """What a call to the payment service carries about the order: plain JSON, amounts as text. Raises
    OrderNotFound.
    """
    return snapshot_of(order_facts(Ref("uuid", order_uuid)), format_amount)


def snapshot_of(row: dict[str, Any], money: Callable[[Decimal], Any]) -> dict[str, Any]:
    """`row` in the shape of the internal read: ids, states and amounts, each amount passed through
    `money`.
    """
    amounts = ("total_amount", "payable_amount", "paid_amount", "refunded_amount")
    return {
        **{name: str(row[name]) for name in ("order_uuid", "order_id", "buyer_uuid", "seller_uuid")},
        **{name: money(row[name]) for name in amounts},
        "id": row["id"],
        "status": int(shown_status(row["status"])),
        "cancelling": is_ending(row),
        "fulfilment_status": row["fulfilment_status"],
        "payment_status": PaymentStatus(row["payment_status"]).name.lower(),
        "payment_method": row["payment_method"],
        "version": row["version"],
        # Risk control compares addresses without ever seeing one.
        "address_index": row["shipping_address_index"] or None,
        "created_at": clock.rfc3339(row["created_at"]),
        "expires_at": clock.rfc3339(row["expires_at"]),
        "items": [_snapshot_item(item, money) for item in row["items"]],
    }


def _snapshot_item(item: dict[str, Any], money: Callable[[Decimal], Any]) -> dict[str, Any]:
    return {
        "product_uuid": str(item["product_uuid"]),
        "product_name": item["product_name"],
        "price": money(item["price"]),
        "quantity": item["quantity"],
    }


def is_ending(row: dict[str, Any]) -> bool:
    """Whether a cancellation or expiry is under way: no new payment may start."""
    return row["status"] == OrderStatus.CANCELLING or bool(row["closing_key"])


def _detail(where: Q, fields: Iterable[str] = ROW_FIELDS) -> dict[str, Any]:
    rows = Order.objects.values(*fields) if fields is not ROW_FIELDS else order_rows()
    row = rows.filter(where).first()
    if row is None:
        raise OrderNotFound
    return with_items([row])[0]


def orders_bought_by(
    user_uuid: UUID, *, statuses: frozenset[OrderStatus] | None, sort: tuple[str, ...]
) -> Listing:
    """A buyer's list."""
    return Listing(BUYER, user_uuid, statuses, sort)


def orders_sold_by(
    user_uuid: UUID, *, statuses: frozenset[OrderStatus] | None, sort: tuple[str, ...]
) -> Listing:
    """A seller's list."""
    return Listing(SELLER, user_uuid, statuses, sort)


def order_stats(user_uuid: UUID) -> dict[str, Any]:
    """Counts and sums of a buyer's orders, one query. Amounts count what was paid for and not cancelled."""
    paid = Q(status__in=[OrderStatus.PAID, OrderStatus.CANCELLING])
    spent = paid | Q(status=OrderStatus.COMPLETED)
    recent = Q(created_at__gte=clock.now() - RECENT)
    stats = Order.objects.filter(buyer_uuid=user_uuid, hidden_by_buyer=False).aggregate(
        total_orders=Count("id"),
        pending_payment=Count("id", filter=Q(status=OrderStatus.PENDING_PAYMENT)),
        paid_orders=Count("id", filter=paid),
        completed_orders=Count("id", filter=Q(status=OrderStatus.COMPLETED)),
        cancelled_orders=Count("id", filter=Q(status=OrderStatus.CANCELLED)),
        # Not called total_amount here: Django would take the sum for the column in the sum after it.
        spent_amount=Sum("total_amount", filter=spent),
        recent_orders=Count("id", filter=recent),
        recent_amount=Sum("total_amount", filter=recent & spent),
    )
    stats["total_amount"] = stats.pop("spent_amount")
    return stats


def order_by_uuid(order_uuid: UUID) -> Order:
    """The order for a service function, its address left encrypted until asked for. Raises OrderNotFound."""
    order = Order.objects.defer(*PRIVATE_FIELDS).filter(order_uuid=order_uuid).first()
    if order is None:
        raise OrderNotFound
    return order


def payment_of(payment_uuid: UUID) -> OrderPayment | None:
    """What we know of one payment attempt."""
    return OrderPayment.objects.filter(payment_uuid=payment_uuid).first()


def stock_to_push(at: datetime, limit: int) -> list[UUID]:
    """Products with something to send, or something sent whose fate is open."""
    rows = ProductStock.objects.filter(state=StockState.OK, push_after__lte=at)
    due = rows.exclude(unsent=0, in_flight=0).order_by("push_after")
    return list(due.values_list("product_uuid", flat=True)[:limit])


def open_push(product_uuid: UUID) -> StockPush | None:
    """The delta that was sent and not yet decided."""
    return StockPush.objects.filter(product_uuid=product_uuid, state=PushState.INTENDED).first()


def stock_parked() -> list[ProductStock]:
    """Products that wait for an operator."""
    return list(ProductStock.objects.filter(state=StockState.UNKNOWN).order_by("product_uuid"))


def stock_seen(product_uuids: Collection[UUID]) -> dict[UUID, ProductStock]:
    """Our stock rows of these products, as they are before the neighbour is asked."""
    return ProductStock.objects.in_bulk(list(product_uuids))


def orders_to_expire(at: datetime, limit: int) -> list[UUID]:
    """Pending orders past their time that nothing is ending yet, oldest first."""
    due = Order.objects.filter(status=OrderStatus.PENDING_PAYMENT, expires_at__lte=at, closing_key="")
    return list(due.order_by("expires_at").values_list("order_uuid", flat=True)[:limit])


def orders_to_complete(at: datetime, limit: int) -> list[UUID]:
    """Delivered orders whose buyer never confirmed, past their time."""
    due = Order.objects.filter(status=OrderStatus.PAID, auto_complete_at__lte=at)
    return list(due.order_by("auto_complete_at").values_list("order_uuid", flat=True)[:limit])


def orders_on_their_way(at: datetime, limit: int) -> list[Order]:
    """Shipped orders whose next simulated report is due, their addresses left encrypted: one that no key
    opens must not stop the others.
    """
    due = Order.objects.defer(*PRIVATE_FIELDS).filter(logistics_due_at__lte=at)
    return list(due.order_by("logistics_due_at")[:limit])


def logistics_of(order_uuid: UUID) -> list[dict[str, Any]]:
    """The carrier's reports, oldest first."""
    reports = LogisticsEvent.objects.filter(order_uuid=order_uuid).order_by("status")
    return list(reports.values("status", "description", "location", "occurred_at"))


def transitions_of(order_uuid: UUID) -> list[dict[str, Any]]:
    """Every move of every axis, oldest first."""
    moves = OrderTransition.objects.filter(entity_uuid=order_uuid).order_by("created_at", "id")
    return list(
        moves.values("axis", "event", "source", "target", "actor", "reason", "request_id", "created_at")
    )


def events_of(order_uuid: UUID) -> list[OrderOutbox]:
    """The outbox rows about one order, oldest first."""
    return list(OrderOutbox.objects.filter(aggregate_id=order_uuid).order_by("id"))


def sagas_of(order_uuid: UUID) -> list[OrderSaga]:
    """The sagas that ran for one order, oldest first."""
    return list(OrderSaga.objects.filter(entity_uuid=order_uuid).order_by("created_at"))


def saga_by_key(key: str) -> OrderSaga | None:
    """The saga that `closing_key` names."""
    return OrderSaga.objects.filter(key=key).first()
