"""A new attempt to pay an order: its row, its intent in the ledger. Asking risk control and the provider
comes after."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import IntegrityError

from common import clock
from common.idempotency.claim import bind
from common.transactions import record_created, transactional
from payment.errors import OrderNotPayable
from payment.models import LedgerKind, Payment, PaymentTransition
from payment.services.booking import book
from payment.states import PAYMENT_MACHINE, OrderFacts, PaymentMethod

# Where the order names no end of its own.
LIFETIME = timedelta(minutes=30)
# Ask what became of an attempt a little after its cashier closed.
GRACE = timedelta(seconds=10)


class OrderHasLivingAttempt(Exception):
    """Another attempt got the order's key first: answer with that one."""


def payment_create(
    *,
    order: OrderFacts,
    method: PaymentMethod,
    subject: str,
    return_url: str,
    client_ip: str,
    actor: str,
    notify_url: str = "",
) -> Payment:
    """Insert the attempt. Amount and payee are the order's.

    Raises OrderNotPayable, and OrderHasLivingAttempt when a race for the order's key was lost (inside a
    transaction of the caller's, which is then rolled back by its savepoint).
    """
    if not order.payable or (order.expires_at and order.expires_at <= clock.now()):
        raise OrderNotPayable
    try:
        return _insert(order, method, subject, return_url, client_ip, actor, notify_url)
    except IntegrityError as taken:
        if Payment.objects.filter(living_key=order.order_uuid.hex).exists():
            raise OrderHasLivingAttempt from taken
        raise


@transactional
def _insert(
    order: OrderFacts,
    method: PaymentMethod,
    subject: str,
    return_url: str,
    client_ip: str,
    actor: str,
    notify_url: str,
) -> Payment:
    expires_at = _end_of(order)
    payment = Payment(
        order_uuid=order.order_uuid,
        order_id=order.order_id,
        order_row_id=order.order_row_id,
        user_uuid=order.buyer_uuid,
        seller_uuid=order.seller_uuid,
        amount=order.payable_amount,
        payment_method=method,
        subject=(subject or order.subject)[:128],
        living_key=order.order_uuid.hex,
        return_url=return_url,
        notify_url=notify_url,
        client_ip=client_ip,
        expires_at=expires_at,
        # Whatever happens to the flow that follows, the sweeper looks at this row in the end.
        sync_due_at=expires_at + GRACE,
    )
    payment.save(force_insert=True)
    book(
        payment,
        LedgerKind.CHARGE_REQUEST,
        reference=payment.out_trade_no,
        amount=payment.amount,
        actor=actor,
    )
    record_created(payment, machine=PAYMENT_MACHINE, history=PaymentTransition, actor=actor)
    bind("payment", payment.payment_uuid)
    return payment


def _end_of(order: OrderFacts) -> datetime:
    return order.expires_at or clock.now() + LIFETIME
