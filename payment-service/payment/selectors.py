"""Reads. Who may see what is a parameter here and nowhere else: `user_uuid=None` means a sibling service
or an administrator; everybody else sees what is theirs, and what is not theirs does not exist."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import F, Q, QuerySet

from common.web.converters import Ref, parse_ref
from payment.errors import PaymentNotFound, RefundNotFound
from payment.models import Payment, PaymentEvent, Refund
from payment.states import RefundStatus

_ORDER_COLUMNS = {"uuid": "order_uuid", "number": "order_id", "id": "order_row_id"}


def payments_visible_to(user_uuid: UUID | None) -> QuerySet[Payment]:
    """The payments a buyer made; all for None."""
    rows = Payment.objects.all()
    return rows if user_uuid is None else rows.filter(user_uuid=user_uuid)


def payment_get(ref: Ref, *, user_uuid: UUID | None) -> Payment:
    """One payment by UUID, `out_trade_no` or id; PaymentNotFound."""
    return _by_ref(payments_visible_to(user_uuid), ref)


def payments_of_party(user_uuid: UUID | None) -> QuerySet[Payment]:
    """The payments of a buyer's purchases and a seller's sales; all for None."""
    rows = Payment.objects.all()
    return rows if user_uuid is None else rows.filter(Q(user_uuid=user_uuid) | Q(seller_uuid=user_uuid))


def payment_of_party(ref: Ref, *, user_uuid: UUID | None) -> Payment:
    """Like `payment_get`, for its buyer or its seller."""
    return _by_ref(payments_of_party(user_uuid), ref)


def payment_of_party_for_order(ref: Ref, *, user_uuid: UUID | None) -> Payment:
    """Like `payment_get_for_order`, for its buyer or its seller."""
    return _of_order(payments_of_party(user_uuid), ref)


def payment_get_for_order(ref: Ref, *, user_uuid: UUID | None) -> Payment:
    """An order's living attempt, else its newest; `ref` is the order's UUID or number. PaymentNotFound.

    An order's integer id is OrderService's own: nobody sends it here, and it names nothing.
    """
    return _of_order(payments_visible_to(user_uuid), ref)


def payment_by_trade_no(out_trade_no: str, *, user_uuid: UUID | None = None) -> Payment:
    """The attempt the provider calls `out_trade_no`, or an order number's attempt; PaymentNotFound."""
    try:
        return payment_get(parse_ref("payment", out_trade_no), user_uuid=user_uuid)
    except ValueError:
        return payment_get_for_order(_order_number(out_trade_no), user_uuid=user_uuid)


def payment_by_uuid(payment_uuid: UUID) -> Payment:
    """One payment, whoever's; PaymentNotFound."""
    return _one(Payment.objects.filter(payment_uuid=payment_uuid))


def payment_to_judge(payment_uuid: UUID) -> Payment:
    """The same, with the buyer's address, for risk control."""
    return _one(Payment.objects.filter(payment_uuid=payment_uuid).defer(None))


def payment_living(order_uuid: UUID) -> Payment | None:
    """The attempt that holds the order's key, if any."""
    return Payment.objects.filter(living_key=order_uuid.hex).first()


def payment_known(payment_uuid: UUID) -> Payment | None:
    """One payment or None: for callbacks, where an unknown number is an event and not an error."""
    return Payment.objects.filter(payment_uuid=payment_uuid).first()


def refunds_visible_to(user_uuid: UUID | None) -> QuerySet[Refund]:
    """The refunds of a buyer's payments and of a seller's sales; all for None."""
    rows = _refunds_with_payment()
    return rows if user_uuid is None else rows.filter(Q(buyer_uuid=user_uuid) | Q(seller_uuid=user_uuid))


def refund_get(refund_uuid: UUID, *, user_uuid: UUID | None) -> Refund:
    """One refund with its payment; RefundNotFound."""
    row = refunds_visible_to(user_uuid).filter(refund_uuid=refund_uuid).first()
    if row is None:
        raise RefundNotFound
    return row


def refunds_of(payment: Payment) -> list[Refund]:
    """A payment's refunds, oldest first."""
    return list(payment.refunds.order_by("created_at", "id"))


def refund_by_number(payment: Payment, out_request_no: str) -> Refund | None:
    """The refund of `payment` the provider calls `out_request_no`, or None."""
    try:
        return payment.refunds.filter(refund_uuid=UUID(hex=out_request_no)).first()
    except ValueError:
        return None


def ledger_of(payment: Payment) -> list[PaymentEvent]:
    """A payment's facts in order."""
    return list(payment.events.order_by("created_at", "id"))


def payments_due(now: datetime, limit: int) -> list[Payment]:
    """Attempts whose state at the provider is to be asked for, longest overdue first."""
    return list(Payment.objects.filter(sync_due_at__lte=now).order_by("sync_due_at")[:limit])


def refunds_due(now: datetime, limit: int) -> list[Refund]:
    """Refunds to be sent or asked about, longest overdue first."""
    due = _refunds_with_payment().filter(sync_due_at__lte=now, status=RefundStatus.PROCESSING)
    return list(due.order_by("sync_due_at")[:limit])


def _refunds_with_payment() -> QuerySet[Refund]:
    # A join does not ask the payments' manager.
    return Refund.objects.select_related("payment").defer("payment__client_ip")


def _order_number(text: str) -> Ref:
    try:
        return parse_ref("order", text)
    except ValueError as wrong:
        raise PaymentNotFound from wrong


def _by_ref(rows: QuerySet[Payment], ref: Ref) -> Payment:
    return _one(rows.filter(**({"payment_uuid": ref.value} if ref.kind == "uuid" else {"id": ref.value})))


def _of_order(rows: QuerySet[Payment], ref: Ref) -> Payment:
    by = {_ORDER_COLUMNS[ref.kind]: ref.value}
    # The attempt that holds the order's key first: after late money went back, it is the one that counts.
    order = [F("living_key").desc(nulls_last=True), F("created_at").desc(), F("id").desc()]
    return _one(rows.filter(**by).order_by(*order))


def _one(rows: QuerySet[Payment]) -> Payment:
    row = rows.first()
    if row is None:
        raise PaymentNotFound
    return row
