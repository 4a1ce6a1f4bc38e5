"""The ledger: append-only facts about money, and the totals they add up to.

`replay` is the only arithmetic that may call itself true; the columns on `payment` are its cache, kept
equal in the same transaction and proved equal by `manage.py audit_money` and after every test.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from django.db import models

from common import clock, ids

ZERO = Decimal("0.00")


class LedgerKind(StrEnum):
    """What happened. A refund's request holds its amount back until success, failure or cancellation."""

    CHARGE_REQUEST = "charge_request"
    CHARGE_SUCCESS = "charge_success"
    CHARGE_FAILURE = "charge_failure"
    CHARGE_CLOSE = "charge_close"
    REFUND_REQUEST = "refund_request"
    REFUND_SUCCESS = "refund_success"
    REFUND_FAILURE = "refund_failure"
    REFUND_CANCEL = "refund_cancel"


class LedgerIsAppendOnly(TypeError):
    """Somebody tried to rewrite history; a wrong fact is corrected by another fact."""


class LedgerQuerySet(models.QuerySet):
    """Reads and appends only."""

    def update(self, **kwargs: Any) -> int:
        raise LedgerIsAppendOnly("payment_event rows are never updated")

    def delete(self) -> tuple[int, dict[str, int]]:
        raise LedgerIsAppendOnly("payment_event rows are never deleted")


class PaymentEvent(models.Model):
    """One fact about one payment's money. Amounts in CNY, two places, never negative."""

    id = models.BigIntegerField(primary_key=True, default=ids.new_id)
    payment = models.ForeignKey(
        "payment.Payment", on_delete=models.PROTECT, related_name="events", db_constraint=False
    )
    kind = models.CharField(max_length=24)
    # Provider reference: its trade number for a charge, the refund's UUID (hex) for a refund.
    reference = models.CharField(max_length=64)
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    actor = models.CharField(max_length=64)
    note = models.CharField(max_length=255, default="")
    created_at = models.DateTimeField(default=clock.now)

    objects = LedgerQuerySet.as_manager()

    class Meta:
        db_table = "payment_event"
        constraints = [
            # The wall against booking one fact twice, whoever brings it: notify, query or operator.
            models.UniqueConstraint(fields=["payment", "kind", "reference"], name="payment_event_once"),
        ]
        ordering = ["created_at", "id"]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount} {self.reference}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert; a second save of the same row is refused."""
        if not self._state.adding:
            raise LedgerIsAppendOnly("payment_event rows are never updated")
        super().save(*args, **(kwargs | {"force_insert": True}))

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Never."""
        raise LedgerIsAppendOnly("payment_event rows are never deleted")


@dataclass(frozen=True, slots=True)
class Totals:
    """What the ledger adds up to."""

    charged: Decimal = ZERO
    refunded: Decimal = ZERO
    refund_pending: Decimal = ZERO


def replay(facts: Iterable[tuple[str, str, Decimal]]) -> Totals:
    """Add up (kind, reference, amount) rows, in any order.

    Per refund: a success outweighs a failure (the provider may pay back after saying no), and a request with
    neither success, failure nor cancellation still holds its amount.
    """
    by_kind: dict[str, dict[str, Decimal]] = {kind: {} for kind in LedgerKind}
    for kind, reference, amount in facts:
        by_kind[kind][reference] = amount
    paid_back = by_kind[LedgerKind.REFUND_SUCCESS]
    ended = {*paid_back, *by_kind[LedgerKind.REFUND_FAILURE], *by_kind[LedgerKind.REFUND_CANCEL]}
    held = [amount for ref, amount in by_kind[LedgerKind.REFUND_REQUEST].items() if ref not in ended]
    return Totals(
        charged=sum(by_kind[LedgerKind.CHARGE_SUCCESS].values(), ZERO),
        refunded=sum(paid_back.values(), ZERO),
        refund_pending=sum(held, ZERO),
    )
