"""What answers on port 8090."""

from django.urls import path
from faults.views import fault_urls

from alipay_simulator.views import bills, cashier, control, control_room, gateway
from config.web import by_method, health

handler404 = "config.web.not_found"

urlpatterns = [
    path("health", health("AlipaySimulator")),
    path("gateway.do", by_method(GET=gateway.gateway, POST=gateway.gateway)),
    path("cashier/<str:token>", by_method(GET=cashier.cashier)),
    path("qr/<str:token>", by_method(GET=cashier.cashier)),
    path("cashier/<str:token>/<slug:action>", by_method(POST=cashier.cashier_press)),
    path("bills/<slug:bill_type>/<str:day>.zip", by_method(GET=bills.bill_file)),
    path("", by_method(GET=control_room.control_room)),
    path("sim/", by_method(GET=control_room.control_room)),
    path("sim/application/", by_method(GET=control.application)),
    path("sim/trades/", by_method(GET=control.trades)),
    path("sim/trades/<str:out_trade_no>/", by_method(GET=control.trade)),
    path("sim/trades/<str:out_trade_no>/<slug:action>/", by_method(POST=control.trade_press)),
    path("sim/events/", by_method(GET=control.events)),
    path("sim/notify/", by_method(POST=control.custom_notify)),
    path("sim/notifications/<str:notify_id>/resend/", by_method(POST=control.resend)),
    path("sim/clock/", by_method(GET=control.clock, POST=control.clock)),
    path("sim/triggers/", by_method(GET=control.triggers, POST=control.triggers)),
    path("sim/reset/", by_method(POST=control.reset)),
    *fault_urls("alipay", "notify"),
]
