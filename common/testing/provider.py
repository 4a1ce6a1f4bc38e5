"""FakeAlipay: the payment provider inside the test process. It really signs (RSA2) and is as strict as the
real one.

It stands where the wire is: `FakeAlipay.send` is the transport of the payment service's gateway class, so
tests run the code that talks to Alipay, not a stand-in for it. It passes the same gateway suite as the
sandbox's simulator. Buyers act through `scan`, `pay_url` and `pay_qr`; `notices` collects what Alipay
would post; `fail_next` and `refuse_next` make trouble. It knows nothing of our services and imports none.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import count
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from common import clock

ZERO = Decimal("0.00")
_AMOUNT = re.compile(r"(?:0|[1-9][0-9]{0,8})\.[0-9]{2}")
_TRADE_NO = re.compile(r"[0-9A-Za-z_-]{1,64}")
_STAMP = "%Y-%m-%d %H:%M:%S"
SKEW = timedelta(minutes=15)


@cache
def rsa_key(name: str) -> rsa.RSAPrivateKey:
    """A key pair per name, made once per process (making one takes a tenth of a second)."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private_pem(key: rsa.RSAPrivateKey) -> str:
    """PKCS8 PEM."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def public_pem(key: rsa.RSAPrivateKey) -> str:
    """SubjectPublicKeyInfo PEM."""
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def rsa2(key: rsa.RSAPrivateKey, text: str) -> str:
    """SHA256withRSA, PKCS1 v1.5, Base64."""
    return base64.b64encode(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()


def canonical(fields: Mapping[str, str], *, without: frozenset[str]) -> str:
    """The text that is signed: sorted `k=v` joined by `&`, unquoted, empty values left out."""
    return "&".join(f"{k}={fields[k]}" for k in sorted(fields) if k not in without and fields[k] != "")


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


class FakeAlipay:
    """One Alipay with one registered application.

    `balance(out_trade_no)` is what the merchant holds: the number money tests compare our ledger with.
    """

    def __init__(self, *, app_id: str = "2021000000000001", seller_id: str = "2088000000000001") -> None:
        self.app_id, self.seller_id = app_id, seller_id
        self.gateway_url = "https://alipay.test/gateway.do"
        self.key = rsa_key("alipay")
        self.app_key = rsa_key("application")
        self.trades: dict[str, FakeTrade] = {}
        self.offers: dict[str, dict[str, str]] = {}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.notices: list[bytes] = []
        self._trouble: list[tuple[str, str, str]] = []
        self._numbers = count(1)
        self._lock = threading.RLock()
        # Runs with (method, "before" | "after") around each effect: crash tests raise or kill here.
        self.on_effect: Callable[[str, str], None] = lambda method, moment: None

    # -- the wire -----------------------------------------------------------------------------------------

    def send(self, url: str, body: Mapping[str, str], timeout: float) -> bytes:
        """Answer one `gateway.do` call; raises TimeoutError where a switch says so."""
        parameters = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True)) | dict(body)
        method = parameters.get("method", "")
        with self._lock:
            try:
                content = self._admit(parameters)
            except Refusal as refused:
                return self._emit(method, _no(refused), signed=refused.sub_code != "isv.invalid-app-id")
            self.calls.append((method, content))
            how = self._next_trouble(method)
            if how.startswith("before:"):
                return self._misbehave(how.removeprefix("before:"), method)
            self.on_effect(method, "before")
            answer = self._perform(method, content)
            self.on_effect(method, "after")
            if how.startswith("after:"):
                return self._misbehave(how.removeprefix("after:"), method)
            return self._emit(method, answer)

    def fail_next(self, method: str, *, how: str = "timeout", after: bool = False, times: int = 1) -> None:
        """Make the next call(s) of `method` end without a believable answer, before or after its effect.

        `how`: timeout, refused_connection, html, bad_sign, unsigned, 20000, system_error, foreign.
        """
        moment = "after" if after else "before"
        self._trouble += [(method, f"{moment}:{how}", "")] * times

    def refuse_next(self, method: str, sub_code: str, *, times: int = 1) -> None:
        """Answer the next call(s) of `method` with a signed 40004 and this sub_code."""
        self._trouble += [(method, "refuse", sub_code)] * times

    def calls_of(self, method: str) -> list[dict[str, Any]]:
        """The contents of the admitted calls of one method, oldest first."""
        return [content for called, content in self.calls if called == method]

    # -- the buyer ----------------------------------------------------------------------------------------

    def pay_url(self, url: str) -> FakeTrade:
        """Open a cashier URL in a browser and pay. The signature is checked as in a call."""
        return self.pay(self.scan_url(url).out_trade_no)

    def scan_url(self, url: str) -> FakeTrade:
        """Open a cashier URL and log in: only now does the trade exist."""
        parameters = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
        with self._lock:
            content = self._admit(parameters)
            if content.get("product_code") not in ("FAST_INSTANT_TRADE_PAY", "QUICK_WAP_PAY"):
                raise Refusal("ACQ.INVALID_PARAMETER")
            return self._create(content, content["product_code"])

    def pay_qr(self, qr_code: str) -> FakeTrade:
        """Scan a QR code and pay."""
        with self._lock:
            trade = self._create(self.offers[qr_code], "FACE_TO_FACE_PAYMENT")
        return self.pay(trade.out_trade_no)

    def pay(self, out_trade_no: str) -> FakeTrade:
        """Pay a trade that waits; queues the TRADE_SUCCESS notice."""
        with self._lock:
            trade = self.trades[out_trade_no]
            self._expire(trade)
            if trade.status != "WAIT_BUYER_PAY":
                raise Refusal("ACQ.TRADE_STATUS_ERROR")
            trade.status, trade.paid_at = "TRADE_SUCCESS", clock.now()
            self.notices.append(self.notice(trade))
            return trade

    def finish(self, out_trade_no: str) -> None:
        """The refund window is over."""
        self.trades[out_trade_no].status = "TRADE_FINISHED"

    def balance(self, out_trade_no: str) -> Decimal:
        """What the merchant holds of this trade."""
        trade = self.trades.get(out_trade_no)
        return trade.amount - trade.refunded if trade and trade.paid_at else ZERO

    # -- notices ------------------------------------------------------------------------------------------

    def notice(self, trade: FakeTrade, *, refund: str = "", **changes: str) -> bytes:
        """A signed notification body about `trade` as it is now; `refund` names the refund it is about.

        `changes` are signed over: a wrong amount here is Alipay itself being wrong, not a tampered body.
        """
        fields = {
            "notify_time": _beijing(clock.now()),
            "notify_type": "trade_status_sync",
            "notify_id": f"notify{next(self._numbers):026d}",
            "app_id": self.app_id,
            "auth_app_id": self.app_id,
            "charset": "utf-8",
            "version": "1.0",
            "trade_no": trade.trade_no,
            "out_trade_no": trade.out_trade_no,
            "buyer_id": "2088000000009999",
            "buyer_logon_id": "ali***@example.com",
            "seller_id": self.seller_id,
            "trade_status": trade.status,
            "total_amount": f"{trade.amount:.2f}",
            "subject": trade.subject,
            "gmt_create": _beijing(trade.created_at),
            "gmt_payment": _beijing(trade.paid_at),
            "gmt_close": _beijing(trade.closed_at),
        }
        if refund:
            fields |= {"refund_fee": f"{trade.refunded:.2f}", "gmt_refund": f"{_beijing(clock.now())}.320"}
            fields["out_biz_no"] = refund
        return self.sign_form({k: v for k, v in (fields | changes).items() if v != ""})

    def sign_form(self, fields: Mapping[str, str], *, key: rsa.RSAPrivateKey | None = None) -> bytes:
        """`fields` as a signed form body; another `key` makes a forgery."""
        text = canonical(fields, without=frozenset({"sign", "sign_type"}))
        signed = dict(fields) | {"sign_type": "RSA2", "sign": rsa2(key or self.key, text)}
        return urlencode(signed).encode()

    def return_parameters(self, out_trade_no: str, **changes: str) -> dict[str, str]:
        """The signed query a paying buyer's browser comes back with."""
        trade = self.trades[out_trade_no]
        fields = {
            "app_id": self.app_id,
            "charset": "utf-8",
            "method": "alipay.trade.page.pay.return",
            "out_trade_no": out_trade_no,
            "trade_no": trade.trade_no,
            "total_amount": f"{trade.amount:.2f}",
            "seller_id": self.seller_id,
            "timestamp": _beijing(clock.now()),
            "version": "1.0",
        } | changes
        text = canonical(fields, without=frozenset({"sign", "sign_type"}))
        return fields | {"sign_type": "RSA2", "sign": rsa2(self.key, text)}

    # -- admission ----------------------------------------------------------------------------------------

    def _admit(self, parameters: dict[str, str]) -> dict[str, Any]:
        """The checks of the real gateway, in its order; the parsed `biz_content`."""
        if parameters.get("app_id") != self.app_id:
            raise Refusal("isv.invalid-app-id", "40002")
        if parameters.get("sign_type") != "RSA2" or parameters.get("charset") != "utf-8":
            raise Refusal("isv.invalid-signature-type", "40002")
        if parameters.get("version") != "1.0":
            raise Refusal("isv.invalid-parameter", "40002")
        self._check_timestamp(parameters.get("timestamp", ""))
        text = canonical(parameters, without=frozenset({"sign"}))
        try:
            self.app_key.public_key().verify(
                base64.b64decode(parameters.get("sign", "")),
                text.encode(),
                padding.PKCS1v15(),
                hashes.SHA256(),
            )
        except (InvalidSignature, ValueError) as wrong:
            raise Refusal("isv.invalid-signature", "40002") from wrong
        content = json.loads(parameters.get("biz_content", "{}"))
        if not _TRADE_NO.fullmatch(content.get("out_trade_no", "")):
            raise Refusal("ACQ.INVALID_PARAMETER")
        return content

    def _check_timestamp(self, text: str) -> None:
        try:
            at = clock.parse_shanghai(text)
        except ValueError as wrong:
            raise Refusal("isv.invalid-timestamp", "40002") from wrong
        if abs(clock.now() - at) > SKEW:
            raise Refusal("isv.invalid-timestamp", "40002")

    # -- effects ------------------------------------------------------------------------------------------

    def _perform(self, method: str, content: dict[str, Any]) -> dict[str, Any]:
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
            if refused := self._planned_refusal(method):
                raise Refusal(refused)
            return {"code": "10000", "msg": "Success", **effects[method](content)}
        except Refusal as refused:
            return _no(refused)

    def _create(self, content: Mapping[str, str], product: str) -> FakeTrade:
        number = content["out_trade_no"]
        amount, subject = content.get("total_amount", ""), content.get("subject", "")
        if not _AMOUNT.fullmatch(amount) or not subject or set(subject) & set("/=&"):
            raise Refusal("ACQ.INVALID_PARAMETER")
        expires = content.get("time_expire")
        known = self.trades.get(number)
        if known is None:
            trade_no = f"{clock.now():%Y%m%d}22001{next(self._numbers):015d}"
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
        return answer | ({"send_pay_date": _beijing(trade.paid_at)} if trade.paid_at else {})

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
        self.notices.append(self.notice(trade, refund=number))

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
        self._expire(trade)
        return trade

    def _expire(self, trade: FakeTrade) -> None:
        if trade.status == "WAIT_BUYER_PAY" and trade.expires_at and trade.expires_at <= clock.now():
            self._shut(trade)

    def _shut(self, trade: FakeTrade) -> None:
        trade.status, trade.closed_at = "TRADE_CLOSED", clock.now()
        if trade.product == "QUICK_WAP_PAY":
            self.notices.append(self.notice(trade))

    # -- answers ------------------------------------------------------------------------------------------

    def _emit(self, method: str, answer: Mapping[str, Any], *, signed: bool = True) -> bytes:
        node = json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
        name = f"{method.replace('.', '_')}_response"
        sign = f',"sign":"{rsa2(self.key, node)}"' if signed else ""
        return f'{{"{name}":{node}{sign}}}'.encode()

    def _next_trouble(self, method: str) -> str:
        for planned in self._trouble:
            if planned[0] == method and planned[1] != "refuse":
                self._trouble.remove(planned)
                return planned[1]
        return ""

    def _planned_refusal(self, method: str) -> str:
        for planned in self._trouble:
            if planned[0] == method and planned[1] == "refuse":
                self._trouble.remove(planned)
                return planned[2]
        return ""

    def _misbehave(self, how: str, method: str) -> bytes:
        ok = {"code": "10000", "msg": "Success", "out_trade_no": "0" * 32, "fund_change": "Y"}
        if how == "timeout":
            raise TimeoutError("read timed out")
        if how == "refused_connection":
            raise ConnectionRefusedError("connection refused")
        if how == "html":
            return b"<html><body>502 Bad Gateway</body></html>"
        if how == "bad_sign":
            return self._emit(method, ok).replace(b'"sign":"', b'"sign":"AAAA')
        if how == "unsigned":
            return self._emit(method, ok, signed=False)
        if how == "foreign":
            return self._emit(method, ok | {"trade_status": "TRADE_SUCCESS", "total_amount": "0.01"})
        codes = {"20000": Refusal("aop.unknow-error", "20000"), "system_error": Refusal("ACQ.SYSTEM_ERROR")}
        return self._emit(method, _no(codes[how]))


def _no(refused: Refusal) -> dict[str, Any]:
    return {
        "code": refused.code,
        "msg": "Business Failed",
        "sub_code": refused.sub_code,
        "sub_msg": "refused",
    }


def _beijing(at: datetime | None) -> str:
    return at.astimezone(clock.SHANGHAI).strftime(_STAMP) if at else ""
