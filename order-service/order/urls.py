"""Addresses of the order service. Literals first: `stats` and `sold` must not be taken for an order."""

from django.urls import URLPattern

from common.web.urls import both
from order import views

PEOPLE: list[URLPattern] = [
    *both("api/orders/", views.OrderListAPIView.as_view(), "order-list"),
    *both("api/orders/sold/", views.OrderSoldAPIView.as_view(), "order-sold"),
    *both("api/orders/stats/", views.OrderStatsAPIView.as_view(), "order-stats"),
    *both("api/orders/<order:ref>/", views.OrderDetailAPIView.as_view(), "order-detail"),
    *both("api/orders/<order:ref>/cancel/", views.OrderCancelAPIView.as_view(), "order-cancel"),
    *both("api/orders/<order:ref>/complete/", views.OrderCompleteAPIView.as_view(), "order-complete"),
    *both("api/orders/<order:ref>/pay/", views.OrderPayAPIView.as_view(), "order-pay"),
    *both("api/orders/<order:ref>/ship/", views.OrderShipAPIView.as_view(), "order-ship"),
    *both("api/orders/<order:ref>/logistics/", views.OrderLogisticsAPIView.as_view(), "order-logistics"),
    *both("api/orders/<order:ref>/timeline/", views.OrderTimelineAPIView.as_view(), "order-timeline"),
]

# Never routed by the gateway.
SIBLINGS: list[URLPattern] = [
    *both(
        "api/orders/internal/orders/<order:ref>/",
        views.OrderInternalAPIView.as_view(),
        "order-internal-orders",
    ),
    *both("api/orders/internal/<order:ref>/", views.OrderInternalAPIView.as_view(), "order-internal"),
]

DOORS: list[URLPattern] = [
    *both("event/payment_notified_cm", views.PaymentNotifiedAPIView.as_view(), "event-payment-notified"),
    *both("event/payment_failed_cm", views.PaymentFailedAPIView.as_view(), "event-payment-failed"),
    *both("event/refund_notified", views.RefundNotifiedAPIView.as_view(), "event-refund-notified"),
    *both("event/logistics_updated", views.LogisticsUpdatedAPIView.as_view(), "event-logistics-updated"),
    *both("event/purchased", views.PurchasedAPIView.as_view(), "event-purchased"),
    *both("event/group_update", views.GroupUpdateAPIView.as_view(), "event-group-update"),
]

urlpatterns = PEOPLE + SIBLINGS + DOORS
