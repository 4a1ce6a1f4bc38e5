"""What FakeAlipay keeps and does: trades, refunds, and the strictness of the real ones.

Room: testing. How calls arrive and answers leave is `provider`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import count
from typing import Any

from common import clock
from common.testing.provider_keys import beijing

ZERO = Decimal("0.00")
_AMOUNT = re.compile(r"(?:0|[1-9][0-9]{0,8})\.[0-9]{2}")


class Refusal(Exception):
    """A business no: `code` and `sub_code` of the answer."""

    def __init__(self, sub_code: str, code: str = "40004") -> None:
        self.code, self.sub_code = code, sub_code


@dataclass
class FakeTrade:
    """One trade as Alipay keeps it."""

    out_trade_no: str
    trade_no: str
    amount: Decimal
    subject: str
    product: str
    expires_at: datetime | None
    status: str = "WAIT_BUYER_PAY"
    created_at: datetime = field(default_factory=lambda: clock.now())
    paid_at: datetime | None = None
    closed_at: datetime | None = None
    refunds: dict[str, Decimal] = field(default_factory=dict)

    @property
    def refunded(self) -> Decimal:
        """The sum of all refunds."""
        return sum(self.refunds.values(), ZERO)


class FakeTrades:
    """The trades of one Alipay, and the effects of each method on them.

    `planned_refusal(method)` is asked before each effect; `tell(trade, refund)` is called where Alipay
    notifies.
    """

    def __init__(self) -> None:
        self.trades: dict[str, FakeTrade] = {}
        self.offers: dict[str, dict[str, str]] = {}
        self.numbers = count(1)

    def planned_refusal(self, method: str) -> str:
        """The sub_code a switch wants; "" for none."""
        raise NotImplementedError

    def tell(self, trade: FakeTrade, refund: str = "") -> None:
        """Queue a notice."""
        raise NotImplementedError

    def balance(self, out_trade_no: str) -> Decimal:
        """What the merchant holds of this trade."""
        trade = self.trades.get(out_trade_no)
        return trade.amount - trade.refunded if trade and trade.paid_at else ZERO

    def finish(self, out_trade_no: str) -> None:
        """The refund window is over."""
        self.trades[out_trade_no].status = "TRADE_FINISHED"

    def perform(self, method: str, content: dict[str, Any]) -> dict[str, Any]:
        """The effect of an admitted call, and its answer."""
        effects = {
            "alipay.trade.precreate": self._precreate,
            "alipay.trade.query": self._query,
            "alipay.trade.close": self._close,
            "alipay.trade.refund": self._refund,
            "alipay.trade.fastpay.refund.query": self._query_refund,
        }
        try:
            if method not in effects:
                raise Refusal("isv.invalid-method", "40002")
            if refused := self.planned_refusal(method):
                raise Refusal(refused)
            return {"code": "10000", "msg": "Success", **effects[method](content)}
        except Refusal as refused:
            return refusal_answer(refused)

    def create_trade(self, content: Mapping[str, str], product: str) -> FakeTrade:
        """The buyer came: the trade exists from now on. Refusal when the same number meant another charge."""
        number = content["out_trade_no"]
        amount, subject = content.get("total_amount", ""), content.get("subject", "")
        if not _AMOUNT.fullmatch(amount) or not subject or set(subject) & set("/=&"):
            raise Refusal("ACQ.INVALID_PARAMETER")
        expires = content.get("time_expire")
        known = self.trades.get(number)
        if known is None:
            trade_no = f"{clock.now():%Y%m%d}22001{next(self.numbers):015d}"
            until = clock.parse_shanghai(expires) if expires else None
            known = FakeTrade(number, trade_no, Decimal(amount), subject, product, until)
            if until and until <= clock.now():
                raise Refusal("ACQ.INVALID_PARAMETER")
            self.trades[number] = known
        elif (known.amount, known.subject) != (Decimal(amount), subject):
            raise Refusal("ACQ.CONTEXT_INCONSISTENT")
        return known

    def _precreate(self, content: dict[str, Any]) -> dict[str, Any]:
        if not _AMOUNT.fullmatch(content.get("total_amount", "")) or not content.get("subject"):
            raise Refusal("ACQ.INVALID_PARAMETER")
        known = self.trades.get(content["out_trade_no"])
        if known and known.status != "WAIT_BUYER_PAY":
            closed = known.status == "TRADE_CLOSED"
            raise Refusal("ACQ.TRADE_HAS_CLOSE" if closed else "ACQ.TRADE_HAS_SUCCESS")
        qr_code = f"https://qr.alipay.test/bax{content['out_trade_no']}"
        self.offers[qr_code] = content
        return {"out_trade_no": content["out_trade_no"], "qr_code": qr_code}

    def _query(self, content: dict[str, Any]) -> dict[str, Any]:
        trade = self._known(content)
        answer = {
            "out_trade_no": trade.out_trade_no,
            "trade_no": trade.trade_no,
            "trade_status": trade.status,
            "total_amount": f"{trade.amount:.2f}",
            "buyer_logon_id": "ali***@example.com",
            "subject": f"{trade.subject} {{",
        }
        return answer | ({"send_pay_date": beijing(trade.paid_at)} if trade.paid_at else {})

    def _close(self, content: dict[str, Any]) -> dict[str, Any]:
        trade = self._known(content)
        if trade.status != "WAIT_BUYER_PAY":
            raise Refusal("ACQ.TRADE_STATUS_ERROR")
        self._shut(trade)
        return {"out_trade_no": trade.out_trade_no, "trade_no": trade.trade_no}

    def _refund(self, content: dict[str, Any]) -> dict[str, Any]:
        trade = self._known(content)
        number, text = content.get("out_request_no", ""), content.get("refund_amount", "")
        if not number or not isinstance(text, str) or not _AMOUNT.fullmatch(text):
            raise Refusal("ACQ.INVALID_PARAMETER")
        amount, again = Decimal(text), number in trade.refunds
        if again and trade.refunds[number] != amount:
            raise Refusal("ACQ.DISCORDANT_REPEAT_REQUEST")
        if not again:
            self._pay_back(trade, number, amount)
        return {
            "out_trade_no": trade.out_trade_no,
            "trade_no": trade.trade_no,
            "refund_fee": f"{trade.refunded:.2f}",
            "fund_change": "N" if again else "Y",
        }

    def _pay_back(self, trade: FakeTrade, number: str, amount: Decimal) -> None:
        if trade.status == "TRADE_FINISHED":
            raise Refusal("ACQ.TRADE_HAS_FINISHED")
        if not trade.paid_at:
            raise Refusal("ACQ.TRADE_STATUS_ERROR")
        if trade.refunded + amount > trade.amount:
            raise Refusal("ACQ.REASON_TRADE_REFUND_FEE_ERR")
        trade.refunds[number] = amount
        if trade.refunded == trade.amount:
            trade.status, trade.closed_at = "TRADE_CLOSED", clock.now()
        self.tell(trade, number)

    def _query_refund(self, content: dict[str, Any]) -> dict[str, Any]:
        trade, number = self._known(content), content.get("out_request_no", "")
        if number not in trade.refunds:
            return {}
        return {
            "out_trade_no": trade.out_trade_no,
            "trade_no": trade.trade_no,
            "out_request_no": number,
            "refund_amount": f"{trade.refunds[number]:.2f}",
            "total_amount": f"{trade.amount:.2f}",
            "refund_status": "REFUND_SUCCESS",
        }

    def _known(self, content: dict[str, Any]) -> FakeTrade:
        trade = self.trades.get(content["out_trade_no"])
        if trade is None:
            raise Refusal("ACQ.TRADE_NOT_EXIST")
        self.expire_due(trade)
        return trade

    def expire_due(self, trade: FakeTrade) -> None:
        """Close an unpaid trade whose time is over."""
        if trade.status == "WAIT_BUYER_PAY" and trade.expires_at and trade.expires_at <= clock.now():
            self._shut(trade)

    def _shut(self, trade: FakeTrade) -> None:
        trade.status, trade.closed_at = "TRADE_CLOSED", clock.now()
        if trade.product == "QUICK_WAP_PAY":
            self.tell(trade)


def refusal_answer(refused: Refusal) -> dict[str, Any]:
    """A business no as it goes out."""
    return {
        "code": refused.code,
        "msg": "Business Failed",
        "sub_code": refused.sub_code,
        "sub_msg": "refused",
    }
