"""Every named address leads to its own view, with and without its last slash; the figures are on the page."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.urls import Resolver404, resolve, reverse

from common.testing.people import ALICE

UUID_TEXT = "01900000-0000-7000-8000-00000000a11c"
ADDRESSES = {
    "/api/payment/create/": "PaymentCreateAPIView",
    "/api/payment/records/": "PaymentRecordsAPIView",
    f"/api/payment/{UUID_TEXT}/": "PaymentDetailAPIView",
    "/api/payment/CFMP2026112112345678/": "PaymentDetailAPIView",
    "/api/payment/ORD20250115001/": "PaymentDetailAPIView",
    f"/api/payment/{UUID_TEXT}/cancel/": "PaymentCancelAPIView",
    f"/api/payment/{UUID_TEXT}/refund/": "PaymentRefundAPIView",
    "/api/payment/CFMP2026112112345678/refund/": "PaymentRefundAPIView",
    "/api/payment/callback/alipay/": "PaymentCallbackAPIView",
    "/api/payment/callback/card/": "PaymentCallbackAPIView",
    "/api/payment/return/alipay/": "PaymentReturnAPIView",
    "/api/payments/": "PaymentListAPIView",
    f"/api/payments/{UUID_TEXT}/refund/": "PaymentRefundByIdAPIView",
    "/api/refunds/": "RefundListAPIView",
    f"/api/refunds/{UUID_TEXT}/approve/": "RefundApproveAPIView",
    f"/api/refunds/{UUID_TEXT}/reject/": "RefundRejectAPIView",
    "/api/v1/payment/alipay/create": "AlipayCreateAPIView",
    "/api/v1/payment/alipay/notify": "AlipayNotifyAPIView",
    "/api/v1/payment/alipay/refund": "AlipayRefundAPIView",
    "/api/v1/payment/alipay/query/ORD20250115001": "AlipayQueryAPIView",
    "/api/v1/payment/alipay/close/ORD20250115001": "AlipayCloseAPIView",
    "/api/v1/payment/alipay/verify/ORD20250115001": "AlipayVerifyAPIView",
    "/event/inbox": "PaymentInboxAPIView",
}


@pytest.mark.parametrize(("address", "view"), ADDRESSES.items())
def test_an_address_leads_to_its_view_in_both_slash_forms(address: str, view: str) -> None:
    for form in (address.rstrip("/"), f"{address.rstrip('/')}/"):
        assert resolve(form).func.cls.__name__ == view


@pytest.mark.parametrize(
    "address",
    [
        "/api/payment/",
        "/api/payment/nonsense!/",
        "/api/refunds/1/approve/",
        "/payments",
        "/internal/payment/1",
    ],
)
def test_what_is_not_built_does_not_resolve(address: str) -> None:
    with pytest.raises(Resolver404):
        resolve(address)


def test_names_reverse_to_their_addresses() -> None:
    assert reverse("payment-refund", kwargs={"order": UUID_TEXT}) == f"/api/payment/{UUID_TEXT}/refund/"
    assert reverse("payment-return", kwargs={"method": "alipay"}) == "/api/payment/return/alipay/"
    assert reverse("refund-approve", kwargs={"refund_uuid": UUID(UUID_TEXT)}).endswith("/approve/")


@pytest.mark.django_db
def test_the_figures_tell_what_is_unknown_stuck_and_refused(shop: Any, frozen_clock: Any) -> None:
    waiting = shop.pending()
    shop.alipay.scan_url(waiting.pay_url)
    shop.alipay.fail_next("alipay.trade.query")
    shop.api(ALICE).post(f"/api/payment/{waiting.payment_uuid}/cancel/", {})
    shop.alipay.fail_next("alipay.trade.refund")
    shop.refund(shop.paid(), "5.00")
    shop.notify(b"trade_status=TRADE_SUCCESS")
    frozen_clock.move(seconds=90)

    page = shop.api().get("/metrics").content.decode()

    for line in (
        "payment_unknown 1.0",
        "payment_unknown_age_seconds 90.0",
        "refund_open 1.0",
        "refund_open_age_seconds 90.0",
        "refund_stuck 0.0",
        'notify_rejected{reason="unsigned"} 1.0',
    ):
        assert line in page.splitlines(), line
