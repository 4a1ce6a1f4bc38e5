"""A verified notification becomes rows: one transaction, and only after its commit may the provider hear
`success`.

Order of arrival means nothing: each notice says one thing that is true for ever (paid, paid back, closed),
and what is true already changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import IntegrityError, transaction

from payment.errors import CallbackRefused
from payment.models import Payment, PaymentNotify, Refund
from payment.services.booking import again
from payment.services.close import shut
from payment.services.confirm import book_charge
from payment.services.settle_refund import NoRoomForRefund, book_refund, refund_look_now
from payment.states import CHARGED, PaymentStatus, RefundStatus

# Only these were ever sent to the provider; a notice about another one is about somebody else's refund.
SENT = (RefundStatus.PROCESSING, RefundStatus.SUCCEEDED, RefundStatus.FAILED)
# Up to this many refunds of one payment, every sum they can have is looked at (1024 of them).
MOST_SUMMED = 10


@dataclass(frozen=True, slots=True)
class Notice:
    """What a verified notification says, in our words. Amounts in CNY; `refund_fee` is cumulative."""

    notify_id: str
    word: str
    paid: bool
    closed: bool
    transaction_id: str
    total_amount: Decimal
    refund_fee: Decimal | None
    refund_no: str
    paid_at: datetime | None
    actor: str


class AlreadyBooked(Exception):
    """This `notify_id` was booked before."""


def notify_book(*, payment: Payment, refund: Refund | None, notice: Notice) -> str:
    """Book `notice`; what became of it: booked, duplicate, or the name of what an operator should look at.

    `refund` is the one `notice.refund_no` names, if it is ours. Raises CallbackRefused, with nothing
    moved, when an amount is not ours.
    """
    rows = [payment] if refund is None else [payment, refund]
    try:
        return again(lambda: _book(payment, refund, notice), *rows)
    except AlreadyBooked:
        return "duplicate"
    except NoRoomForRefund:
        return "refund_without_room"


def _book(payment: Payment, refund: Refund | None, notice: Notice) -> str:
    _remember(payment, notice)
    if refund is not None:
        refund.payment = payment
        _check_refund_fee(payment, refund, notice.refund_fee)
    known_refund = refund is not None and refund.status in SENT
    # A trade closed by paying it back whole was paid; closed without a refund of ours, it is no news of
    # money.
    if notice.paid or known_refund:
        book_charge(
            payment,
            transaction_id=notice.transaction_id,
            amount=notice.total_amount,
            paid_at=notice.paid_at,
            actor=notice.actor,
        )
    elif notice.closed:
        _closed(payment, notice)
    if known_refund and refund is not None:
        book_refund(refund, actor=notice.actor)
        return "booked"
    return "foreign_refund" if notice.refund_fee else "booked"


def _remember(payment: Payment, notice: Notice) -> None:
    try:
        with transaction.atomic():
            PaymentNotify.objects.create(
                notify_id=notice.notify_id,
                payment=payment,
                trade_status=notice.word,
                out_biz_no=notice.refund_no[:64],
                refund_fee=notice.refund_fee,
            )
    except IntegrityError as taken:
        if PaymentNotify.objects.filter(notify_id=notice.notify_id).exists():
            raise AlreadyBooked from taken
        raise


def _closed(payment: Payment, notice: Notice) -> None:
    if payment.status == PaymentStatus.PENDING:
        shut(payment, reason=notice.word, actor=notice.actor)
    elif payment.status in CHARGED:
        # A whole refund closes the trade too, and some products do not name it: ask instead of guessing.
        refund_look_now(payment)


def _check_refund_fee(payment: Payment, refund: Refund, refund_fee: Decimal | None) -> None:
    """The cumulative fee must be this refund plus some of our others; a cent beside that is not our
    refund."""
    others = payment.refunds.filter(status__in=SENT).exclude(pk=refund.pk).values_list("amount", flat=True)
    if refund_fee is None or not _may_add_up(refund_fee - refund.amount, list(others)):
        raise CallbackRefused(reason="wrong_refund_amount")


def _may_add_up(rest: Decimal, others: list[Decimal]) -> bool:
    """Whether `rest` can be the sum of some of `others`. Of very many only the bounds are looked at: their
    sums double with each, and a buyer chooses how many there are."""
    if len(others) > MOST_SUMMED:
        return 0 <= rest <= sum(others)
    sums = {Decimal(0)}
    for amount in others:
        sums |= {known + amount for known in sums}
    return rest in sums
