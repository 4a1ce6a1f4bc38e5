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
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from common import clock
from common.testing.provider_keys import (
    beijing,
    canonical,
    private_pem,
    public_pem,
    rsa2,
    rsa_key,
)
from common.testing.provider_trades import FakeTrade, FakeTrades, Refusal, refusal_answer

__all__ = ["FakeAlipay", "FakeTrade", "Refusal", "private_pem", "public_pem", "rsa2", "rsa_key"]


_TRADE_NO = re.compile(r"[0-9A-Za-z_-]{1,64}")
SKEW = timedelta(minutes=15)


class FakeAlipay(FakeTrades):
    """One Alipay with one registered application.

    `balance(out_trade_no)` is what the merchant holds: the number money tests compare our ledger with.
    """

    def __init__(self, *, app_id: str = "2021000000000001", seller_id: str = "2088000000000001") -> None:
        super().__init__()
        self.app_id, self.seller_id = app_id, seller_id
        self.gateway_url = "https://alipay.test/gateway.do"
        self.key = rsa_key("alipay")
        self.app_key = rsa_key("application")
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.notices: list[bytes] = []
        self._trouble: list[tuple[str, str, str]] = []
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
                return self._emit(
                    method, refusal_answer(refused), signed=refused.sub_code != "isv.invalid-app-id"
                )
            self.calls.append((method, content))
            how = self._next_trouble(method)
            if how.startswith("before:"):
                return self._misbehave(how.removeprefix("before:"), method)
            self.on_effect(method, "before")
            answer = self.perform(method, content)
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

    def heal(self) -> None:
        """End all trouble."""
        self._trouble.clear()

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
            return self.create_trade(content, content["product_code"])

    def scan_qr(self, qr_code: str) -> FakeTrade:
        """Scan a QR code: the trade exists."""
        with self._lock:
            return self.create_trade(self.offers[qr_code], "FACE_TO_FACE_PAYMENT")

    def pay_qr(self, qr_code: str) -> FakeTrade:
        """Scan a QR code and pay."""
        return self.pay(self.scan_qr(qr_code).out_trade_no)

    def pay(self, out_trade_no: str) -> FakeTrade:
        """Pay a trade that waits; queues the TRADE_SUCCESS notice."""
        with self._lock:
            trade = self.trades[out_trade_no]
            self.expire_due(trade)
            if trade.status != "WAIT_BUYER_PAY":
                raise Refusal("ACQ.TRADE_STATUS_ERROR")
            trade.status, trade.paid_at = "TRADE_SUCCESS", clock.now()
            self.tell(trade)
            return trade

    # -- notices ------------------------------------------------------------------------------------------

    def tell(self, trade: FakeTrade, refund: str = "") -> None:
        """Queue what Alipay would post now."""
        self.notices.append(self.notice(trade, refund=refund))

    def notice(self, trade: FakeTrade, *, refund: str = "", **changes: str) -> bytes:
        """A signed notification body about `trade` as it is now; `refund` names the refund it is about.

        `changes` are signed over: a wrong amount here is Alipay itself being wrong, not a tampered body.
        """
        fields = {
            "notify_time": beijing(clock.now()),
            "notify_type": "trade_status_sync",
            "notify_id": f"notify{next(self.numbers):026d}",
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
            "gmt_create": beijing(trade.created_at),
            "gmt_payment": beijing(trade.paid_at),
            "gmt_close": beijing(trade.closed_at),
        }
        if refund:
            fields |= {"refund_fee": f"{trade.refunded:.2f}", "gmt_refund": f"{beijing(clock.now())}.320"}
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
            "timestamp": beijing(clock.now()),
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

    def planned_refusal(self, method: str) -> str:
        """The next planned no of `method`."""
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
        return self._emit(method, refusal_answer(codes[how]))
