"""`/sim/` as a page: recent trades, armed faults, traffic, and buttons for what the control API does."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from faults.kinds import KINDS
from faults.switchboard import fault_list

from alipay_simulator import switches
from alipay_simulator.methods import KNOWN_METHODS
from alipay_simulator.models import Notification, Trade
from alipay_simulator.states import PRODUCTS, TRIGGERS
from alipay_simulator.traffic import traffic_list
from alipay_simulator.wire import beijing

TARGETS = ("alipay", "notify")
SHOWN_TRADES = 12
SHOWN_NOTIFICATIONS = 12


def control_room(request: HttpRequest) -> HttpResponse:
    triggers = switches.triggers_all()
    trades = Trade.objects.order_by("-id")
    notifications = Notification.objects.select_related("trade").order_by("-id")
    return render(
        request,
        "alipay_simulator/control.html",
        {
            "trades": trades[:SHOWN_TRADES],
            "notifications": notifications[:SHOWN_NOTIFICATIONS],
            "faults": fault_list(TARGETS),
            "kinds": {target: KINDS[target] for target in TARGETS},
            "operations": {"alipay": sorted(KNOWN_METHODS), "notify": TRIGGERS},
            "traffic": traffic_list(limit=30)[::-1],
            "matrix": [(product, _cells(triggers[product])) for product in PRODUCTS],
            "triggers": TRIGGERS,
            "now": beijing(switches.now()),
            "offset": switches.clock_offset(),
        },
    )


def _cells(on: tuple[str, ...]) -> list[tuple[str, bool]]:
    return [(name, name in on) for name in TRIGGERS]
