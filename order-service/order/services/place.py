"""Place an order: server prices, snapshot of the goods, stock held, all in one local transaction."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import IntegrityError

from common import clock
from common.idempotency.claim import bind
from common.live_settings import live
from common.money import parse_amount
from common.pii import blind_index
from common.transactions import record_created, transactional
from order.events import CREATED, order_event
from order.models import Order, OrderItem, OrderTransition
from order.services.stock import StockRead, stock_learn, stock_reserve
from order.states import ORDER_MACHINE


@dataclass(frozen=True, slots=True)
class Line:
    """One product as its seller offers it now (CNY, two places), and how many the buyer wants."""

    product_uuid: UUID
    product_id: str
    product_name: str
    product_image: str
    price: Decimal
    quantity: int


@dataclass(frozen=True, slots=True)
class Shipping:
    """Where the goods go. Plain here, ciphertext in the table."""

    name: str
    phone: str
    address: str
    postal_code: str = ""


NUMBER_TRIES = 5


def order_place(
    *,
    buyer_uuid: UUID,
    seller_uuid: UUID,
    lines: Sequence[Line],
    reads: Sequence[StockRead],
    shipping: Shipping,
    payment_method: int = 0,
    remark: str = "",
    number: Callable[[], str] | None = None,
) -> Order:
    """Create the order with its items and holds, history and `order.created.v1`.

    Precondition: `lines` carry the prices of ProductService, one line per product.
    Raises StockShort or StockUnknown (nothing is kept), InvalidAmount when the sum passes ORDER_MAX_AMOUNT.
    """
    draw = number or new_order_number
    for tries_left in reversed(range(NUMBER_TRIES)):
        try:
            return _place(
                buyer_uuid,
                seller_uuid,
                lines,
                reads,
                shipping,
                payment_method=payment_method,
                remark=remark,
                order_id=draw(),
            )
        except IntegrityError as error:
            # Another order has the number: take another number.
            if "order_id" not in str(error) or not tries_left:
                raise
    raise AssertionError("unreachable")


@transactional
def _place(
    buyer_uuid: UUID,
    seller_uuid: UUID,
    lines: Sequence[Line],
    reads: Sequence[StockRead],
    shipping: Shipping,
    **columns: Any,
) -> Order:
    order = _new_order(buyer_uuid, seller_uuid, lines, shipping, **columns)
    # The order first: of two tries with one idempotency key the second stops here, before it holds stock.
    order.save(force_insert=True)
    bind("order", order.order_uuid)
    OrderItem.objects.bulk_create(_item(order, line) for line in lines)
    stock_learn(reads)
    stock_reserve(order.order_uuid, {line.product_uuid: line.quantity for line in lines})
    record_created(
        order,
        machine=ORDER_MACHINE,
        history=OrderTransition,
        actor=f"user:{buyer_uuid}",
        event="place",
        publish=[order_event(order, CREATED)],
    )
    return order


def new_order_number() -> str:
    """`CFMP`, the Shanghai date and 8 random digits: tells no volume; the unique index settles a
    collision.
    """
    return f"CFMP{clock.shanghai_date():%Y%m%d}{secrets.randbelow(10**8):08d}"


def _new_order(
    buyer_uuid: UUID, seller_uuid: UUID, lines: Sequence[Line], shipping: Shipping, **columns: Any
) -> Order:
    total = sum((line.price * line.quantity for line in lines), Decimal(0))
    total = parse_amount(total, field="products", maximum=live().order_max_amount)
    return Order(
        buyer_uuid=buyer_uuid,
        seller_uuid=seller_uuid,
        total_amount=total,
        payable_amount=total,
        headline=_headline(lines),
        expires_at=clock.now() + timedelta(minutes=live().order_expire_minutes),
        **shipping_columns(shipping),
        **columns,
    )


def shipping_columns(shipping: Shipping) -> dict[str, str]:
    """The columns an address fills, with the indexes that find a phone or an address again."""
    return {
        "shipping_name": shipping.name,
        "shipping_phone": shipping.phone,
        "shipping_address": shipping.address,
        "shipping_postal_code": shipping.postal_code,
        "shipping_phone_index": blind_index(shipping.phone) if shipping.phone else "",
        "shipping_address_index": blind_index(shipping.address) if shipping.address else "",
        "shipping_phone_last4": shipping.phone[-4:],
    }


def _headline(lines: Sequence[Line]) -> str:
    first = lines[0].product_name[:200]
    return first if len(lines) == 1 else f"{first} 等{len(lines)}种商品"


def _item(order: Order, line: Line) -> OrderItem:
    return OrderItem(
        order=order,
        product_uuid=line.product_uuid,
        product_id=line.product_id,
        product_name=line.product_name,
        product_image=line.product_image,
        price=line.price,
        quantity=line.quantity,
    )
