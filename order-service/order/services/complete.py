"""The buyer confirms receipt, or time does."""

from uuid import UUID

from common import clock
from common.transactions import apply_transition, transactional
from order.errors import OrderNotShipped, OrderStateConflict
from order.events import COMPLETED, order_event
from order.models import Order, OrderTransition
from order.selectors import order_by_uuid
from order.services.logistics import order_receive
from order.services.stock import stock_sell
from order.states import ORDER_MACHINE, FulfilmentStatus, OrderStatus


@transactional
def order_complete(*, order_uuid: UUID, actor: str, reason: str = "") -> Order:
    """Move a shipped, paid order to COMPLETED; its held stock is sold for good.

    Raises OrderNotShipped before shipping, OrderStateConflict in any status but PAID.
    """
    order = order_by_uuid(order_uuid)
    if order.status != OrderStatus.PAID:
        raise OrderStateConflict
    if order.fulfilment_status == FulfilmentStatus.UNSHIPPED:
        raise OrderNotShipped
    if order.fulfilment_status == FulfilmentStatus.RECEIVING:
        order_receive(order, actor=actor)
    apply_transition(
        order,
        "complete",
        machine=ORDER_MACHINE,
        history=OrderTransition,
        actor=actor,
        reason=reason,
        where={"fulfilment_status": FulfilmentStatus.RECEIVED},
        changes={"completed_at": clock.now(), "auto_complete_at": None},
        publish=lambda row: [order_event(row, COMPLETED, reason=reason)],
        conflict=OrderStateConflict,
    )
    stock_sell(order.order_uuid)
    return order
