"""HTTP in Alipay's family (reference 4) and at the providers' door: callbacks, the return page.

The same use cases as `views`, in camelCase and with integer codes; callbacks answer in the provider's own
words.
"""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpResponse
from django.template.loader import render_to_string
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from common.idempotency.decorator import idempotent
from common.web.client_address import client_ip
from common.web.views import OpenAPIView, UserAPIView
from payment import selectors
from payment import serializers as shapes
from payment.errors import CallbackRefused, PaymentStateConflict, ProviderUnknown
from payment.gateways.base import TradeState
from payment.sagas.create import payment_start
from payment.sagas.notify import callback_refused, notify_receive, return_read
from payment.sagas.order import order_for_buyer, refund_terms
from payment.sagas.refund import refund_start
from payment.sagas.sync import payment_end, payment_sync
from payment.states import CHARGED, PaymentStatus, RefundStatus
from payment.views import own

SUCCESS, FAILURE = "success", "failure"
FORM = {"application/x-www-form-urlencoded": {"type": "object", "additionalProperties": {"type": "string"}}}


class AlipayCreateAPIView(UserAPIView):
    """Start paying by Alipay; answers with the form and the address of the cashier."""

    family = "payment_api"
    request_schema = shapes.AlipayCreateSerializer
    success_status: ClassVar[Any] = (200, 202)

    @idempotent
    def post(self, request: Request) -> Response:
        body, buyer = self.body(), self.principal.user_uuid
        assert buyer is not None
        payment = payment_start(
            order=order_for_buyer(body["ref"], user_uuid=buyer, amount=body["amount"]),
            method=body["method"],
            subject=body["subject"],
            return_url=body["returnUrl"],
            notify_url=body["notifyUrl"],
            client_ip=client_ip(request),
            actor=self.principal.actor,
        )
        return self._answer(payment)

    def rebuild(self, resource_uuid: UUID) -> Response:
        return self._answer(selectors.payment_by_uuid(resource_uuid))

    def _answer(self, payment: Any) -> Response:
        ready = shapes.pay_data(payment) is not None or payment.under_review
        return self.answer(
            shapes.alipay_created(payment), message="支付订单创建成功", status=200 if ready else 202
        )


class AlipayPaymentAPIView(UserAPIView):
    """What the following share: the caller's own payment by `outTradeNo`, which is an attempt or an order
    number."""

    family = "payment_api"

    def found(self, out_trade_no: str) -> Any:
        """The payment; PaymentNotFound for unknown and not yours alike."""
        return selectors.payment_by_trade_no(out_trade_no, user_uuid=own(self.principal))


class AlipayQueryAPIView(AlipayPaymentAPIView):
    """Ask Alipay; its own word for the trade. What it says is booked on the way."""

    answer_schema = serializers.CharField

    def get(self, request: Request, out_trade_no: str) -> Response:
        trade = payment_sync(self.found(out_trade_no), actor=self.principal.actor)
        return self.answer(trade.word if trade else "TRADE_NOT_EXIST", message="查询成功")


class AlipayVerifyAPIView(AlipayPaymentAPIView):
    """Is it paid? True only when Alipay says so."""

    answer_schema = serializers.BooleanField

    def get(self, request: Request, out_trade_no: str) -> Response:
        payment = self.found(out_trade_no)
        paid = payment.status in CHARGED
        if not paid:
            trade = payment_sync(payment, actor=self.principal.actor)
            paid = trade is not None and trade.state is TradeState.PAID
        return self.answer(paid, message="支付成功" if paid else "支付未完成")


