"""Every address of payments. Literals before converters; internal ones last (the gateway routes none of
those)."""

from django.urls import URLPattern, re_path
from rest_framework.views import APIView

from common.web.urls import both
from payment import alipay_views, views

ALIPAY = "api/v1/payment/alipay"
# An attempt's number (32 hex), its UUID, or an order's number.
TRADE_NO = r"(?P<out_trade_no>[0-9A-Za-z-]{1,64})"


def trade(verb: str, view: type[APIView], name: str) -> URLPattern:
    """`…/{verb}/{outTradeNo}`, with and without a last slash."""
    return re_path(rf"^{ALIPAY}/{verb}/{TRADE_NO}/?$", view.as_view(), name=name)


urlpatterns = [
    *both("api/payment/create/", views.PaymentCreateAPIView.as_view(), "payment-create"),
    *both("api/payment/records/", views.PaymentRecordsAPIView.as_view(), "payment-records"),
    *both(
        "api/payment/callback/<slug:method>/",
        alipay_views.PaymentCallbackAPIView.as_view(),
        "payment-callback",
    ),
    *both("api/payment/return/<slug:method>/", alipay_views.PaymentReturnAPIView.as_view(), "payment-return"),
    *both("api/payment/<payment:payment>/cancel/", views.PaymentCancelAPIView.as_view(), "payment-cancel"),
    *both("api/payment/<order:order>/refund/", views.PaymentRefundAPIView.as_view(), "payment-refund"),
    *both("api/payment/<order:order>/", views.PaymentDetailAPIView.as_view(), "payment-detail"),
    *both("api/payments/", views.PaymentListAPIView.as_view(), "payment-list"),
    *both(
        "api/payments/<payment:payment>/refund/",
        views.PaymentRefundByIdAPIView.as_view(),
        "payment-refund-by-id",
    ),
    *both("api/refunds/", views.RefundListAPIView.as_view(), "refund-list"),
    *both("api/refunds/<uuid:refund_uuid>/approve/", views.RefundApproveAPIView.as_view(), "refund-approve"),
    *both("api/refunds/<uuid:refund_uuid>/reject/", views.RefundRejectAPIView.as_view(), "refund-reject"),
    *both(f"{ALIPAY}/create", alipay_views.AlipayCreateAPIView.as_view(), "alipay-create"),
    *both(f"{ALIPAY}/notify", alipay_views.AlipayNotifyAPIView.as_view(), "alipay-notify"),
    *both(f"{ALIPAY}/refund", alipay_views.AlipayRefundAPIView.as_view(), "alipay-refund"),
    trade("query", alipay_views.AlipayQueryAPIView, "alipay-query"),
    trade("close", alipay_views.AlipayCloseAPIView, "alipay-close"),
    trade("verify", alipay_views.AlipayVerifyAPIView, "alipay-verify"),
    *both("event/inbox", views.PaymentInboxAPIView.as_view(), "payment-inbox"),
]
