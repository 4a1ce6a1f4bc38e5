"""Small changes by the people of an order: address and remark while it is pending, and removing it from a
list.
"""

from typing import Any
from uuid import UUID

from django.db.models import F

from common import clock
from common.transactions import transactional
from order.errors import OrderNotEditable, OrderNotFinal
from order.models import Order
from order.selectors import BUYER, SELLER, order_by_uuid
from order.services.place import Shipping, shipping_columns
from order.states import FINAL_STATUSES, OrderStatus


@transactional
def order_edit(*, order_uuid: UUID, changes: dict[str, Any]) -> Order:
    """Change `shipping_*`, `remark` or `payment_method` of a pending order. Raises OrderNotEditable."""
    order = order_by_uuid(order_uuid)
    columns: dict[str, Any] = {
        name: changes[name] for name in ("remark", "payment_method") if name in changes
    }
    if any(name.startswith("shipping_") for name in changes):
        columns |= shipping_columns(_shipping(order, changes))
    pending = Order.objects.filter(pk=order.pk, status=OrderStatus.PENDING_PAYMENT, closing_key="")
    if not pending.update(**columns, version=F("version") + 1, updated_at=clock.now()):
        raise OrderNotEditable
    order.refresh_from_db()
    return order


def _shipping(order: Order, changes: dict[str, Any]) -> Shipping:
    names = ("name", "phone", "address", "postal_code")
    return Shipping(
        **{name: changes.get(f"shipping_{name}", getattr(order, f"shipping_{name}")) for name in names}
    )


@transactional
def order_hide(*, order_uuid: UUID, parts: frozenset[str]) -> None:
    """Take a finished order off the list of the parts given (buyer, seller); it stays for everybody else.

    Raises OrderNotFinal while something may still happen to it.
    """
    hidden = {f"hidden_by_{part}": True for part in parts & {BUYER, SELLER}}
    finished = Order.objects.filter(order_uuid=order_uuid, status__in=FINAL_STATUSES)
    if not finished.update(**hidden, updated_at=clock.now()):
        raise OrderNotFinal
