"""The tables of the order service.

No foreign key leaves it; ids are made here and never assumed consecutive.
"""

from order.models.history import OrderTransition
from order.models.logistics import LogisticsEvent
from order.models.order import Order, OrderItem
from order.models.payment import OrderPayment
from order.models.plumbing import (
    OrderConfigChange,
    OrderIdempotencyKey,
    OrderInbox,
    OrderLease,
    OrderOutbox,
    OrderSaga,
)
from order.models.stock import ProductStock, StockHold, StockPush

__all__ = [
    "LogisticsEvent",
    "Order",
    "OrderConfigChange",
    "OrderIdempotencyKey",
    "OrderInbox",
    "OrderItem",
    "OrderLease",
    "OrderOutbox",
    "OrderPayment",
    "OrderSaga",
    "OrderTransition",
    "ProductStock",
    "StockHold",
    "StockPush",
]
