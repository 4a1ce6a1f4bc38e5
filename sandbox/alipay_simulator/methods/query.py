"""alipay.trade.query: what became of a trade."""

from django.http import HttpRequest
from faults.models import Fault

from alipay_simulator.errors import BusinessFailure
from alipay_simulator.models import Trade
from alipay_simulator.requests_in import GatewayRequest
from alipay_simulator.trades import trade_find
from alipay_simulator.wire import beijing, yuan

NOTHING = "0.00"
EMPTY_AMOUNTS = {
    "receipt_amount": NOTHING,
    "buyer_pay_amount": NOTHING,
    "invoice_amount": NOTHING,
    "point_amount": NOTHING,
}


def query(call: GatewayRequest, http: HttpRequest, fault: Fault | None) -> dict[str, object]:
    trade = trade_find(out_trade_no=call.out_trade_no, trade_no=str(call.biz.get("trade_no", "")))
    if trade is None:
        raise BusinessFailure("ACQ.TRADE_NOT_EXIST", out_trade_no=call.out_trade_no, **EMPTY_AMOUNTS)
    return {**identity(trade), **_state(trade)}


def identity(trade: Trade) -> dict[str, object]:
    return {"trade_no": trade.trade_no, "out_trade_no": trade.out_trade_no}


def buyer(trade: Trade) -> dict[str, object]:
    return {"buyer_logon_id": trade.buyer_logon_id, "buyer_user_id": trade.buyer_id}


def _state(trade: Trade) -> dict[str, object]:
    paid = yuan(trade.total_amount) if trade.paid_at else NOTHING
    funds = [{"amount": paid, "fund_channel": "ALIPAYACCOUNT"}] if trade.paid_at else None
    return {
        **buyer(trade),
        "trade_status": trade.status,
        "total_amount": yuan(trade.total_amount),
        **dict.fromkeys(("receipt_amount", "buyer_pay_amount", "invoice_amount"), paid),
        "point_amount": NOTHING,
        "send_pay_date": beijing(trade.paid_at) if trade.paid_at else None,
        "fund_bill_list": funds,
    }
