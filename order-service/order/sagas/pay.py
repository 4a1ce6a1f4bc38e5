"""Pay an order: have the payment service create its payment. Unstored: asking again finds the living
payment.
"""

from typing import Any
from uuid import UUID

from common import clock, ids
from common.errors import PeerRejected
from order.clients.payment import payment_create
from order.errors import OrderNotPayable, PaymentDeclined, PaymentNotCreated
from order.models import Order
from order.selectors import order_snapshot
from order.states import OrderStatus

METHODS = {0: "alipay", 1: "wechat_pay"}
# 6004: risk control said no.
DECLINED = "6004"


def order_pay(
    *, order: Order, user_uuid: UUID, method: str | None = None, client_ip: str = ""
) -> dict[str, Any]:
    """Create the payment of a pending order, or return the living one: `data` as the payment service
    answers it.

    Raises OrderNotPayable, PaymentDeclined, PaymentNotCreated, and the peer errors.
    """
    is_open = order.status == OrderStatus.PENDING_PAYMENT and not order.closing_key
    if not is_open or order.expires_at <= clock.now():
        raise OrderNotPayable
    try:
        return payment_create(
            user_uuid=user_uuid,
            payment_method=method or METHODS.get(order.payment_method, "alipay"),
            subject=order.headline,
            snapshot=order_snapshot(order.order_uuid),
            client_ip=client_ip,
            key=ids.new_uuid(),
        )
    except PeerRejected as refusal:
        error = PaymentDeclined if refusal.peer_code == DECLINED else PaymentNotCreated
        if refusal.retryable:
            raise
        raise error(data={"code": refusal.peer_code, "name": refusal.peer_name}) from refusal
