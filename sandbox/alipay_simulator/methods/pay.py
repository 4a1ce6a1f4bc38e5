"""page.pay, wap.pay, precreate: a signed wish to pay becomes a link. The trade waits for the buyer."""

import secrets
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.http import HttpRequest
from faults.models import Fault

from alipay_simulator import states
from alipay_simulator.errors import BusinessFailure
from alipay_simulator.models import PayLink
from alipay_simulator.requests_in import GatewayRequest
from alipay_simulator.switches import now
from alipay_simulator.trades import trade_find
from alipay_simulator.wire import parse_amount, parse_beijing, parse_express

# The product_code each product must be called with; left out is forgiven, as the real gateway does for QR.
PRODUCT_CODES = {
    states.PAGE: "FAST_INSTANT_TRADE_PAY",
    states.WAP: "QUICK_WAP_WAY",
    states.QR: "FACE_TO_FACE_PAYMENT",
}
# python-alipay-sdk sends this one for wap.
WAP_CODES = ("QUICK_WAP_WAY", "QUICK_WAP_PAY")


def precreate(call: GatewayRequest, http: HttpRequest, fault: Fault | None) -> dict[str, object]:
    link = link_make(call, states.QR)
    return {"out_trade_no": link.out_trade_no, "qr_code": http.build_absolute_uri(f"/qr/{link.token}")}


def link_make(call: GatewayRequest, product: str) -> PayLink:
    """Checks the business parameters and keeps the wish. Raises BusinessFailure."""
    out_trade_no = _text(call.biz, "out_trade_no", 64, required=True)
    _check_product_code(call.biz, product)
    _check_open(out_trade_no, _amount(call.biz))
    return PayLink.objects.create(
        token=secrets.token_urlsafe(16),
        product=product,
        out_trade_no=out_trade_no,
        total_amount=_amount(call.biz),
        subject=_text(call.biz, "subject", 256, required=True),
        body=_text(call.biz, "body", 400),
        passback_params=_text(call.biz, "passback_params", 512),
        notify_url=call.parameters.get("notify_url", ""),
        return_url=call.parameters.get("return_url", ""),
        timeout_express=_express(call.biz),
        time_expire=_expire(call.biz),
        created_at=now(),
    )


def _check_product_code(biz: dict[str, Any], product: str) -> None:
    code = biz.get("product_code", PRODUCT_CODES[product])
    allowed = WAP_CODES if product == states.WAP else (PRODUCT_CODES[product],)
    if code not in allowed:
        raise BusinessFailure("ACQ.INVALID_PARAMETER", f"product_code 应为 {allowed[0]}")


def _check_open(out_trade_no: str, amount: Decimal) -> None:
    trade = trade_find(out_trade_no=out_trade_no)
    if trade is None:
        return
    if trade.status in states.PAID:
        raise BusinessFailure("ACQ.TRADE_HAS_SUCCESS")
    if trade.status == states.TRADE_CLOSED:
        raise BusinessFailure("ACQ.TRADE_HAS_CLOSE")
    if trade.total_amount != amount:
        raise BusinessFailure("ACQ.CONTEXT_INCONSISTENT")


def _text(biz: dict[str, Any], name: str, longest: int, *, required: bool = False) -> str:
    value = biz.get(name, "")
    if not isinstance(value, str) or len(value) > longest or (required and not value):
        raise BusinessFailure("ACQ.INVALID_PARAMETER", f"参数无效: {name}")
    return value


def _amount(biz: dict[str, Any]) -> Decimal:
    try:
        return parse_amount(biz.get("total_amount"))
    except ValueError as wrong:
        raise BusinessFailure("ACQ.INVALID_PARAMETER", "参数无效: total_amount") from wrong


def _express(biz: dict[str, Any]) -> str:
    text = _text(biz, "timeout_express", 8)
    if not text:
        return ""
    try:
        parse_express(text, now())
    except ValueError as wrong:
        raise BusinessFailure("ACQ.INVALID_PARAMETER", "参数无效: timeout_express") from wrong
    return text


def _expire(biz: dict[str, Any]) -> datetime | None:
    text = _text(biz, "time_expire", 32)
    try:
        return parse_beijing(text) if text else None
    except ValueError as wrong:
        raise BusinessFailure("ACQ.INVALID_PARAMETER", "参数无效: time_expire") from wrong
