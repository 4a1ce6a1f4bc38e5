"""Money back: once per out_request_no, never more than was paid, perhaps decided later."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction
from faults.models import Fault

from alipay_simulator import states
from alipay_simulator.errors import BusinessFailure
from alipay_simulator.models import Refund, Trade
from alipay_simulator.notifications import notify_about
from alipay_simulator.switches import now
from alipay_simulator.trades import trade_find


def refund_make(
    trade: Trade, *, amount: Decimal, out_request_no: str, reason: str, slow: Fault | None = None
) -> tuple[Refund, bool]:
    """Refunds once; the same number and amount again returns the first refund and False.

    Raises BusinessFailure: wrong state, too much, or the same number with another amount.
    """
    with transaction.atomic():
        trade.refresh_from_db()
        out_request_no = out_request_no or _number_of_whole(trade, amount)
        earlier = trade.refunds.filter(out_request_no=out_request_no).first()
        if earlier is not None and earlier.state != Refund.State.FAILED:
            return _repeated(earlier, amount), False
        _check_state(trade)
        _check_spacing(trade)
        refund = _created(trade, amount, out_request_no, reason)
        if slow is None:
            return refund, _succeed(refund)
        _postpone(refund, slow)
        return refund, False


def refunds_settle_due() -> int:
    """Decides the slow refunds whose time has come."""
    waiting = Refund.objects.filter(state=Refund.State.PROCESSING, due_at__lte=now())
    return sum(map(_settle, waiting.select_related("trade")))


def refund_find(trade: Trade, out_request_no: str) -> Refund | None:
    refunds_settle_due()
    return trade.refunds.filter(out_request_no=out_request_no).first()


def refundable(out_trade_no: str, trade_no: str) -> Trade:
    trade = trade_find(out_trade_no=out_trade_no, trade_no=trade_no)
    if trade is None:
        raise BusinessFailure("ACQ.TRADE_NOT_EXIST")
    return trade


def _number_of_whole(trade: Trade, amount: Decimal) -> str:
    """Left out it means the whole trade, once; its number is then the merchant's trade number."""
    if amount != trade.total_amount:
        raise BusinessFailure("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL")
    return trade.out_trade_no


def _repeated(refund: Refund, amount: Decimal) -> Refund:
    if refund.amount != amount:
        raise BusinessFailure("ACQ.DISCORDANT_REPEAT_REQUEST")
    return refund


def _check_state(trade: Trade) -> None:
    if trade.status == states.TRADE_FINISHED:
        raise BusinessFailure("ACQ.TRADE_HAS_FINISHED")
    if trade.status == states.TRADE_CLOSED and trade.refunded_amount:
        raise BusinessFailure("ACQ.REASON_TRADE_REFUND_FEE_ERR")
    if trade.status != states.TRADE_SUCCESS:
        raise BusinessFailure("ACQ.TRADE_STATUS_ERROR")


def _check_spacing(trade: Trade) -> None:
    """Alipay wants 3 s between two refunds of one trade; off by default."""
    since = now() - timedelta(seconds=settings.SANDBOX.refund_spacing_seconds)
    if trade.refunds.filter(created_at__gt=since).exists():
        raise BusinessFailure("ACQ.SYSTEM_ERROR", "同一笔交易的退款请求过于频繁")


def _created(trade: Trade, amount: Decimal, out_request_no: str, reason: str) -> Refund:
    """Takes the amount from what is left of the trade, which was read under the write lock: two refunds at
    once can't both have it. In Python, for SQLite adds floats: 20.01 + 9.69 is more than 29.70 there."""
    if trade.refunded_amount + amount > trade.total_amount:
        raise BusinessFailure("ACQ.REASON_TRADE_REFUND_FEE_ERR")
    _set_refunded(trade, trade.refunded_amount + amount)
    values: dict[str, Any] = {"amount": amount, "reason": reason, "created_at": now()}
    refund, _ = Refund.objects.update_or_create(
        trade=trade,
        out_request_no=out_request_no,
        defaults={**values, "state": Refund.State.PROCESSING},
    )
    return refund


def _set_refunded(trade: Trade, amount: Decimal) -> None:
    trade.refunded_amount = amount
    trade.save(update_fields=["refunded_amount"])


def _postpone(refund: Refund, slow: Fault) -> None:
    is_failing = slow.parameters.get("outcome") == "fail"
    refund.due_at = now() + timedelta(seconds=slow.seconds(5.0))
    refund.due_state = Refund.State.FAILED if is_failing else Refund.State.SUCCESS
    refund.save()


def _settle(refund: Refund) -> bool:
    with transaction.atomic():
        if refund.due_state == Refund.State.SUCCESS:
            return _succeed(refund)
        if not _leave(refund, Refund.State.FAILED):
            return False
        refund.trade.refresh_from_db()
        _set_refunded(refund.trade, refund.trade.refunded_amount - refund.amount)
        return True


def _succeed(refund: Refund) -> bool:
    if not _leave(refund, Refund.State.SUCCESS, paid_at=now()):
        return False
    trade = refund.trade
    trade.refresh_from_db()
    trigger = states.PARTIAL_REFUND
    if trade.refunded_amount == trade.total_amount and not _is_pending(trade):
        Trade.objects.filter(pk=trade.pk).update(status=states.TRADE_CLOSED, closed_at=now())
        trade.refresh_from_db()
        trigger = states.FULL_REFUND
    notify_about(trade, trigger, refund)
    return True


def _leave(refund: Refund, target: str, **changes: Any) -> bool:
    row = Refund.objects.filter(pk=refund.pk, state=Refund.State.PROCESSING)
    won = row.update(state=target, **changes)
    refund.refresh_from_db()
    return bool(won)


def _is_pending(trade: Trade) -> bool:
    return trade.refunds.filter(state=Refund.State.PROCESSING).exists()
