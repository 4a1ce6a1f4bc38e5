"""What a notification says and when it is due. Sending it is `delivery`'s."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from faults.switchboard import fault_take

from alipay_simulator import states
from alipay_simulator.models import Notification, Refund, Trade
from alipay_simulator.switches import now, triggers_of
from alipay_simulator.wire import beijing, compact, new_notify_id, yuan


def notify_about(trade: Trade, trigger: str, refund: Refund | None = None) -> Notification | None:
    """Books a notification in the caller's transaction, when this product tells about this trigger at all."""
    if not trade.notify_url or trigger not in triggers_of(trade.product):
        return None
    at = now()
    first = at + timedelta(seconds=settings.SANDBOX.notify_first_delay)
    return Notification.objects.create(
        notify_id=new_notify_id(at),
        trade=trade,
        trigger=trigger,
        url=trade.notify_url,
        fields=_fields(trade, trigger, refund),
        created_at=at,
        **{"next_at": first, **_hold(trade, trigger, first)},
    )


def next_delivery(attempts: int, at: datetime) -> datetime | None:
    """When delivery number `attempts + 1` is due after one at `at` failed; None after the eighth."""
    if attempts > len(states.NOTIFY_GAPS):
        return None
    gap = states.NOTIFY_GAPS[attempts - 1] * settings.SANDBOX.notify_scale
    return at + timedelta(seconds=gap)


def _hold(trade: Trade, trigger: str, first: datetime) -> dict[str, Any]:
    """Faults that act when the fact is booked, not when it is sent."""
    fault = fault_take("notify", trigger, trade.out_trade_no, kinds=("delay", "lose", "reorder"))
    if fault is None:
        return {}
    if fault.kind == "lose":
        return {"state": Notification.State.LOST}
    until = first + timedelta(seconds=fault.seconds(30.0))
    return {"next_at": until, "waits_for_later": fault.kind == "reorder"}


def _fields(trade: Trade, trigger: str, refund: Refund | None) -> dict[str, str]:
    fields = _trade_fields(trade)
    if trade.paid_at is not None:
        fields |= _payment_fields(trade)
    if trade.closed_at is not None:
        fields["gmt_close"] = beijing(trade.closed_at)
    if refund is not None:
        fields |= _refund_fields(trade, refund)
    return {name: value for name, value in fields.items() if value}


def _trade_fields(trade: Trade) -> dict[str, str]:
    env = settings.SANDBOX
    return {
        "notify_type": "trade_status_sync",
        "app_id": env.alipay_app_id,
        "auth_app_id": env.alipay_app_id,
        "charset": "utf-8",
        "version": "1.0",
        "trade_no": trade.trade_no,
        "out_trade_no": trade.out_trade_no,
        "buyer_id": trade.buyer_id,
        "buyer_logon_id": trade.buyer_logon_id,
        "seller_id": env.alipay_seller_id,
        "seller_email": "shop@sandbox.com",
        "trade_status": trade.status,
        "total_amount": yuan(trade.total_amount),
        "subject": trade.subject,
        "body": trade.body,
        "passback_params": trade.passback_params,
        "gmt_create": beijing(trade.created_at),
    }


def _payment_fields(trade: Trade) -> dict[str, str]:
    amount = yuan(trade.total_amount)
    fund = compact({"amount": amount, "fundChannel": "ALIPAYACCOUNT"})
    return {
        "gmt_payment": beijing(trade.paid_at or now()),
        "receipt_amount": amount,
        "invoice_amount": amount,
        "buyer_pay_amount": amount,
        "point_amount": "0.00",
        "fund_bill_list": f"[{fund}]",
    }


def _refund_fields(trade: Trade, refund: Refund) -> dict[str, str]:
    """`refund_fee` is the sum of all refunds so far; `out_biz_no` says which request this one is."""
    return {
        "out_biz_no": refund.out_request_no,
        "refund_fee": yuan(trade.refunded_amount),
        "gmt_refund": beijing(refund.paid_at or now()) + ".000",
    }
