"""States of an order: three axes, each one table of event -> (sources, target).

Room: plain Python data. What a transition does beside moving lives in services; who may ask for it in
selectors.
"""

from enum import IntEnum

from common.state_machine import StateMachine


class OrderStatus(IntEnum):
    """`status`.

    The published client knows 0-3; CANCELLING stays inside and is shown as PAID with `cancelling`.
    """

    PENDING_PAYMENT = 0
    PAID = 1
    COMPLETED = 2
    CANCELLED = 3
    CANCELLING = 5


class FulfilmentStatus(IntEnum):
    """`fulfilment_status`. RECEIVING is 收货中: shipped and on its way."""

    UNSHIPPED = 0
    RECEIVING = 1
    RECEIVED = 2


class PaymentStatus(IntEnum):
    """`payment_status`: what happened to the one payment that covers the order."""

    UNPAID = 0
    AUTHORIZED = 1
    PAID = 2
    PART_REFUNDED = 3
    REFUNDED = 4


class HoldState(IntEnum):
    """A hold is reserved stock: HELD while the order is open, then RELEASED back or SOLD."""

    HELD = 0
    RELEASED = 1
    SOLD = 2


class StockState(IntEnum):
    """UNKNOWN means reading could not decide what a push did: nothing is sold until an operator has
    looked.
    """

    OK = 0
    UNKNOWN = 1


class PushState(IntEnum):
    """One delta on its way to ProductService. INTENDED is written before the call, the rest after it."""

    INTENDED = 0
    APPLIED = 1
    NOT_APPLIED = 2
    UNDECIDED = 3


class LogisticsStatus(IntEnum):
    """What a carrier reports, in the order in which it happens."""

    ACCEPTED = 0
    IN_TRANSIT = 1
    OUT_FOR_DELIVERY = 2
    DELIVERED = 3


_S, _F, _P = OrderStatus, FulfilmentStatus, PaymentStatus

ORDER_MACHINE = StateMachine(
    "order",
    _S,
    {
        "pay": (frozenset({_S.PENDING_PAYMENT}), _S.PAID),
        "cancel": (frozenset({_S.PENDING_PAYMENT}), _S.CANCELLED),
        "expire": (frozenset({_S.PENDING_PAYMENT}), _S.CANCELLED),
        "begin_cancel": (frozenset({_S.PAID}), _S.CANCELLING),
        "abort_cancel": (frozenset({_S.CANCELLING}), _S.PAID),
        # Wholly refunded before shipping, by the cancel saga or by a refund made elsewhere.
        "refund": (frozenset({_S.PAID, _S.CANCELLING}), _S.CANCELLED),
        "complete": (frozenset({_S.PAID}), _S.COMPLETED),
    },
    _S.PENDING_PAYMENT,
)

FULFILMENT_MACHINE = StateMachine(
    "fulfilment",
    _F,
    {
        "ship": (frozenset({_F.UNSHIPPED}), _F.RECEIVING),
        "receive": (frozenset({_F.RECEIVING}), _F.RECEIVED),
    },
    _F.UNSHIPPED,
)

PAYMENT_MACHINE = StateMachine(
    "order payment",
    _P,
    {
        "authorize": (frozenset({_P.UNPAID}), _P.AUTHORIZED),
        "void": (frozenset({_P.AUTHORIZED}), _P.UNPAID),
        "capture": (frozenset({_P.UNPAID, _P.AUTHORIZED}), _P.PAID),
        "refund_part": (frozenset({_P.PAID, _P.PART_REFUNDED}), _P.PART_REFUNDED),
        "refund_whole": (frozenset({_P.PAID, _P.PART_REFUNDED}), _P.REFUNDED),
    },
    _P.UNPAID,
)

# Orders that hold stock: invariants compare their quantities with the holds.
OPEN_STATUSES = frozenset({_S.PENDING_PAYMENT, _S.PAID, _S.CANCELLING})
# Money has arrived and not wholly left again.
PAID_STATUSES = frozenset({_S.PAID, _S.COMPLETED, _S.CANCELLING})
# A hidden order must have nothing left to happen to it.
FINAL_STATUSES = frozenset({_S.COMPLETED, _S.CANCELLED})


def shown_status(status: int) -> int:
    """The number outside knows for `status`."""
    return OrderStatus.PAID if status == OrderStatus.CANCELLING else status


# `closing_key` begins so while a new address is taken up: nothing ends the order meanwhile, nothing pays it.
KEY_OF_EDIT = "edit:"
