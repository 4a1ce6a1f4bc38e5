"""alipay.trade.refund and alipay.trade.fastpay.refund.query."""

from decimal import Decimal
from typing import Any

from django.http import HttpRequest
from faults.models import Fault

from alipay_simulator.errors import BusinessFailure
from alipay_simulator.methods.query import buyer, identity
from alipay_simulator.models import Refund
from alipay_simulator.refunds import refund_find, refund_make, refundable
from alipay_simulator.requests_in import GatewayRequest
from alipay_simulator.trades import trade_get
from alipay_simulator.wire import beijing, parse_amount, yuan


def refund(call: GatewayRequest, http: HttpRequest, fault: Fault | None) -> dict[str, object]:
    """`fund_change` Y: money moved now; N: it already had (same number again), or it is not decided yet."""
    trade = refundable(call.out_trade_no, str(call.biz.get("trade_no", "")))
    slow = fault if fault is not None and fault.kind == "slow_refund" else None
    made, moved = refund_make(
        trade,
        amount=_amount(call.biz),
        out_request_no=str(call.biz.get("out_request_no", "")),
        reason=str(call.biz.get("refund_reason", "")),
        slow=slow,
    )
    trade.refresh_from_db()
    return {
        **identity(trade),
        **buyer(trade),
        "fund_change": "Y" if moved else "N",
        "refund_fee": yuan(trade.refunded_amount),
        "send_back_fee": yuan(made.amount),
        "gmt_refund_pay": beijing(made.paid_at) if made.paid_at else None,
    }


def refund_query(call: GatewayRequest, http: HttpRequest, fault: Fault | None) -> dict[str, object]:
    """10000 only means the question was understood: without `refund_status` nothing was refunded (yet)."""
    trade = trade_get(out_trade_no=call.out_trade_no, trade_no=str(call.biz.get("trade_no", "")))
    number = str(call.biz.get("out_request_no", ""))
    if not number:
        raise BusinessFailure("ACQ.INVALID_PARAMETER", "参数无效: out_request_no")
    found = refund_find(trade, number)
    node: dict[str, object] = {**identity(trade), "out_request_no": number}
    if found is None or found.state != Refund.State.SUCCESS:
        return node
    options = call.biz.get("query_options") or []
    return {
        **node,
        "total_amount": yuan(trade.total_amount),
        "refund_amount": yuan(found.amount),
        "refund_reason": found.reason or None,
        "refund_status": found.state,
        "gmt_refund_pay": beijing(found.paid_at) if found.paid_at and "gmt_refund_pay" in options else None,
    }


def _amount(biz: dict[str, Any]) -> Decimal:
    try:
        return parse_amount(biz.get("refund_amount"))
    except ValueError as wrong:
        raise BusinessFailure("ACQ.INVALID_PARAMETER", "参数无效: refund_amount") from wrong
