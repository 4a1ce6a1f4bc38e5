"""alipay.trade.close and alipay.trade.cancel: ending a trade that is not, or not certainly, paid."""

from django.http import HttpRequest
from faults.models import Fault

from alipay_simulator import states
from alipay_simulator.errors import BusinessFailure
from alipay_simulator.methods.query import identity
from alipay_simulator.models import PayLink, Trade
from alipay_simulator.refunds import refund_make
from alipay_simulator.requests_in import GatewayRequest
from alipay_simulator.trades import trade_close, trade_find, trade_get


def close(call: GatewayRequest, http: HttpRequest, fault: Fault | None) -> dict[str, object]:
    """Only an unpaid trade. One the buyer has not opened yet does not exist, and its link stays payable."""
    trade = trade_get(out_trade_no=call.out_trade_no, trade_no=str(call.biz.get("trade_no", "")))
    if not trade_close(trade):
        raise BusinessFailure("ACQ.TRADE_STATUS_ERROR")
    return identity(trade)


def cancel(call: GatewayRequest, http: HttpRequest, fault: Fault | None) -> dict[str, object]:
    """For QR payments of unknown outcome: closes what is unpaid, refunds what is paid, kills the link."""
    trade = trade_find(out_trade_no=call.out_trade_no, trade_no=str(call.biz.get("trade_no", "")))
    if trade is not None and trade.product != states.QR:
        raise BusinessFailure("ACQ.INVALID_PARAMETER", "只有当面付交易可以撤销")
    PayLink.objects.filter(out_trade_no=call.out_trade_no, product=states.QR).update(is_cancelled=True)
    if trade is None:
        return {"out_trade_no": call.out_trade_no, "retry_flag": "N"}
    return {**identity(trade), "retry_flag": "N", "action": _undo(trade)}


def _undo(trade: Trade) -> str:
    if trade_close(trade) or trade.status == states.TRADE_CLOSED:
        return "close"
    left = trade.total_amount - trade.refunded_amount
    refund_make(trade, amount=left, out_request_no=f"cancel-{trade.trade_no}", reason="cancel")
    return "refund"
