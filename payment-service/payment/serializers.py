"""Wire shapes: serializers for what comes in, plain functions for what goes out. No rule about money lives
here."""

from __future__ import annotations

from datetime import datetime
from html import escape
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from django.conf import settings
from rest_framework import serializers

from common.clock import rfc3339
from common.tracing import localized
from common.web.converters import parse_ref
from common.web.fields import AmountField, RefField
from common.web.rendering import MoneyNumber
from payment.errors import NotifyUrlRefused, ReturnUrlRefused
from payment.models import Payment, PaymentEvent, Refund
from payment.policies import is_within
from payment.states import (
    METHOD_ALIASES,
    SHOWN_REFUND,
    PaymentMethod,
    PaymentStatus,
    RefundStatus,
    shown_status,
)

LONGEST_URL = 512


class MethodField(serializers.Field):
    """`alipay`, `alipay_wap`, `alipay_qr`, `wechat_pay`, the order's 0 and 1, or reference 4's channel
    names."""

    def to_internal_value(self, data: Any) -> PaymentMethod:
        text = str(data).strip().lower() if type(data) in (str, int) else ""
        if text not in METHOD_ALIASES:
            raise serializers.ValidationError(localized("未知的支付方式", "Not a known payment method."))
        return METHOD_ALIASES[text]

    def to_representation(self, value: Any) -> str:
        return str(value)


class PaymentCreateSerializer(serializers.Serializer):
    """CFMP create. `amount` may be sent and must then be the order's; `order` and `client_ip` are
    OrderService's."""

    order_uuid = RefField(entity="order", required=False)
    order_id = RefField(entity="order", required=False)
    amount = AmountField(required=False, allow_null=True, default=None)
    payment_method = MethodField(required=False, default=PaymentMethod.ALIPAY)
    payment_subject = serializers.CharField(
        required=False, default="", allow_blank=True, allow_null=True, max_length=256
    )
    return_url = serializers.CharField(required=False, default="", allow_blank=True, max_length=LONGEST_URL)
    user_uuid = serializers.UUIDField(required=False, default=None, allow_null=True)
    client_ip = serializers.CharField(required=False, default="", allow_blank=True, max_length=45)
    order = serializers.DictField(required=False, default=None, allow_null=True)

    def validate_return_url(self, value: str) -> str:
        return allowed_return_url(value)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        ref = attrs.get("order_uuid") or attrs.get("order_id")
        if ref is None:
            raise serializers.ValidationError(
                {"order_uuid": [localized("该字段是必填项。", "This field is required.")]}
            )
        return attrs | {"ref": ref, "payment_subject": attrs.get("payment_subject") or ""}


class RefundCreateSerializer(serializers.Serializer):
    """A refund by order or by payment; without an amount, all that is left."""

    refund_amount = AmountField(required=False, allow_null=True, default=None)
    refund_reason = serializers.CharField(
        required=False, default="", allow_blank=True, allow_null=True, max_length=255
    )
    refund_method = serializers.ChoiceField(
        choices=["original_payment", "wallet"], required=False, default="original_payment"
    )
    order = serializers.DictField(required=False, default=None, allow_null=True)


class ReasonSerializer(serializers.Serializer):
    """Why a refund was decided the way it was; why a payment is given up."""

    reason = serializers.CharField(required=False, default="", allow_blank=True, max_length=255)


class AlipayCreateSerializer(serializers.Serializer):
    """Reference 4's create. The number wins over the id; `channel` PC, WAP or QR."""

    orderId = serializers.JSONField(required=False, default=None)
    orderNo = serializers.CharField(required=False, default="", allow_blank=True, max_length=36)
    subject = serializers.CharField(required=False, default="", allow_blank=True, max_length=256)
    amount = AmountField(required=False, allow_null=True, default=None)
    channel = serializers.ChoiceField(
        choices=["ALIPAY_PC", "ALIPAY_WAP", "ALIPAY_QR"], required=False, default="ALIPAY_PC"
    )
    returnUrl = serializers.CharField(required=False, default="", allow_blank=True, max_length=LONGEST_URL)
    notifyUrl = serializers.CharField(required=False, default="", allow_blank=True, max_length=LONGEST_URL)

    def validate_returnUrl(self, value: str) -> str:
        return allowed_return_url(value)

    def validate_notifyUrl(self, value: str) -> str:
        # It never reaches Alipay, where it would divert our own notifications: we tell it ourselves.
        # Unlike a browser, we send an address as it stands: in ASCII, or not at all.
        if value and not (value.isascii() and is_within(value, settings.CFMP.notify_url_allow)):
            raise NotifyUrlRefused(fields={"notifyUrl": [localized("不在允许列表中", "not allowed")]})
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        named = attrs["orderNo"] or attrs["orderId"]
        if named is None:
            raise serializers.ValidationError(
                {"orderNo": [localized("orderNo 或 orderId 必填", "orderNo or orderId is required")]}
            )
        try:
            ref = parse_ref("order", str(named) if type(named) in (str, int) else "")
        except ValueError:
            wrong = "orderNo" if attrs["orderNo"] else "orderId"
            raise serializers.ValidationError(
                {wrong: [localized("编号格式错误", "Not a known form of reference")]}
            ) from None
        return attrs | {"ref": ref, "method": METHOD_ALIASES[_CHANNELS[attrs["channel"]]]}


