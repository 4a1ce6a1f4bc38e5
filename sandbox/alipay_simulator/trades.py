"""The life of a trade: created when the buyer acts, paid, closed, finished, by conditional UPDATEs."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from alipay_simulator import states
from alipay_simulator.errors import BusinessFailure
from alipay_simulator.models import PayLink, Trade
from alipay_simulator.notifications import notify_about
from alipay_simulator.switches import now
from alipay_simulator.wire import new_trade_no, parse_express

BUYER = ("2088722000000011", "ali***@sandbox.com")


def trade_find(*, out_trade_no: str = "", trade_no: str = "") -> Trade | None:
    """The trade, brought up to date first (a lapsed one is closed the moment somebody looks)."""
    if not out_trade_no and not trade_no:
        raise BusinessFailure("ACQ.INVALID_PARAMETER", "out_trade_no 与 trade_no 不能同时为空")
    key = {"trade_no": trade_no} if trade_no else {"out_trade_no": out_trade_no}
    trade = Trade.objects.filter(**key).first()
    if trade is not None and _has_lapsed(trade, now()):
        trade_close(trade)
    return trade


def trade_get(**key: str) -> Trade:
    trade = trade_find(**key)
    if trade is None:
        raise BusinessFailure("ACQ.TRADE_NOT_EXIST")
    return trade


def trade_create(link: PayLink) -> Trade:
    """What a scan or a log-in does: the trade now exists and waits for the buyer.

    Raises BusinessFailure when the link is dead, or its number already means another, paid or closed trade.
    """
    with transaction.atomic():
        trade = trade_find(out_trade_no=link.out_trade_no)
        if trade is not None:
            return _same_and_open(trade, link)
        at = now()
        expires = link_expiry(link, at)
        if link.is_cancelled or (expires is not None and expires <= at):
            raise BusinessFailure("ACQ.TRADE_HAS_CLOSE", "支付链接已失效")
        return Trade.objects.create(
            trade_no=new_trade_no(at),
            created_at=at,
            expires_at=expires,
            buyer_id=BUYER[0],
            buyer_logon_id=BUYER[1],
            **_copied(link),
        )


def trade_pay(trade: Trade, *, force: bool = False) -> bool:
    """The buyer's money arrives. True when this call did it; `force` pays a closed one too (late bank)."""
    sources = [states.WAIT_BUYER_PAY] + ([states.TRADE_CLOSED] if force else [])
    return _move(trade, sources, states.TRADE_SUCCESS, states.TRADE_SUCCESS, paid_at=now(), closed_at=None)


def trade_close(trade: Trade) -> bool:
    """By the merchant, by the buyer or by time; only while nothing is paid."""
    return _move(trade, [states.WAIT_BUYER_PAY], states.TRADE_CLOSED, states.TRADE_CLOSED, closed_at=now())


def trade_finish(trade: Trade) -> bool:
    """The refund window is over."""
    return _move(trade, [states.TRADE_SUCCESS], states.TRADE_FINISHED, states.TRADE_FINISHED)


def trades_settle_due() -> int:
    """Closes what lapsed and finishes what can't be refunded any more; returns how many moved."""
    at = now()
    window = timedelta(days=settings.SANDBOX.refund_window_days)
    lapsed = Trade.objects.filter(status=states.WAIT_BUYER_PAY, expires_at__lte=at)
    over = Trade.objects.filter(status=states.TRADE_SUCCESS, paid_at__lte=at - window)
    return sum(map(trade_close, lapsed)) + sum(map(trade_finish, over))


def link_expiry(link: PayLink, start: datetime) -> datetime | None:
    """`time_expire` is a moment; `timeout_express` counts from when the trade is created."""
    if link.time_expire is not None:
        return link.time_expire
    return parse_express(link.timeout_express, start) if link.timeout_express else None


def _move(trade: Trade, sources: list[str], target: str, trigger: str, **changes: Any) -> bool:
    with transaction.atomic():
        row = Trade.objects.filter(pk=trade.pk, status__in=sources)
        if not row.update(status=target, **changes):
            return False
        trade.refresh_from_db()
        notify_about(trade, trigger)
        return True


def _has_lapsed(trade: Trade, at: datetime) -> bool:
    return trade.status == states.WAIT_BUYER_PAY and trade.expires_at is not None and trade.expires_at <= at


def _same_and_open(trade: Trade, link: PayLink) -> Trade:
    if trade.status in states.PAID:
        raise BusinessFailure("ACQ.TRADE_HAS_SUCCESS")
    if trade.status == states.TRADE_CLOSED:
        raise BusinessFailure("ACQ.TRADE_HAS_CLOSE")
    if (trade.total_amount, trade.subject) != (link.total_amount, link.subject):
        raise BusinessFailure("ACQ.CONTEXT_INCONSISTENT")
    return trade


def _copied(link: PayLink) -> dict[str, Any]:
    names = ("product", "out_trade_no", "total_amount", "subject", "body", "notify_url", "passback_params")
    return {name: getattr(link, name) for name in names}
