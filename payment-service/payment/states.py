"""States and the arrows between them, as data. Plain Python: no Django, no HTTP, no database.

`docs/states.md` is generated from the two machines here; `tests/test_states.py` walks every (state, event)
pair. Also here: the facts about an order this service reasons with (`OrderFacts`), because clients,
services and sagas all speak of them and this is the room below all three.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import IntEnum, StrEnum
from uuid import UUID

from common.state_machine import StateMachine


class PaymentStatus(IntEnum):
    """Reference 4's numbers. A result we do not know is PENDING with `sync_due_at`, never FAILED."""

    PENDING = 0
    SUCCEEDED = 1
    FAILED = 2
    CLOSED = 3
    REFUNDED = 4
    PART_REFUNDED = 5
    AUTHORIZED = 6


class RefundStatus(IntEnum):
    """REQUESTED waits for the seller; PROCESSING means the provider was or is being asked."""

    REQUESTED = 0
    APPROVED = 1
    PROCESSING = 2
    SUCCEEDED = 3
    FAILED = 4
    REJECTED = 5


P, R = PaymentStatus, RefundStatus

PAYMENT_MACHINE = StateMachine(
    name="payment",
    states=PaymentStatus,
    initial=P.PENDING,
    transitions={
        "authorize": (frozenset({P.PENDING}), P.AUTHORIZED),
        "succeed": (frozenset({P.PENDING, P.AUTHORIZED}), P.SUCCEEDED),
        "fail": (frozenset({P.PENDING, P.AUTHORIZED}), P.FAILED),
        "close": (frozenset({P.PENDING, P.AUTHORIZED}), P.CLOSED),
        # Money that arrives for an attempt given up: booked as what it is, then sent back by itself.
        "succeed_late": (frozenset({P.FAILED, P.CLOSED}), P.SUCCEEDED),
        "refund_part": (frozenset({P.SUCCEEDED, P.PART_REFUNDED}), P.PART_REFUNDED),
        "refund_whole": (frozenset({P.SUCCEEDED, P.PART_REFUNDED}), P.REFUNDED),
    },
)

REFUND_MACHINE = StateMachine(
    name="refund",
    states=RefundStatus,
    initial=R.REQUESTED,
    transitions={
        "approve": (frozenset({R.REQUESTED}), R.APPROVED),
        "reject": (frozenset({R.REQUESTED}), R.REJECTED),
        "send": (frozenset({R.APPROVED}), R.PROCESSING),
        "succeed": (frozenset({R.PROCESSING}), R.SUCCEEDED),
        "fail": (frozenset({R.PROCESSING}), R.FAILED),
        # The provider said no and later reports that it paid back after all.
        "succeed_late": (frozenset({R.FAILED}), R.SUCCEEDED),
    },
)

REFUNDABLE = frozenset({P.SUCCEEDED, P.PART_REFUNDED})
CHARGED = frozenset({P.SUCCEEDED, P.PART_REFUNDED, P.REFUNDED})
# While in one of these, an attempt holds its order's `living_key`: no second attempt may start.
LIVING = frozenset({P.PENDING, P.AUTHORIZED, P.SUCCEEDED, P.PART_REFUNDED})
UNSETTLED_REFUND = frozenset({R.REQUESTED, R.APPROVED, R.PROCESSING})


class RiskOutcome(StrEnum):
    """What risk control said of a payment; EMPTY until it was asked."""

    EMPTY = ""
    APPROVE = "approve"
    REVIEW = "review"
    BLOCK_AND_REVIEW = "block_and_review"
    DECLINE = "decline"
    NOT_EVALUATED = "not_evaluated"


class RefundSource(StrEnum):
    """Who wanted the money back."""

    BUYER = "buyer"
    SELLER = "seller"
    ADMIN = "admin"
    ORDER_CANCEL = "order_cancel"
    LATE_PAYMENT = "late_payment"
    OVERPAYMENT = "overpayment"


# Money that should never have come in goes back without anyone asking; it never settled the order.
AUTOMATIC_SOURCES = frozenset({RefundSource.LATE_PAYMENT, RefundSource.OVERPAYMENT})


class PaymentMethod(StrEnum):
    """How the buyer pays, as stored and shown in the CFMP family."""

    ALIPAY = "alipay"
    ALIPAY_WAP = "alipay_wap"
    ALIPAY_QR = "alipay_qr"
    WECHAT_PAY = "wechat_pay"


# The published client sends an order's number; reference 4 has names of its own.
METHOD_ALIASES: Mapping[str, PaymentMethod] = {
    "0": PaymentMethod.ALIPAY,
    "1": PaymentMethod.WECHAT_PAY,
    "alipay_pc": PaymentMethod.ALIPAY,
    "wechat": PaymentMethod.WECHAT_PAY,
    **{method.value: method for method in PaymentMethod},
}
AVAILABLE_METHODS = frozenset({PaymentMethod.ALIPAY, PaymentMethod.ALIPAY_WAP, PaymentMethod.ALIPAY_QR})

ORDER_PENDING = 0
ORDER_UNSHIPPED = 0


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """What OrderService says of an order: read by call 1, or handed over in its own signed calls."""

    order_uuid: UUID
    order_id: str
    buyer_uuid: UUID
    seller_uuid: UUID
    payable_amount: Decimal
    status: int
    fulfilment_status: int
    cancelling: bool
    expires_at: datetime | None
    subject: str
    # A blind index of where it goes: risk control compares it, nobody can read it.
    address_index: str | None = None
    # OrderService's own integer id, which paths may name an order by.
    order_row_id: int | None = None

    @property
    def payable(self) -> bool:
        """Only an order that still waits for its money may start an attempt."""
        return self.status == ORDER_PENDING and not self.cancelling and self.payable_amount > 0

    @property
    def unshipped(self) -> bool:
        """Before shipping a buyer's refund needs nobody's consent."""
        return self.fulfilment_status == ORDER_UNSHIPPED


def shown_status(status: int, *, unknown: bool, settles_order: bool) -> str:
    """The CFMP word for a payment's status.

    `processing` is a result still being found out: a timed-out provider call, an authorisation not captured,
    or late money on its way back (the client must not read that as a paid order).
    """
    if status == P.PENDING:
        return "processing" if unknown else "pending"
    if status == P.SUCCEEDED and not settles_order:
        return "processing"
    return _SHOWN[PaymentStatus(status)]


_SHOWN: Mapping[PaymentStatus, str] = {
    P.SUCCEEDED: "success",
    P.FAILED: "failed",
    P.CLOSED: "cancelled",
    P.REFUNDED: "refunded",
    P.PART_REFUNDED: "part_refunded",
    P.AUTHORIZED: "processing",
}

# Reference 1 knows three words for a refund.
SHOWN_REFUND: Mapping[RefundStatus, str] = {
    R.REQUESTED: "processing",
    R.APPROVED: "processing",
    R.PROCESSING: "processing",
    R.SUCCEEDED: "completed",
    R.FAILED: "failed",
    R.REJECTED: "failed",
}