class AlipayRefundSerializer(serializers.Serializer):
    """Reference 4's refund, from the body or the query."""

    outTradeNo = serializers.CharField(max_length=64)
    refundAmount = AmountField()
    refundReason = serializers.CharField(max_length=255)


_CHANNELS = {"ALIPAY_PC": "alipay", "ALIPAY_WAP": "alipay_wap", "ALIPAY_QR": "alipay_qr"}


def allowed_return_url(value: str) -> str:
    """`value` when it starts with an allowed origin or prefix; ReturnUrlRefused otherwise. Empty stays
    empty."""
    if not value:
        return value
    allowed = settings.CFMP.return_url_allow or (settings.CFMP.public_base_url,)
    if not is_within(value, allowed):
        raise ReturnUrlRefused(fields={"returnUrl": [localized("不在允许列表中", "not allowed")]})
    return value


class PaymentSerializer(serializers.Serializer):
    """A payment in CFMP answers (documentation of `payment_shape`)."""

    payment_id = serializers.IntegerField()
    payment_uuid = serializers.UUIDField()
    order_uuid = serializers.UUIDField()
    order_id = serializers.CharField()
    user_uuid = serializers.UUIDField()
    amount = serializers.CharField()
    currency = serializers.CharField()
    status = serializers.CharField()
    payment_method = serializers.CharField()
    payment_subject = serializers.CharField()
    transaction_id = serializers.CharField(allow_null=True)
    failure_reason = serializers.CharField(allow_null=True)
    refunded_amount = serializers.CharField()
    under_review = serializers.BooleanField()
    paid_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()


class PaymentDetailSerializer(PaymentSerializer):
    """With the way to the cashier and the refunds (documentation of `payment_detail`)."""

    payment_data = serializers.DictField(allow_null=True)
    refunds = serializers.ListField(child=serializers.DictField())


class RefundSerializer(serializers.Serializer):
    """A refund in lists (documentation of `refund_shape`)."""

    refund_id = serializers.UUIDField()
    payment_uuid = serializers.UUIDField()
    order_uuid = serializers.UUIDField()
    order_id = serializers.CharField()
    refund_amount = serializers.CharField()
    refund_status = serializers.CharField()
    state = serializers.CharField()
    source = serializers.CharField()
    reason = serializers.CharField()
    decision_reason = serializers.CharField()
    failure_reason = serializers.CharField()
    out_request_no = serializers.CharField()
    created_at = serializers.DateTimeField()
    settled_at = serializers.DateTimeField(allow_null=True)


class RefundAnswerSerializer(serializers.Serializer):
    """Reference 1's answer to a refund (documentation of `refund_answer`)."""

    success = serializers.BooleanField()
    refund_id = serializers.UUIDField()
    order_id = serializers.CharField()
    refund_amount = serializers.FloatField()
    refund_status = serializers.ChoiceField(choices=["completed", "processing", "failed"])
    estimated_arrival = serializers.CharField()


def status_word(payment: Payment) -> str:
    """The CFMP word for a payment's status."""
    return shown_status(payment.status, unknown=payment.unknown, settles_order=payment.settles_order)


