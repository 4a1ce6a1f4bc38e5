"""The proof that our totals are the ledger's and that no money is unaccounted for. Reads only.

The same code is `manage.py audit_money`, the check after every test, and the runbook's first question.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from payment.models import LedgerKind, Payment, PaymentEvent, PaymentTransition, Refund, Totals, replay
from payment.states import AUTOMATIC_SOURCES, LIVING, UNSETTLED_REFUND, PaymentStatus, RefundStatus

ZERO = Decimal("0.00")
CHUNK = 500
# The ledger fact a refund's state must have, beside its request.
REFUND_FACT = {
    RefundStatus.SUCCEEDED: LedgerKind.REFUND_SUCCESS,
    RefundStatus.FAILED: LedgerKind.REFUND_FAILURE,
    RefundStatus.REJECTED: LedgerKind.REFUND_CANCEL,
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that does not add up: `what` is, and what the rule says it should be."""

    payment_uuid: UUID
    what: str
    stored: object
    expected: object

    def __str__(self) -> str:
        return f"{self.payment_uuid} {self.what}: {self.stored} where {self.expected} is expected"


def money_differences() -> Iterator[tuple[int, list[Difference]]]:
    """Walk over all payments in order of id; for each chunk how many were looked at, and what does not add
    up."""
    last = 0
    while chunk := list(Payment.objects.filter(id__gt=last).order_by("id")[:CHUNK]):
        last = chunk[-1].id
        yield len(chunk), list(_chunk_differences(chunk))


def check() -> None:
    """AssertionError with every difference there is: the invariant after every test."""
    found = [str(difference) for _, differences in money_differences() for difference in differences]
    assert not found, "money does not add up:\n" + "\n".join(found)


def _chunk_differences(chunk: list[Payment]) -> Iterator[Difference]:
    facts: dict[int, list[PaymentEvent]] = defaultdict(list)
    for fact in PaymentEvent.objects.filter(payment__in=chunk):
        facts[fact.payment_id].append(fact)
    refunds: dict[int, list[Refund]] = defaultdict(list)
    for refund in Refund.objects.filter(payment__in=chunk):
        refunds[refund.payment_id].append(refund)
    history = _last_states(chunk, [refund for rows in refunds.values() for refund in rows])
    for payment in chunk:
        totals = replay((fact.kind, fact.reference, fact.amount) for fact in facts[payment.id])
        yield from _totals_differ(payment, totals)
        yield from _status_differs(payment, totals)
        yield from _refunds_differ(payment, refunds[payment.id], facts[payment.id])
        yield from _history_differs(payment, refunds[payment.id], history)
    yield from _orders_differ(chunk)


def _totals_differ(payment: Payment, totals: Totals) -> Iterator[Difference]:
    pairs = (
        ("charged_amount", payment.charged_amount, totals.charged),
        ("refunded_amount", payment.refunded_amount, totals.refunded),
        ("refund_pending_amount", payment.refund_pending_amount, totals.refund_pending),
    )
    for name, stored, replayed in pairs:
        if stored != replayed:
            yield Difference(payment.payment_uuid, name, stored, replayed)
    if totals.refunded + totals.refund_pending > totals.charged:
        yield Difference(
            payment.payment_uuid, "refunds", totals.refunded + totals.refund_pending, totals.charged
        )


def _status_differs(payment: Payment, totals: Totals) -> Iterator[Difference]:
    expected = _status_of(payment, totals)
    if payment.status != expected:
        yield Difference(payment.payment_uuid, "status", PaymentStatus(payment.status), expected)
    key = payment.order_uuid.hex if payment.status in LIVING and payment.settles_order else None
    # Late money holds no order's key: the order may be paid by another attempt meanwhile.
    if payment.living_key != key:
        yield Difference(payment.payment_uuid, "living_key", payment.living_key, key)
    if payment.charged_amount not in (ZERO, payment.amount):
        yield Difference(payment.payment_uuid, "charged", payment.charged_amount, payment.amount)


