"""The three ways a row of ours changes, shared by every use case: a transition, a new total, a ledger fact.

Amounts are never added up in SQL (SQLite would add floats): a service reads, computes in Decimal and
writes under `version`; a row that moved meanwhile makes the whole service run again on what is true now.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from django.db import models, transaction

from common import clock
from common.errors import Conflict, StateConflict
from common.outbox.publish import Event
from common.transactions import apply_transition, in_transaction
from payment.events import PAYMENT_FACTS, payment_events
from payment.models import LedgerKind, Payment, PaymentEvent, PaymentTransition, Refund
from payment.services.figures import count_money
from payment.states import PAYMENT_MACHINE, REFUND_MACHINE

T = TypeVar("T")
ROUNDS = 12
# A question without an answer is asked again after these pauses; the last one stays.
SYNC_PAUSES = (5, 15, 60, 300, 900, 3_600, 21_600, 86_400)


def again(fn: Callable[[], T], *rows: models.Model) -> T:
    """Run `fn` in a transaction; run it anew when a row it read moved before it wrote.

    `rows` are read by the caller and good for the first run; every later one, also after a deadlock,
    starts with what the database has. Conflict after many rounds.
    """
    runs = 0

    def run() -> T:
        nonlocal runs
        runs += 1
        if runs > 1:
            for row in rows:
                row.refresh_from_db()
        return fn()

    for _ in range(ROUNDS):
        try:
            return in_transaction(run)
        except StateConflict:
            continue
    raise Conflict(retry_after=1)


def move_payment(
    payment: Payment,
    event: str,
    *,
    actor: str,
    reason: str = "",
    publish: Callable[[Payment], Sequence[Event]] | None = None,
    **changes: Any,
) -> None:
    """One arrow of the payment machine, under the version in hand; publishes the arrow's fact unless told
    otherwise."""
    apply_transition(
        payment,
        event,
        machine=PAYMENT_MACHINE,
        history=PaymentTransition,
        actor=actor,
        reason=reason,
        where={"version": payment.version},
        changes=changes,
        publish=publish or (lambda row: payment_events(PAYMENT_FACTS[event], row, reason=reason)),
    )


def move_refund(refund: Refund, event: str, *, actor: str, reason: str = "", **changes: Any) -> None:
    """One arrow of the refund machine. What it means for the payment is the caller's to write in the same
    breath."""
    apply_transition(
        refund,
        event,
        machine=REFUND_MACHINE,
        history=PaymentTransition,
        actor=actor,
        reason=reason,
        where={"version": refund.version},
        changes=changes,
    )


def change_payment(payment: Payment, **changes: Any) -> None:
    """New values without an arrow, under the version in hand. StateConflict when the row moved."""
    changes |= {"version": payment.version + 1, "updated_at": clock.now()}
    if Payment.objects.filter(pk=payment.pk, version=payment.version).update(**changes) != 1:
        raise StateConflict
    for name, value in changes.items():
        setattr(payment, name, value)


def book(
    payment: Payment, kind: LedgerKind, *, reference: str, amount: Decimal, actor: str, note: str = ""
) -> None:
    """Append one fact. IntegrityError when it is booked already: the caller's state check came first."""
    PaymentEvent.objects.create(
        payment=payment, kind=kind, reference=reference, amount=amount, actor=actor[:64], note=note[:255]
    )
    transaction.on_commit(lambda: count_money(kind, amount))


def next_sync(attempts: int) -> datetime:
    """When to ask again after `attempts` questions: 5 s, then longer, at most a day."""
    return clock.now() + timedelta(seconds=SYNC_PAUSES[min(attempts, len(SYNC_PAUSES) - 1)])
