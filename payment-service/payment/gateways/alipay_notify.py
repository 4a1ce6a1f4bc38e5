"""Reading what Alipay posts and what a buyer's browser brings back. Proof first, meaning second.

Rules (Alipay open documents 204/105301 and 203/105286): drop `sign` and `sign_type`, sort, join `k=v` with
`&` unquoted, verify SHA256withRSA with Alipay's public key; then app_id and seller_id must be ours.
`out_trade_no` and `total_amount` are compared with the payment by the service that books it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from urllib.parse import parse_qsl

from common import clock
from common.errors import InvalidAmount
from common.money import parse_amount
from payment.errors import CallbackRefused
from payment.gateways.alipay_sdk import AlipayConfig, CertificateClient, KeyClient, verify_text
from payment.gateways.base import Notification, TradeState

CHARSETS = {"utf-8": "utf-8", "utf8": "utf-8", "gbk": "gb18030", "gb2312": "gb18030", "gb18030": "gb18030"}
TRADE_STATES: Mapping[str, TradeState] = {
    "WAIT_BUYER_PAY": TradeState.WAITING,
    "TRADE_SUCCESS": TradeState.PAID,
    "TRADE_FINISHED": TradeState.PAID,
    "TRADE_CLOSED": TradeState.CLOSED,
}
MAX_FIELDS = 100


def read_notify(client: KeyClient | CertificateClient, config: AlipayConfig, body: bytes) -> Notification:
    """Verify one posted notification; CallbackRefused names the check that failed."""
    fields = parse_form(body)
    _check_signature(client, fields)
    if fields.get("app_id") != config.app_id:
        raise CallbackRefused(reason="foreign_app_id")
    if fields.get("seller_id") != config.seller_id:
        raise CallbackRefused(reason="foreign_seller_id")
    try:
        return _notification(fields)
    except (KeyError, ValueError, InvalidAmount) as wrong:
        raise CallbackRefused(reason="unreadable") from wrong


def read_return(
    client: KeyClient | CertificateClient, config: AlipayConfig, fields: Mapping[str, str]
) -> str:
    """The `out_trade_no` of a signed return. It says the buyer came back, never that they paid."""
    _check_signature(client, fields)
    if fields.get("app_id") != config.app_id or not fields.get("out_trade_no"):
        raise CallbackRefused(reason="foreign_app_id")
    return fields["out_trade_no"]


def parse_form(body: bytes) -> dict[str, str]:
    """The form's fields, decoded by the charset it names; each name once, or the signature means nothing."""
    charset = "utf-8"
    for name, value in _pairs(body, "latin-1"):
        if name == "charset":
            charset = CHARSETS.get(value.lower(), "")
    if not charset:
        raise CallbackRefused(reason="unknown_charset")
    pairs = _pairs(body, charset)
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise CallbackRefused(reason="repeated_field")
    return fields


def _pairs(body: bytes, charset: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            encoding=charset,
            errors="strict",
            max_num_fields=MAX_FIELDS,
        )
    except ValueError as wrong:
        raise CallbackRefused(reason="unreadable") from wrong


def _check_signature(client: KeyClient | CertificateClient, fields: Mapping[str, str]) -> None:
    signature = fields.get("sign")
    if not signature:
        raise CallbackRefused(reason="unsigned")
    if fields.get("sign_type") != "RSA2":
        raise CallbackRefused(reason="wrong_sign_type")
    charset = CHARSETS.get(fields.get("charset", "utf-8").lower(), "utf-8")
    text = "&".join(f"{name}={fields[name]}" for name in sorted(fields) if name not in ("sign", "sign_type"))
    if not verify_text(client, text.encode(charset, errors="replace"), signature):
        raise CallbackRefused(reason="bad_signature")


def _notification(fields: Mapping[str, str]) -> Notification:
    word = fields["trade_status"]
    refund_fee = _amount(fields.get("refund_fee"))
    return Notification(
        notify_id=_text(fields, "notify_id", 128),
        out_trade_no=_text(fields, "out_trade_no", 64),
        trade_no=_text(fields, "trade_no", 64),
        word=word,
        state=TRADE_STATES[word],
        total_amount=parse_amount(fields["total_amount"], field="total_amount"),
        refund_fee=refund_fee or None,
        refund_no=fields.get("out_biz_no", "") if refund_fee else "",
        paid_at=moment(fields.get("gmt_payment")),
    )


def _text(fields: Mapping[str, str], name: str, longest: int) -> str:
    value = fields[name]
    if not value or len(value) > longest:
        raise ValueError(name)
    return value


def _amount(text: str | None) -> Decimal | None:
    return parse_amount(text, field="refund_fee", zero_ok=True) if text else None


def moment(text: str | None) -> datetime | None:
    """Alipay's Beijing time as UTC; None where it named none."""
    # Alipay writes fractions in some fields ("2026-11-21 10:00:00.320").
    return clock.parse_shanghai(text[:19]) if text else None
