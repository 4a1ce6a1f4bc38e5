"""Each named address leads to its own view: a converter that swallows a later literal shows here."""

from typing import Any

import pytest
from django.urls import resolve, reverse

from common.testing.people import ALICE
from order import urls, views

UUID_TEXT = "01900000-0000-7000-8000-00000000f00d"
TABLE: dict[str, tuple[str, type]] = {
    "order-list": ("/api/orders/", views.OrderListAPIView),
    "order-sold": ("/api/orders/sold/", views.OrderSoldAPIView),
    "order-stats": ("/api/orders/stats/", views.OrderStatsAPIView),
    "order-detail": ("/api/orders/{ref}/", views.OrderDetailAPIView),
    "order-cancel": ("/api/orders/{ref}/cancel/", views.OrderCancelAPIView),
    "order-complete": ("/api/orders/{ref}/complete/", views.OrderCompleteAPIView),
    "order-pay": ("/api/orders/{ref}/pay/", views.OrderPayAPIView),
    "order-ship": ("/api/orders/{ref}/ship/", views.OrderShipAPIView),
    "order-logistics": ("/api/orders/{ref}/logistics/", views.OrderLogisticsAPIView),
    "order-timeline": ("/api/orders/{ref}/timeline/", views.OrderTimelineAPIView),
    "order-internal-orders": ("/api/orders/internal/orders/{ref}/", views.OrderInternalAPIView),
    "order-internal": ("/api/orders/internal/{ref}/", views.OrderInternalAPIView),
    "event-payment-notified": ("/event/payment_notified_cm", views.PaymentNotifiedAPIView),
    "event-payment-failed": ("/event/payment_failed_cm", views.PaymentFailedAPIView),
    "event-refund-notified": ("/event/refund_notified", views.RefundNotifiedAPIView),
    "event-logistics-updated": ("/event/logistics_updated", views.LogisticsUpdatedAPIView),
    "event-purchased": ("/event/purchased", views.PurchasedAPIView),
    "event-group-update": ("/event/group_update", views.GroupUpdateAPIView),
}


def test_the_table_names_every_route() -> None:
    assert {pattern.name for pattern in urls.urlpatterns if pattern.name} == set(TABLE)


@pytest.mark.parametrize("name", sorted(TABLE))
@pytest.mark.parametrize("ref", [UUID_TEXT, "CFMP2026112112345678", "ORD20250115001", "4503599627370496"])
def test_a_named_route_resolves_to_its_own_view(name: str, ref: str) -> None:
    path, view = TABLE[name]
    path = path.format(ref=ref)
    arguments = {"ref": ref} if "{ref}" in TABLE[name][0] else {}

    assert reverse(name, kwargs=arguments) == path
    assert resolve(path).func.view_class is view
    other = path.removesuffix("/") if path.endswith("/") else f"{path}/"
    assert resolve(other).func.view_class is view


@pytest.mark.parametrize(
    "ref", ["x", "-1", "0", "CFMP", "cfmp2026112112345678", "99999999999999999999", "1e3"]
)
def test_what_is_no_reference_is_not_found(api: Any, ref: str) -> None:
    answer = api(ALICE).get(f"/api/orders/{ref}/")

    assert (answer.status_code, answer.json()["code"]) == (404, "1005")
