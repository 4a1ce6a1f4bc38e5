"""What a payment provider must be able to do, in our words. One file per provider beside this one.

A provider file translates both ways and decides one thing only: whether an answer is final. Everything
that is not a believable, final answer raises `ProviderUnknown`; nobody above may read a timeout as a no.
It never sees our tables and opens no transaction. To add a provider, copy `alipay.py` and run the gateway
suite (`tests/gateways/test_gateway_suite.py`) on it unchanged.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


class Channel(StrEnum):
    """Where the buyer looks at the cashier."""

    PAGE = "page"
    WAP = "wap"
    QR = "qr"


class TradeState(StrEnum):
    """A trade as the provider knows it. NOT_EXIST is not "never": an unscanned QR code can still be paid."""

    NOT_EXIST = "not_exist"
    WAITING = "waiting"
    PAID = "paid"
    CLOSED = "closed"


class CloseState(StrEnum):
    """What closing came to. REFUSED: the trade is past closing, ask what it is."""

    CLOSED = "closed"
    NOT_EXIST = "not_exist"
    REFUSED = "refused"


class RefundState(StrEnum):
    """A refund as the provider knows it. WAITING: accepted or short of funds, ask or repeat later."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    WAITING = "waiting"
    NOT_FOUND = "not_found"


@dataclass(frozen=True, slots=True)
class Charge:
    """What to collect. `out_trade_no` identifies the attempt for ever; `expires_at` bounds the cashier."""

    out_trade_no: str
    amount: Decimal
    subject: str
    expires_at: datetime
    return_url: str
    channel: Channel


@dataclass(frozen=True, slots=True)
class PayData:
    """How the buyer gets to the cashier; an empty string means this way is not offered."""

    url: str
    qr_code: str


@dataclass(frozen=True, slots=True)
class Trade:
    """A believed answer about a trade. Amounts and times are None where there is no trade."""

    state: TradeState
    word: str
    trade_no: str = ""
    total_amount: Decimal | None = None
    paid_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RefundAnswer:
    """A believed answer about a refund; `amount` is the provider's, None where it named none."""

    state: RefundState
    reason: str = ""
    amount: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Notification:
    """A callback whose signature, application and payee were verified. Amounts in CNY.

    `refund_fee` is cumulative over the trade's refunds; `refund_no` names the one this notice is about.
    """

    notify_id: str
    out_trade_no: str
    trade_no: str
    word: str
    state: TradeState
    total_amount: Decimal
    refund_fee: Decimal | None
    refund_no: str
    paid_at: datetime | None


class PaymentGateway(ABC):
    """One provider. Methods raise ProviderUnknown (no believable answer) or ProviderFailed (a final no)."""

    @abstractmethod
    def open(self, charge: Charge) -> PayData:
        """Make the ways to the cashier. Repeating it with the same charge is harmless."""

    @abstractmethod
    def query(self, out_trade_no: str) -> Trade:
        """What the provider knows about a trade."""

    @abstractmethod
    def close(self, out_trade_no: str) -> CloseState:
        """Close an unpaid trade."""

    @abstractmethod
    def refund(self, *, out_trade_no: str, out_request_no: str, amount: Decimal, reason: str) -> RefundAnswer:
        """Pay back. The same `out_request_no` and amount pays back once however often it is sent."""

    @abstractmethod
    def query_refund(self, *, out_trade_no: str, out_request_no: str) -> RefundAnswer:
        """What the provider knows about a refund."""

    @abstractmethod
    def read_notify(self, body: bytes) -> Notification:
        """Verify a raw callback; CallbackRefused(reason) when any check fails."""

    @abstractmethod
    def read_return(self, parameters: Mapping[str, str]) -> str:
        """Verify what the buyer's browser brought back; its `out_trade_no`. CallbackRefused otherwise."""
