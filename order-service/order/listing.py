"""The hottest reads: a person's orders and the lines of a page, by statements that are written once.

Room: queries only; a part of `order.selectors`, which says who may see what.
"""

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any
from uuid import UUID

from django.db.models import Func, IntegerField, QuerySet

from common.prepared import Statement
from order.models import Order, OrderItem
from order.states import OrderStatus

ROW_FIELDS = (
    "id", "order_uuid", "order_id", "buyer_uuid", "seller_uuid", "status", "fulfilment_status",
    "payment_status", "closing_key", "total_amount", "payable_amount", "paid_amount", "refunded_amount",
    "payment_method", "payment_uuid", "payment_time", "remark", "cancel_reason", "shipping_name",
    "shipping_phone", "shipping_address", "shipping_postal_code", "carrier", "tracking_no", "expires_at",
    "shipped_at", "delivered_at", "completed_at", "cancelled_at", "version", "created_at", "updated_at",
)  # fmt: skip
ITEM_FIELDS = ("product_uuid", "product_id", "product_name", "product_image", "price", "quantity")


@dataclass(frozen=True, slots=True)
class Listing:
    """The orders that a person bought or sold: `count()`, and a slice of rows, by statements written once."""

    part: str
    user_uuid: UUID
    statuses: frozenset[OrderStatus] | None
    sort: tuple[str, ...]

    def count(self) -> int:
        return int(_count_of(self.part, self.statuses).rows(self.user_uuid)[0]["count"])

    def __getitem__(self, window: slice) -> list[dict[str, Any]]:
        page = _page_of(self.part, self.statuses, self.sort, window.start, window.stop)
        return page.rows(self.user_uuid)


# Whoever asks stands here in the statements below.
_SOMEBODY = UUID("5bd0a3a6-5c1e-4d56-9d6b-8f0d3c5a7e11")


@lru_cache(maxsize=256)
def _page_of(
    part: str, statuses: frozenset[OrderStatus] | None, sort: tuple[str, ...], start: int, stop: int
) -> Statement:
    return Statement(_listed(part, statuses).order_by(*sort)[start:stop], [_SOMEBODY])


@lru_cache(maxsize=64)
def _count_of(part: str, statuses: frozenset[OrderStatus] | None) -> Statement:
    # Not Count: this one number is of all rows, and nothing is grouped.
    all_rows = Func(function="COUNT", template="%(function)s(*)", output_field=IntegerField())
    return Statement(_listed(part, statuses).values(count=all_rows), [_SOMEBODY])


def _listed(part: str, statuses: frozenset[OrderStatus] | None) -> QuerySet:
    orders = order_rows().filter(**{f"{part}_uuid": _SOMEBODY, f"hidden_by_{part}": False})
    return orders if statuses is None else orders.filter(status__in=sorted(statuses))


@lru_cache(maxsize=128)
def _items_of(orders: int) -> Statement:
    """The lines of so many orders."""
    stand_ins = [-1 - number for number in range(orders)]
    rows = OrderItem.objects.order_by("id").values("order_id", *ITEM_FIELDS)
    return Statement(rows.filter(order_id__in=stand_ins), stand_ins)


@cache
def order_rows() -> QuerySet:
    # Resolving thirty names costs as much as reading ten rows; a queryset that is filtered is never changed.
    return Order.objects.values(*ROW_FIELDS)


def with_items(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """`rows` with an `items` list each: one query for a whole page."""
    by_order: dict[int, list[dict[str, Any]]] = {row["id"]: row.setdefault("items", []) for row in rows}
    if by_order:
        for item in _items_of(len(by_order)).rows(*by_order):
            by_order[item.pop("order_id")].append(item)
    return rows
