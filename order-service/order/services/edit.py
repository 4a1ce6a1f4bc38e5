"""Small changes by the people of an order: address and remark while it is pending, and removing it from a
list.
"""

from typing import Any
from uuid import UUID

from django.db.models import F

from common import clock
from common.transactions import transactional
from order.errors import OrderNotEditable, OrderNotFinal, OrderStateConflict
from order.models import Order
from order.selectors import BUYER, SELLER, order_by_uuid
from order.services.cancel import order_close_mark
from order.services.place import Shipping, shipping_columns
from order.states import FINAL_STATUSES, KEY_OF_EDIT, OrderStatus


@transactional
def order_edit(*, order_uuid: UUID, changes: dict[str, Any]) -> Order:
    """Change `shipping_*`, `remark` or `payment_method` of a pending order. Raises OrderNotEditable."""
    order = order_by_uuid(order_uuid)
    _write(order, changes, closing_key="")
    return order


@transactional
def order_edit_begin(*, order_uuid: UUID) -> str:
    """Forbid new payments while a new address is taken up; the saga's key. Raises OrderNotEditable."""
    order = order_by_uuid(order_uuid)
    key = f"{KEY_OF_EDIT}{order.order_uuid}:{order.version + 1}"
    try:
        order_close_mark(order, key=key, reason="")
    except OrderStateConflict as ended:
        raise OrderNotEditable from ended
    return key


@transactional
def order_edit_marked(*, order_uuid: UUID, changes: dict[str, Any]) -> None:
    """The same change to the order that `order_edit_begin` has marked."""
    _write(order_by_uuid(order_uuid), changes, closing_key__startswith=KEY_OF_EDIT)


def _write(order: Order, changes: dict[str, Any], **marked: str) -> None:
    columns: dict[str, Any] = {
        name: changes[name] for name in ("remark", "payment_method") if name in changes
    }
    if any(name.startswith("shipping_") for name in changes):
        columns |= shipping_columns(_shipping(order, changes))
    pending = Order.objects.filter(pk=order.pk, status=OrderStatus.PENDING_PAYMENT, **marked)
    if not pending.update(**columns, version=F("version") + 1, updated_at=clock.now()):
        raise OrderNotEditable
    order.refresh_from_db()


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
