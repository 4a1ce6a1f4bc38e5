"""Tables. Rules about them live in services; reads in selectors."""

from payment.models.callback import PaymentNotify, SecurityEvent
from payment.models.ledger import LedgerIsAppendOnly, LedgerKind, PaymentEvent, Totals, replay
from payment.models.payment import Payment
from payment.models.plumbing import (
    PaymentConfigChange,
    PaymentIdempotencyKey,
    PaymentInbox,
    PaymentLease,
    PaymentOutbox,
    PaymentSaga,
    PaymentTransition,
)
from payment.models.refund import Refund

__all__ = [
    "LedgerIsAppendOnly",
    "LedgerKind",
    "Payment",
    "PaymentConfigChange",
    "PaymentEvent",
    "PaymentIdempotencyKey",
    "PaymentInbox",
    "PaymentLease",
    "PaymentNotify",
    "PaymentOutbox",
    "PaymentSaga",
    "PaymentTransition",
    "Refund",
    "SecurityEvent",
    "Totals",
    "replay",
]
