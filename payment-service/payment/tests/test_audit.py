"""The audit finds what is wrong: each lie planted in the tables is named, and honest books are silent."""

from __future__ import annotations

from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from payment.models import LedgerIsAppendOnly, Payment, PaymentEvent, PaymentTransition, Refund, replay

pytestmark = pytest.mark.django_db


def audit() -> tuple[str, int]:
    """What `manage.py audit_money` prints, and its exit code."""
    out, code = StringIO(), 0
    try:
        call_command("audit_money", stdout=out, stderr=StringIO())
    except SystemExit as left:
        code = int(left.code or 0)
    return out.getvalue(), code


def a_busy_day(shop: Any) -> Payment:
    """Payments in every state, one of them partly refunded; answers with that one."""
    shop.pending()
    cancelled = shop.pending()
    shop.api(_alice()).post(f"/api/payment/{cancelled.payment_uuid}/cancel/", {})
    whole = shop.paid()
    shop.refund(whole, "12.00")
    part = shop.paid()
    shop.refund(part, "5.00")
    return part


def _alice() -> Any:
    from common.testing.people import ALICE

    return ALICE


def test_honest_books_have_zero_differences(shop: Any) -> None:
    a_busy_day(shop)

    text, code = audit()

    assert text.strip() == "audit_money: 4 payments, 0 differences" and code == 0


def test_no_payments_are_honest_too(db: None) -> None:
    assert audit() == ("audit_money: 0 payments, 0 differences\n", 0)


LIES = {
    "charged_amount": lambda p: _set(p, charged_amount=Decimal("11.99")),
    "refunded_amount": lambda p: _set(p, refunded_amount=Decimal("5.01")),
    "refund_pending_amount": lambda p: _set(p, refund_pending_amount=Decimal("0.01")),
    "status": lambda p: _set(p, status=1),
    "living_key": lambda p: _set(p, living_key=None),
    "refund ": lambda p: Refund.objects.filter(payment=p).update(amount=Decimal("4.99")),
    "request of refund": lambda p: _forget(p, "refund_request"),
    "refund_pending": lambda p: _forget(p, "refund_success"),
    "history of": lambda p: PaymentTransition.objects.filter(entity_uuid=p.payment_uuid).delete(),
    "refund without a row": lambda p: Refund.objects.filter(payment=p).delete(),
    "late money sent back": lambda p: _set(p, settles_order=False, living_key=None),
}


@pytest.mark.breaks_invariants
@pytest.mark.parametrize("what", LIES)
def test_a_lie_is_named(shop: Any, what: str) -> None:
    payment = a_busy_day(shop)

    LIES[what](payment)

    text, code = audit()
    assert code == 1 and what in text and str(payment.payment_uuid) in text


@pytest.mark.breaks_invariants
def test_two_payments_of_one_order_are_a_difference(shop: Any) -> None:
    first, second = shop.paid(), shop.paid()
    _set(second, order_uuid=first.order_uuid, living_key=None)

    text, code = audit()

    assert code == 1 and "attempts that pay the order" in text


@pytest.mark.breaks_invariants
def test_every_difference_is_counted(shop: Any) -> None:
    for _ in range(3):
        _set(shop.paid(), charged_amount=Decimal("1.00"))

    text, code = audit()

    # The stored total, and a charge that is not the payment's amount.
    assert text.splitlines()[-1] == "audit_money: 3 payments, 6 differences" and code == 1


def test_the_ledger_is_append_only(shop: Any) -> None:
    fact = PaymentEvent.objects.filter(payment=shop.paid()).first()
    assert fact is not None

    for wrong in (
        lambda: PaymentEvent.objects.update(amount=0),
        lambda: PaymentEvent.objects.all().delete(),
        fact.save,
        fact.delete,
    ):
        with pytest.raises(LedgerIsAppendOnly):
            wrong()


def test_replay_reads_the_same_in_any_order() -> None:
    facts = [
        ("charge_request", "t", Decimal("12.00")),
        ("charge_success", "t", Decimal("12.00")),
        ("refund_request", "a", Decimal("5.00")),
        ("refund_failure", "a", Decimal("5.00")),
        ("refund_success", "a", Decimal("5.00")),
        ("refund_request", "b", Decimal("3.00")),
        ("refund_request", "c", Decimal("1.00")),
        ("refund_cancel", "c", Decimal("1.00")),
    ]

    totals = replay(facts)

    assert totals == replay(reversed(facts))
    assert (totals.charged, totals.refunded, totals.refund_pending) == (
        Decimal("12.00"),
        Decimal("5.00"),
        Decimal("3.00"),
    )


def _set(payment: Payment, **values: Any) -> None:
    Payment.objects.filter(pk=payment.pk).update(**values)


def _forget(payment: Payment, kind: str) -> None:
    # Past the model, as a careless hand in the database would.
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM payment_event WHERE payment_id = %s AND kind = %s", [payment.pk, kind])
