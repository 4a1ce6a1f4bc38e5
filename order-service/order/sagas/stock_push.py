"""The sender of stock: each product's delta goes to ProductService once.

1. Take the product's lease, so that one sender works on it. 2. Something sent and undecided? Decide by
reading.
3. Read the stock. 4. Store the intent with the stock seen. 5. Call once. 6. Store what became of it.
A time-out is decided later by reading; what reading cannot decide is parked for an operator
(`stock_resolve`).
"""

from datetime import timedelta
from uuid import UUID

from django.conf import settings

from common import clock
from common.errors import LeaseTimeout, PeerBroken, PeerError, PeerRejected, PeerTimeout, PeerUnavailable
from common.leases.lease import lease
from order.clients.product import product_get, stock_change
from order.models import StockPush
from order.selectors import open_push, stock_seen, stock_to_push
from order.services.stock_push import (
    push_applied,
    push_intend,
    push_later,
    push_not_applied,
    push_refused,
    push_undecided,
)

AT_ONCE = 20
# Longer than a call may take: a call that timed out may still be at work on the other side.
GRACE = timedelta(seconds=15)
PAUSE = timedelta(seconds=5)
# Our token, not the units: a moment's trouble there must not take every product off sale.
NOT_ABOUT_STOCK = frozenset({401, 403})


def stock_push_due() -> bool:
    """Send what is unsent, product by product. True when there may be more."""
    due = stock_to_push(clock.now(), AT_ONCE)
    for product_uuid in due:
        try:
            with lease(f"stock:{product_uuid}", wait=0.0, hold=2 * settings.CFMP.lease_seconds):
                _one(product_uuid)
        except LeaseTimeout:
            continue
        except PeerError:
            push_later(product_uuid=product_uuid, pause=PAUSE)
    return len(due) == AT_ONCE


def _one(product_uuid: UUID) -> None:
    push = open_push(product_uuid)
    if push is not None:
        _decide_by_reading(push)
        return
    row = stock_seen([product_uuid]).get(product_uuid)
    product = product_get(product_uuid)
    if row is None or product is None:
        push_later(product_uuid=product_uuid, pause=timedelta(minutes=5))
        return
    push = push_intend(product_uuid=product_uuid, stock_seen=product.stock, version=row.version)
    if push is not None:
        _send(push)


def _send(push: StockPush) -> None:
    try:
        stock_now = stock_change(push.product_uuid, push.delta, dialect=settings.CFMP.product_stock_api)
    except PeerRejected as refusal:
        note = f"refused: {refusal.peer_status} {refusal.peer_message}"
        if refusal.retryable or refusal.peer_status in NOT_ABOUT_STOCK:
            push_not_applied(push=push, retry_in=PAUSE, note=note)
        else:
            push_refused(push=push, note=note)
    except PeerUnavailable:
        push_not_applied(push=push, retry_in=PAUSE, note="not sent")
    except (PeerTimeout, PeerBroken):
        push_later(product_uuid=push.product_uuid, pause=GRACE)
    else:
        push_applied(push=push, stock_now=stock_now)


def _decide_by_reading(push: StockPush) -> None:
    if clock.now() < push.created_at + GRACE:
        push_later(product_uuid=push.product_uuid, pause=PAUSE)
        return
    product = product_get(push.product_uuid)
    stock_now = product.stock if product else None
    if stock_now is not None and stock_now == push.stock_seen + push.delta:
        push_applied(push=push, stock_now=stock_now)
    elif stock_now == push.stock_seen:
        push_not_applied(push=push, retry_in=timedelta(0), note="timed out; reading shows nothing happened")
    else:
        push_undecided(push=push, note=f"saw {push.stock_seen}, sent {push.delta:+d}, now {stock_now}")