def payment_shape(payment: Payment) -> dict[str, Any]:
    """A payment in lists."""
    return {
        "payment_id": payment.id,
        "payment_uuid": payment.payment_uuid,
        "order_uuid": payment.order_uuid,
        "order_id": payment.order_id,
        "user_uuid": payment.user_uuid,
        "amount": payment.amount,
        "currency": payment.currency,
        "status": status_word(payment),
        "payment_method": payment.payment_method,
        "payment_subject": payment.subject,
        "transaction_id": payment.transaction_id or None,
        "failure_reason": payment.failure_reason or None,
        "refunded_amount": payment.refunded_amount,
        "under_review": payment.under_review,
        "paid_at": _time(payment.paid_at),
        "created_at": _time(payment.created_at),
        "expires_at": _time(payment.expires_at),
    }


def payment_created(payment: Payment) -> dict[str, Any]:
    """The answer to a create: how to pay, or that somebody has to look at it first."""
    return payment_shape(payment) | {"payment_data": pay_data(payment)}


def payment_detail(
    payment: Payment, refunds: list[Refund], *, facts: list[PaymentEvent] | None, may_pay: bool
) -> dict[str, Any]:
    """One payment; `facts` of its ledger for sibling services alone, the cashier for its buyer alone."""
    shape = payment_shape(payment) | {
        "payment_data": pay_data(payment) if may_pay else None,
        "refunds": [refund_brief(refund) for refund in refunds],
    }
    return shape if facts is None else shape | {"events": [_fact(fact) for fact in facts]}


def pay_data(payment: Payment) -> dict[str, Any] | None:
    """`{qrcode, url}` while the buyer may pay; null before the cashier is known, under review, and
    afterwards."""
    known = payment.pay_url or payment.qr_code
    if payment.status != PaymentStatus.PENDING or payment.under_review or not known:
        return None
    return {"qrcode": payment.qr_code or None, "url": payment.pay_url or None}


def refund_brief(refund: Refund) -> dict[str, Any]:
    """A refund inside a payment."""
    return {
        "refund_id": refund.refund_uuid,
        "refund_amount": refund.amount,
        "refund_status": SHOWN_REFUND[RefundStatus(refund.status)],
        "state": RefundStatus(refund.status).name.lower(),
        "source": refund.source,
        "reason": refund.reason,
        "out_request_no": refund.out_request_no,
        "created_at": _time(refund.created_at),
        "settled_at": _time(refund.settled_at),
    }


def refund_shape(refund: Refund) -> dict[str, Any]:
    """A refund in lists; comes with its payment selected."""
    return refund_brief(refund) | {
        "payment_uuid": refund.payment.payment_uuid,
        "order_uuid": refund.order_uuid,
        "order_id": refund.payment.order_id,
        "decision_reason": refund.decision_reason,
        "failure_reason": refund.failure_reason,
    }


def refund_answer(refund: Refund, order_id: str) -> dict[str, Any]:
    """Reference 1's answer: the amount is a bare number there."""
    return {
        "success": refund.status not in (RefundStatus.FAILED, RefundStatus.REJECTED),
        "refund_id": refund.refund_uuid,
        "order_id": order_id,
        "refund_amount": MoneyNumber(refund.amount),
        "refund_status": SHOWN_REFUND[RefundStatus(refund.status)],
        "state": RefundStatus(refund.status).name.lower(),
        "estimated_arrival": "3-5个工作日",
    }


def alipay_created(payment: Payment) -> dict[str, Any]:
    """Reference 4's answer: a form that posts itself to the cashier, and the same as an address."""
    data = pay_data(payment) or {}
    url = data.get("url")
    return {
        "paymentForm": pay_form(url) if url else None,
        "paymentUrl": url,
        "qrCode": data.get("qrcode"),
        "outTradeNo": payment.out_trade_no,
        "paymentId": payment.id,
        "underReview": payment.under_review,
    }


def pay_form(url: str) -> str:
    """The signed cashier address as a self-submitting form, every value escaped."""
    parts = urlsplit(url)
    fields = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in parse_qsl(parts.query)
    )
    action = escape(f"{parts.scheme}://{parts.netloc}{parts.path}?charset=utf-8")
    return (
        f'<form id="alipay" method="post" action="{action}">{fields}</form>'
        '<script>document.getElementById("alipay").submit()</script>'
    )


def _fact(fact: PaymentEvent) -> dict[str, Any]:
    kind, _, outcome = fact.kind.partition("_")
    return {
        "kind": kind,
        "outcome": outcome,
        "amount": fact.amount,
        "at": _time(fact.created_at),
        "reference": fact.reference,
    }


def _time(at: datetime | None) -> str | None:
    return rfc3339(at) if at else None
