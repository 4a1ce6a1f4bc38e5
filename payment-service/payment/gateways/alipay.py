"""Alipay: page, wap and QR payments, queries, closing, refunds. Facts of the protocol live here and
nowhere above.

Sources: Alipay's open documents as quoted beside each rule. An answer is final only when its code is on
one of the lists below; everything else (timeouts, 20000, ACQ.SYSTEM_ERROR, HTML, a signature that does not
verify, any exception of the SDK) raises `ProviderUnknown`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from common import clock, telemetry
from common.counters import PROVIDER_CALLS, PROVIDER_SECONDS
from common.errors import InvalidAmount
from common.log import get_logger
from common.money import format_amount, parse_amount
from common.resilience import Bulkhead
from payment.errors import ProviderFailed, ProviderUnknown
from payment.gateways import alipay_notify
from payment.gateways.alipay_sdk import AlipayConfig, Transport, http_transport, make_client
from payment.gateways.base import (
    Channel,
    Charge,
    CloseState,
    Notification,
    PayData,
    PaymentGateway,
    RefundAnswer,
    RefundState,
    Trade,
    TradeState,
)

log = get_logger(__name__)

OK = "10000"
# Closing: past closing, so a query tells what it is.
CLOSE_REFUSED = frozenset(
    {"ACQ.TRADE_STATUS_ERROR", "ACQ.REASON_TRADE_STATUS_INVALID", "ACQ.TRADE_HAS_SUCCESS"}
)
# Opening: this trade can never be opened as asked.
OPEN_FINAL = frozenset(
    {
        "ACQ.TRADE_HAS_SUCCESS",
        "ACQ.TRADE_HAS_CLOSE",
        "ACQ.CONTEXT_INCONSISTENT",
        "ACQ.INVALID_PARAMETER",
        "ACQ.TOTAL_FEE_EXCEED",
    }
)
# Refunding: nothing was and nothing will be paid back under this number.
REFUND_FINAL = frozenset(
    {
        "ACQ.TRADE_HAS_FINISHED",
        "ACQ.TRADE_NOT_ALLOW_REFUND",
        "ACQ.REASON_TRADE_REFUND_FEE_ERR",
        "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL",
        "ACQ.TRADE_STATUS_ERROR",
        "ACQ.REASON_TRADE_STATUS_INVALID",
        "ACQ.INVALID_PARAMETER",
    }
)
# The merchant's purse is empty: the same number is sent again later, and an operator hears of it.
REFUND_LATER = frozenset({"ACQ.SELLER_BALANCE_NOT_ENOUGH"})

_CHANNELS = {
    Channel.PAGE: ("alipay.trade.page.pay", "FAST_INSTANT_TRADE_PAY"),
    Channel.WAP: ("alipay.trade.wap.pay", "QUICK_WAP_PAY"),
}


class AlipayGateway(PaymentGateway):
    """One Alipay application. Thread-safe: nothing changes after construction; only so many call at once."""

    def __init__(self, config: AlipayConfig, *, send: Transport | None = None) -> None:
        self._config = config
        self._client = make_client(config, send or http_transport(config.connect_timeout))
        self._bulkhead = Bulkhead("Alipay", limit=config.places, patience_seconds=config.patience)

    def open(self, charge: Charge) -> PayData:
        """The signed cashier URL (made here, no call) and the QR text (asked for; "" when Alipay is silent).

        On the QR channel there is no other way to pay, so there the silence is raised; a phone's browser
        (WAP) has no use for a code.
        """
        url = self._cashier_url(charge) if charge.channel in _CHANNELS else ""
        if charge.channel is Channel.WAP:
            return PayData(url=url, qr_code="")
        try:
            return PayData(url=url, qr_code=self._precreate(charge))
        except (ProviderUnknown, ProviderFailed):
            if not url:
                raise
            return PayData(url=url, qr_code="")

    def query(self, out_trade_no: str) -> Trade:
        """alipay.trade.query. An answer about another trade is no answer."""
        answer = self._call("alipay.trade.query", {"out_trade_no": out_trade_no})
        if answer.get("code") == OK:
            return _trade(answer, out_trade_no)
        if _why(answer) == "ACQ.TRADE_NOT_EXIST":
            return Trade(state=TradeState.NOT_EXIST, word="TRADE_NOT_EXIST")
        raise _unknown("query", answer)

    def close(self, out_trade_no: str) -> CloseState:
        """alipay.trade.close: works on WAIT_BUYER_PAY alone."""
        answer = self._call("alipay.trade.close", {"out_trade_no": out_trade_no})
        if answer.get("code") == OK:
            return CloseState.CLOSED
        if _why(answer) == "ACQ.TRADE_NOT_EXIST":
            return CloseState.NOT_EXIST
        if _why(answer) in CLOSE_REFUSED:
            return CloseState.REFUSED
        raise _unknown("close", answer)

    def refund(self, *, out_trade_no: str, out_request_no: str, amount: Decimal, reason: str) -> RefundAnswer:
        """alipay.trade.refund. 10000 means accepted; money moved only where `fund_change` is Y.

        A repeat of a refund that went through answers 10000 with `fund_change` N, so N is WAITING: ask.
        """
        content = {
            "out_trade_no": out_trade_no,
            "out_request_no": out_request_no,
            "refund_amount": format_amount(amount),
            "refund_reason": _plain(reason, 100) or "refund",
        }
        answer = self._call("alipay.trade.refund", content)
        if answer.get("code") == OK:
            moved = answer.get("fund_change") == "Y" and answer.get("out_trade_no") == out_trade_no
            return RefundAnswer(RefundState.SUCCEEDED if moved else RefundState.WAITING, "fund_change")
        if _why(answer) in REFUND_FINAL:
            return RefundAnswer(RefundState.FAILED, _why(answer))
        if _why(answer) in REFUND_LATER:
            log.error("refund_short_of_funds", out_request_no=out_request_no)
            return RefundAnswer(RefundState.WAITING, _why(answer))
        raise _unknown("refund", answer)

    def query_refund(self, *, out_trade_no: str, out_request_no: str) -> RefundAnswer:
        """alipay.trade.fastpay.refund.query. 10000 means the query worked, not the refund."""
        content = {"out_trade_no": out_trade_no, "out_request_no": out_request_no}
        answer = self._call("alipay.trade.fastpay.refund.query", content)
        if answer.get("code") != OK:
            if _why(answer) in ("ACQ.TRADE_NOT_EXIST", "ACQ.REFUND_NOT_EXIST"):
                return RefundAnswer(RefundState.NOT_FOUND, _why(answer))
            raise _unknown("query_refund", answer)
        return _refund_answer(answer, out_trade_no, out_request_no)

    def read_notify(self, body: bytes) -> Notification:
        """See alipay_notify."""
        return alipay_notify.read_notify(self._client, self._config, body)

    def read_return(self, parameters: Mapping[str, str]) -> str:
        """See alipay_notify."""
        return alipay_notify.read_return(self._client, self._config, parameters)

    def _cashier_url(self, charge: Charge) -> str:
        method, product = _CHANNELS[charge.channel]
        content = _charge_content(charge) | {"product_code": product}
        signed = self._client.client_api(
            method, content, return_url=charge.return_url, notify_url=self._config.notify_url
        )
        return f"{self._config.gateway_url}?{signed}"

    def _precreate(self, charge: Charge) -> str:
        answer = self._call(
            "alipay.trade.precreate", _charge_content(charge), notify_url=self._config.notify_url
        )
        if answer.get("code") == OK and answer.get("out_trade_no") == charge.out_trade_no:
            return str(answer.get("qr_code", ""))
        if _why(answer) in OPEN_FINAL:
            raise ProviderFailed(reason=_why(answer))
        raise _unknown("precreate", answer)

    def _call(self, method: str, content: dict[str, Any], **common: str) -> dict[str, Any]:
        """One signed call and its verified answer. Whatever goes wrong on the way is an unknown result."""
        started = time.monotonic()
        try:
            with self._bulkhead.place(), telemetry.span(method, {"peer.service": "alipay"}, kind="client"):
                answer = self._client.server_api(method, content, **common)
        except Exception as wrong:
            # The SDK raises from a dozen families (urllib, http.client, json, its own, AttributeError):
            # a list would miss one, and a missed one would read as a bug where it is only silence.
            log.warning("alipay_no_answer", method=method, error=type(wrong).__name__)
            _count(method, "no_answer", started)
            raise ProviderUnknown from wrong
        _count(method, "answered" if isinstance(answer, dict) else "no_answer", started)
        if not isinstance(answer, dict):
            raise ProviderUnknown
        return answer


def _count(method: str, outcome: str, started: float) -> None:
    PROVIDER_CALLS.labels("alipay", method, outcome).inc()
    PROVIDER_SECONDS.labels("alipay", method).observe(time.monotonic() - started)


def _charge_content(charge: Charge) -> dict[str, str]:
    """`time_expire` bounds the trade even where it is created only when the buyer scans."""
    return {
        "out_trade_no": charge.out_trade_no,
        "total_amount": format_amount(charge.amount),
        "subject": _plain(charge.subject, 128) or charge.out_trade_no,
        "time_expire": charge.expires_at.astimezone(clock.SHANGHAI).strftime("%Y-%m-%d %H:%M:%S"),
    }


def _plain(text: str, longest: int) -> str:
    """Alipay forbids `/`, `=` and `&` in subjects; control characters go too."""
    kept = "".join(" " if char in "/=&" else char for char in text if char.isprintable())
    return kept.strip()[:longest]


def _trade(answer: Mapping[str, Any], out_trade_no: str) -> Trade:
    word = str(answer.get("trade_status", ""))
    state = alipay_notify.TRADE_STATES.get(word)
    if state is None or answer.get("out_trade_no") != out_trade_no:
        raise _unknown("query", answer)
    return Trade(
        state=state,
        word=word,
        trade_no=str(answer.get("trade_no", "")),
        total_amount=_amount(answer.get("total_amount")),
        paid_at=alipay_notify.moment(answer.get("send_pay_date")),
    )


def _refund_answer(answer: Mapping[str, Any], out_trade_no: str, out_request_no: str) -> RefundAnswer:
    """Success is `refund_status` REFUND_SUCCESS; older gateways name only a `refund_amount`."""
    status, amount = answer.get("refund_status"), _amount(answer.get("refund_amount"))
    if not status and amount is None:
        return RefundAnswer(RefundState.NOT_FOUND, "no_refund")
    if answer.get("out_trade_no") != out_trade_no or answer.get("out_request_no") != out_request_no:
        raise _unknown("query_refund", answer)
    if status in (None, "", "REFUND_SUCCESS"):
        return RefundAnswer(RefundState.SUCCEEDED, "REFUND_SUCCESS", amount)
    if status == "REFUND_FAIL":
        return RefundAnswer(RefundState.FAILED, "REFUND_FAIL", amount)
    return RefundAnswer(RefundState.WAITING, str(status), amount)


def _amount(text: Any) -> Decimal | None:
    try:
        return parse_amount(text, zero_ok=True) if text else None
    except InvalidAmount as wrong:
        raise ProviderUnknown from wrong


def _why(answer: Mapping[str, Any]) -> str:
    return str(answer.get("sub_code") or answer.get("code") or "no_code")


def _unknown(call: str, answer: Mapping[str, Any]) -> ProviderUnknown:
    log.warning("alipay_unclear_answer", call=call, code=answer.get("code"), sub_code=answer.get("sub_code"))
    return ProviderUnknown()
