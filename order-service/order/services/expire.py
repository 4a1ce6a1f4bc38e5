"""Mark a pending order past its time; `sagas/expire.py` closes its payment before it ends."""

from uuid import UUID

from common import clock
from common.transactions import transactional
from order.selectors import order_by_uuid
from order.services.cancel import order_close_mark
from order.states import OrderStatus

REASON = "超时未支付"


@transactional
def order_expire_begin(*, order_uuid: UUID) -> str | None:
    """Mark the order as ending and return the saga's key; None when it is not due (any more)."""
    order = order_by_uuid(order_uuid)
    is_due = order.status == OrderStatus.PENDING_PAYMENT and order.expires_at <= clock.now()
    if not is_due or order.closing_key:
        return None
    key = f"expire:{order.order_uuid}:{order.version + 1}"
    order_close_mark(order, key=key, reason=REASON)
    return key