class AlipayRefundAPIView(AlipayPaymentAPIView):
    """Ask for money back; parameters in the body or in the query."""

    request_schema = shapes.AlipayRefundSerializer
    answer_schema = serializers.BooleanField
    success_status: ClassVar[Any] = (200, 202)

    @idempotent
    def post(self, request: Request) -> Response:
        form = shapes.AlipayRefundSerializer(data={**request.query_params.dict(), **request.data})
        form.is_valid(raise_exception=True)
        wish, caller = form.validated_data, self.principal.user_uuid
        assert caller is not None
        payment = self.found(wish["outTradeNo"])
        source, approved = refund_terms(payment, user_uuid=caller, is_admin=own(self.principal) is None)
        refund = refund_start(
            payment=payment,
            amount=wish["refundAmount"],
            reason=wish["refundReason"],
            source=source,
            actor=self.principal.actor,
            approved=approved,
        )
        return self._answer(refund)

    def rebuild(self, resource_uuid: UUID) -> Response:
        return self._answer(selectors.refund_get(resource_uuid, user_uuid=None))

    def _answer(self, refund: Any) -> Response:
        done = refund.status == RefundStatus.SUCCEEDED
        waiting = refund.status in (RefundStatus.REQUESTED, RefundStatus.PROCESSING)
        message = "退款处理完成" if done else "退款申请已受理" if waiting else "退款失败"
        return self.answer(done or waiting, message=message, status=202 if waiting else 200)


class AlipayCloseAPIView(AlipayPaymentAPIView):
    """Close an unpaid trade, at Alipay first."""

    answer_schema = serializers.BooleanField

    def post(self, request: Request, out_trade_no: str) -> Response:
        payment_end(self.found(out_trade_no), reason="closed", actor=self.principal.actor)
        return self.answer(True, message="订单关闭成功")


class AlipayNotifyAPIView(OpenAPIView):
    """Alipay's asynchronous notification: exactly `success` after commit, `failure` otherwise."""

    family = "provider"

    @extend_schema(
        request=FORM, responses={(200, "text/plain"): OpenApiTypes.STR, (400, "text/plain"): OpenApiTypes.STR}
    )
    def post(self, request: Request) -> HttpResponse:
        try:
            notify_receive(body=request._request.body, client_ip=client_ip(request))
        except CallbackRefused as refused:
            return HttpResponse(FAILURE, status=refused.status, content_type="text/plain")
        return HttpResponse(SUCCESS, content_type="text/plain")


class PaymentCallbackAPIView(AlipayNotifyAPIView):
    """`/api/payment/callback/alipay/` is the notify. Providers we do not have yet prove nothing: refused,
    and noted."""

    @extend_schema(
        request=FORM, responses={(200, "text/plain"): OpenApiTypes.STR, (400, "text/plain"): OpenApiTypes.STR}
    )
    def post(self, request: Request, method: str) -> HttpResponse:  # type: ignore[override]
        if method == "alipay":
            return super().post(request)
        callback_refused(
            method=method[:20],
            reason="unsupported_provider",
            body=request._request.body,
            client_ip=client_ip(request),
        )
        raise CallbackRefused(reason="unsupported_provider")


class PaymentReturnAPIView(OpenAPIView):
    """Where the cashier sends the buyer back: the provider is asked, and the truth is shown."""

    family = "provider"

    @extend_schema(responses={(200, "text/html"): OpenApiTypes.STR, (400, "text/html"): OpenApiTypes.STR})
    def get(self, request: Request, method: str) -> HttpResponse:
        if method != "alipay":
            raise Http404
        payment = return_read(method, request.query_params.dict())
        if payment is None:
            return self._page({"state": "unverified"}, status=400)
        return self._page(self._found(payment))

    def _found(self, payment: Any) -> dict[str, Any]:
        if payment.status == PaymentStatus.PENDING:
            try:
                payment_sync(payment, actor="system:return")
            except (ProviderUnknown, CallbackRefused, PaymentStateConflict):
                pass
            payment = selectors.payment_by_uuid(payment.payment_uuid)
        return {"state": shapes.status_word(payment), "payment": payment}

    def _page(self, facts: dict[str, Any], *, status: int = 200) -> HttpResponse:
        shop = facts["payment"].return_url if "payment" in facts else ""
        page = facts | {"language": self.language, "back": shop or settings.CFMP.public_base_url}
        answer = HttpResponse(render_to_string("payment/return.html", page), status=status)
        # A page with somebody's payment on it: nobody keeps it, frames it, or learns its address from a link.
        answer["Cache-Control"], answer["Referrer-Policy"] = "no-store", "no-referrer"
        answer["Content-Security-Policy"] = (
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
        )
        return answer
