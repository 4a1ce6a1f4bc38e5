"""Hand the goods over, after a look at the payment: what was given back a moment ago is not sent away.

Unstored: reads its peer, then one local transaction. The event that tells of a refund takes about a second;
the look closes that gap. A payment service that cannot be asked gives nothing back either: it stops nobody.
"""

from decimal import Decimal

from common.errors import PeerError
from common.log import get_logger
from order.clients import payment
from order.errors import OrderStateConflict
from order.models import Order
from order.sagas.payments import facts_seen, learn
from order.services.ship import order_ship
from order.states import OrderStatus

log = get_logger(__name__)


def order_hand_over(*, order: Order, actor: str, carrier: str = "", tracking_no: str = "") -> Order:
    """Ship a paid order. OrderStateConflict unless it is paid, unshipped, and its money not wholly on its way
    back; TrackingNumberInvalid.
    """
    if order.status == OrderStatus.PAID:
        _look_at_the_money(order)
    return order_ship(order_uuid=order.order_uuid, actor=actor, carrier=carrier, tracking_no=tracking_no)


def _look_at_the_money(order: Order) -> None:
    try:
        seen = payment.payment_read(order.order_uuid)
    except PeerError as silent:
        log.warning("shipped_unlooked", order_uuid=str(order.order_uuid), error=silent.name)
        return
    if seen is None or seen.payment_uuid != order.payment_uuid:
        return
    if seen.refunds:
        learn(facts_seen(seen), actor="service:PaymentService")
    if sum((one.amount for one in seen.refunds if one.status != "failed"), Decimal(0)) >= seen.amount:
        raise OrderStateConflict