def _status_of(payment: Payment, totals: Totals) -> PaymentStatus:
    if totals.charged == ZERO:
        unpaid = (PaymentStatus.PENDING, PaymentStatus.AUTHORIZED, PaymentStatus.FAILED, PaymentStatus.CLOSED)
        return PaymentStatus(payment.status) if payment.status in unpaid else PaymentStatus.PENDING
    if totals.refunded == ZERO:
        return PaymentStatus.SUCCEEDED
    return PaymentStatus.REFUNDED if totals.refunded == totals.charged else PaymentStatus.PART_REFUNDED


def _refunds_differ(
    payment: Payment, refunds: list[Refund], facts: list[PaymentEvent]
) -> Iterator[Difference]:
    booked = {(fact.kind, fact.reference): fact.amount for fact in facts}
    for refund in refunds:
        number = refund.out_request_no
        if booked.get((LedgerKind.REFUND_REQUEST, number)) != refund.amount:
            yield Difference(payment.payment_uuid, f"request of refund {number}", None, refund.amount)
        fact = REFUND_FACT.get(RefundStatus(refund.status))
        if fact is not None and booked.get((fact, number)) != refund.amount:
            yield Difference(payment.payment_uuid, f"refund {number}", None, fact)
        if refund.status in UNSETTLED_REFUND and (LedgerKind.REFUND_SUCCESS, number) in booked:
            yield Difference(payment.payment_uuid, f"refund {number}", refund.status, "succeeded")
    known = {refund.out_request_no for refund in refunds}
    for kind, number in booked:
        if kind == LedgerKind.REFUND_REQUEST and number not in known:
            yield Difference(payment.payment_uuid, "refund without a row", number, None)


def _last_states(chunk: list[Payment], refunds: list[Refund]) -> dict[UUID, str]:
    uuids = [payment.payment_uuid for payment in chunk] + [refund.refund_uuid for refund in refunds]
    rows = PaymentTransition.objects.filter(entity_uuid__in=uuids).order_by("id")
    return dict(rows.values_list("entity_uuid", "target"))


def _history_differs(
    payment: Payment, refunds: list[Refund], history: dict[UUID, str]
) -> Iterator[Difference]:
    """Every row is where its last recorded transition left it: no change went past the histories."""
    now = {payment.payment_uuid: PaymentStatus(payment.status).name.lower()}
    now |= {refund.refund_uuid: RefundStatus(refund.status).name.lower() for refund in refunds}
    for uuid, status in now.items():
        if history.get(uuid) != status:
            yield Difference(payment.payment_uuid, f"history of {uuid}", history.get(uuid), status)


def _orders_differ(chunk: list[Payment]) -> Iterator[Difference]:
    """Net paid per order is the amount or zero: whatever else came in has gone back or is on its way."""
    orders = {payment.order_uuid for payment in chunk if payment.charged_amount}
    attempts: dict[UUID, list[Payment]] = defaultdict(list)
    for payment in Payment.objects.filter(order_uuid__in=orders, charged_amount__gt=0):
        attempts[payment.order_uuid].append(payment)
    returned = _sent_back(attempts)
    for rows in attempts.values():
        if len(settling := [row for row in rows if row.settles_order]) > 1:
            yield Difference(settling[-1].payment_uuid, "attempts that pay the order", len(settling), 1)
        for row in rows:
            if not row.settles_order and returned[row.id] != row.charged_amount:
                yield Difference(
                    row.payment_uuid, "late money sent back", returned[row.id], row.charged_amount
                )


def _sent_back(attempts: dict[UUID, list[Payment]]) -> dict[int, Decimal]:
    """Per payment: what was paid back or is on its way back, of money that settles no order."""
    late = [row.id for rows in attempts.values() for row in rows if not row.settles_order]
    back: dict[int, Decimal] = defaultdict(lambda: ZERO)
    done = (RefundStatus.PROCESSING, RefundStatus.SUCCEEDED)
    for refund in Refund.objects.filter(payment_id__in=late, source__in=AUTOMATIC_SOURCES, status__in=done):
        back[refund.payment_id] += refund.amount
    return back
